use std::path::PathBuf;

use messaging_settings::Settings;

use crate::SubjectPrefix;

/// Where NATS is.
#[derive(Debug, Clone)]
pub struct BusConfig {
    /// `NATS_URL`: servers of one cluster, any of which will do.
    pub servers: Vec<async_nats::ServerAddr>,
    /// `NATS_CREDS`: a credentials file; default: none.
    pub credentials_file: Option<PathBuf>,
    /// `NATS_SUBJECT_PREFIX`: the first token of each subject; default `fh`.
    pub prefix: SubjectPrefix,
}

impl BusConfig {
    /// Reads the settings and notes what is wrong with them.
    pub fn read(settings: &mut Settings) -> Self {
        let urls = settings
            .required("NATS_URL", "where NATS is, such as nats://nats:4222")
            .unwrap_or_default();
        Self::read_at(settings, &urls)
    }

    /// Reads the settings but for `NATS_URL`, of which the caller knows better.
    pub fn read_at(settings: &mut Settings, urls: &str) -> Self {
        let mut servers = Vec::new();
        for url in urls.split(',').map(str::trim).filter(|url| !url.is_empty()) {
            match url.parse() {
                Ok(server) => servers.push(server),
                Err(_) => settings.fault(
                    "NATS_URL",
                    "is not a comma-separated list of URLs such as nats://nats:4222",
                ),
            }
        }
        let credentials_file: Option<PathBuf> = settings.optional("NATS_CREDS");
        if credentials_file
            .as_ref()
            .is_some_and(|file| !file.is_file())
        {
            settings.fault("NATS_CREDS", "names no file");
        }
        Self {
            servers,
            credentials_file,
            prefix: settings.or("NATS_SUBJECT_PREFIX", SubjectPrefix::default()),
        }
    }
}
