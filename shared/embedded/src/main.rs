//! The servers of a data folder by themselves: for a local cluster, and for tests of this crate.
//!
//! Starts a server for each of `MONGODB_URI` and `NATS_URL` that is not set, prints both as
//! `NAME=value` lines and then `READY`, and ends on SIGTERM or Ctrl-C.

use std::{
    env,
    error::Error,
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use messaging_embedded::{
    DataFolder, EmbeddedError, EmbeddedMongo, EmbeddedNats, ServerExit, watchdog_main_if_asked,
};
use tokio::signal::unix::{SignalKind, signal};

fn main() -> ExitCode {
    watchdog_main_if_asked();
    match run(&Settings::from_env()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let cause = error
                .source()
                .map(|source| format!(": {source}"))
                .unwrap_or_default();
            // Nobody is left to tell when standard error is gone, too.
            let _ = writeln!(io::stderr(), "messaging-servers: {error}{cause}");
            ExitCode::FAILURE
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn run(settings: &Settings) -> Result<(), Box<dyn Error>> {
    // Before anything is started, so that a signal is a clean stop at any moment.
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut servers = Servers::start(settings).await?;
    servers.announce(settings)?;
    let exit = tokio::select! {
        exit = servers.exited() => Some(exit),
        _ = interrupt.recv() => None,
        _ = terminate.recv() => None,
    };
    servers.stop().await;
    exit.map_or(Ok(()), |exit| Err(exit.to_string().into()))
}

struct Settings {
    /// `DATA_DIR`, default `.data`.
    data_dir: PathBuf,
    /// `MONGODB_URI`: with it, no mongod is started.
    mongodb_uri: Option<String>,
    /// `NATS_URL`: with it, no nats-server is started.
    nats_url: Option<String>,
}

impl Settings {
    fn from_env() -> Self {
        Self {
            data_dir: variable("DATA_DIR").map_or_else(|| Path::new(".data").into(), Into::into),
            mongodb_uri: variable("MONGODB_URI"),
            nats_url: variable("NATS_URL"),
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the settings of this small program"
)]
fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

struct Servers {
    mongo: Option<EmbeddedMongo>,
    nats: Option<EmbeddedNats>,
}

impl Servers {
    async fn start(settings: &Settings) -> Result<Self, EmbeddedError> {
        let folder = DataFolder::open(&settings.data_dir)?;
        let mut servers = Self {
            mongo: None,
            nats: None,
        };
        if settings.mongodb_uri.is_none() {
            servers.mongo = Some(EmbeddedMongo::start(&folder).await?);
        }
        if settings.nats_url.is_none() {
            match EmbeddedNats::start(&folder).await {
                Ok(nats) => servers.nats = Some(nats),
                Err(error) => {
                    servers.stop().await;
                    return Err(error);
                }
            }
        }
        Ok(servers)
    }

    fn announce(&self, settings: &Settings) -> io::Result<()> {
        let mongodb_uri = self.mongo.as_ref().map(EmbeddedMongo::uri);
        let nats_url = self.nats.as_ref().map(EmbeddedNats::url);
        let mut out = io::stdout().lock();
        let mut line = |name, own: Option<&str>, given: Option<&str>| {
            writeln!(out, "{name}={}", own.or(given).unwrap_or_default())
        };
        line("MONGODB_URI", mongodb_uri, settings.mongodb_uri.as_deref())?;
        line("NATS_URL", nats_url, settings.nats_url.as_deref())?;
        writeln!(out, "READY")?;
        out.flush()
    }

    async fn exited(&mut self) -> ServerExit {
        match (&mut self.mongo, &mut self.nats) {
            (Some(mongo), Some(nats)) => tokio::select! {
                exit = mongo.exited() => exit,
                exit = nats.exited() => exit,
            },
            (Some(mongo), None) => mongo.exited().await,
            (None, Some(nats)) => nats.exited().await,
            (None, None) => std::future::pending().await,
        }
    }

    async fn stop(self) {
        if let Some(nats) = self.nats {
            nats.stop().await;
        }
        if let Some(mongo) = self.mongo {
            mongo.stop().await;
        }
    }
}
