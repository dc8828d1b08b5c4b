use std::path::PathBuf;

use clap::Parser;
use messaging_domain::Timestamp;
use messaging_lifecycle::chain;
use messaging_settings::Settings;
use messaging_store::{StoreConfig, StoreConfigError};
use messaging_telemetry::TelemetryConfig;
use mongodb::options::ConnectionString;

/// Moves contracts, conversations and messages of the NestJS messaging module into FreelanceHub Messaging.
///
/// It can be run as often as one likes, also while both systems run, and goes on where a run that was cut short has ended. Each option
/// that takes a value can be given as an environment variable instead, which is the place for passwords. See docs/importing.md.
#[derive(Parser)]
#[command(name = "messaging-import", version)]
pub(crate) struct Arguments {
    /// The old database, such as mongodb://mongodb:27017/old?replicaSet=rs0 [env: IMPORT_FROM_URI]
    #[arg(long, value_name = "URI")]
    from: Option<String>,
    /// The new database, named in the path or by MONGODB_DATABASE [env: MONGODB_URI]
    #[arg(long, value_name = "URI")]
    to: Option<String>,
    /// Most messages that are read and written at a time [env: IMPORT_BATCH_MESSAGES] [default: 1000]
    #[arg(long, value_name = "MESSAGES")]
    batch: Option<String>,
    /// Conversations that are worked on at once [env: IMPORT_CONVERSATIONS_AT_ONCE] [default: 8]
    #[arg(long, value_name = "CONVERSATIONS")]
    at_once: Option<String>,
    /// Only what was written to since then, such as 2026-11-22T19:30:00Z [env: IMPORT_SINCE]
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Where to write what was left out and why, as JSON lines [env: IMPORT_REJECTS_FILE] [default: import-rejects.jsonl]
    #[arg(long, value_name = "FILE")]
    rejects: Option<String>,
    /// Where to write which old conversation became which new one, as JSON lines [env: IMPORT_ID_MAP_FILE]
    #[arg(long, value_name = "FILE")]
    id_map: Option<String>,
    /// The folder that has the files of old attachments; what is not there is linked in the text [env: IMPORT_ATTACHMENTS_DIR]
    #[arg(long, value_name = "DIR")]
    attachments_dir: Option<String>,
    /// Reads and judges everything, and writes nothing but the rejects and the id map
    #[arg(long)]
    dry_run: bool,
    /// Ends with success even if something was left out
    #[arg(long)]
    allow_rejects: bool,
}

/// What a run of the importer goes by. It holds connection strings, which may hold passwords, so it has no `Debug`.
pub(crate) struct Config {
    /// `IMPORT_FROM_URI`: the old database; the driver's string.
    pub(crate) from_uri: String,
    /// The old database's name, from that string.
    pub(crate) from_database: String,
    /// `MONGODB_URI`, `MONGODB_DATABASE`: the new database.
    pub(crate) to: StoreConfig,
    /// As `to`, to be asked which server it is.
    pub(crate) to_uri: String,
    /// The new database's name.
    pub(crate) to_database: String,
    /// `IMPORT_BATCH_MESSAGES`: most messages of a read and of a write; default 1,000.
    pub(crate) batch_messages: usize,
    /// `IMPORT_CONVERSATIONS_AT_ONCE`; default 8.
    pub(crate) at_once: usize,
    /// `IMPORT_SINCE`: leave out what was not written to since.
    pub(crate) since: Option<Timestamp>,
    /// `IMPORT_REJECTS_FILE`; default `import-rejects.jsonl`.
    pub(crate) rejects: PathBuf,
    /// `IMPORT_ID_MAP_FILE`; default none.
    pub(crate) id_map: Option<PathBuf>,
    /// `IMPORT_ATTACHMENTS_DIR`; default none.
    pub(crate) attachments: Option<PathBuf>,
    pub(crate) dry_run: bool,
    pub(crate) allow_rejects: bool,
    /// Logs.
    pub(crate) telemetry: TelemetryConfig,
}

/// No call on the new database takes longer; one of a service gives up sooner, as somebody waits for it.
const OPERATION_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(60);

const FROM: &str = "IMPORT_FROM_URI";
const TO: &str = "MONGODB_URI";
const TO_DATABASE: &str = "MONGODB_DATABASE";
const BATCH: &str = "IMPORT_BATCH_MESSAGES";
const AT_ONCE: &str = "IMPORT_CONVERSATIONS_AT_ONCE";
const SINCE: &str = "IMPORT_SINCE";
const REJECTS: &str = "IMPORT_REJECTS_FILE";
const ID_MAP: &str = "IMPORT_ID_MAP_FILE";
const ATTACHMENTS: &str = "IMPORT_ATTACHMENTS_DIR";

impl Config {
    /// Reads the settings and notes what is wrong with them. What the command line says counts before the environment.
    pub(crate) fn read(arguments: Arguments, settings: &mut Settings) -> Self {
        let given = [
            (FROM, arguments.from),
            (TO, arguments.to),
            (BATCH, arguments.batch),
            (AT_ONCE, arguments.at_once),
            (SINCE, arguments.since),
            (REJECTS, arguments.rejects),
            (ID_MAP, arguments.id_map),
            (ATTACHMENTS, arguments.attachments_dir),
        ];
        for (variable, value) in given {
            if let Some(value) = value {
                settings.set(variable, value);
            }
        }
        let from_uri = settings
            .required(FROM, "the old database, also given by --from")
            .unwrap_or_default();
        let from_database = read_old_database(settings, &from_uri);
        let (to_uri, to_database, to) = read_new_database(settings);
        let attachments: Option<PathBuf> = settings.optional(ATTACHMENTS);
        if attachments.as_ref().is_some_and(|folder| !folder.is_dir()) {
            settings.fault(ATTACHMENTS, "is no folder");
        }
        Self {
            from_uri,
            from_database,
            to,
            to_uri,
            to_database,
            batch_messages: settings.within(BATCH, 1..=10_000, 1_000),
            at_once: settings.within(AT_ONCE, 1..=64, 8),
            since: settings.optional(SINCE),
            rejects: settings.or(REJECTS, PathBuf::from("import-rejects.jsonl")),
            id_map: settings.optional(ID_MAP),
            attachments,
            dry_run: arguments.dry_run,
            allow_rejects: arguments.allow_rejects,
            telemetry: TelemetryConfig::read(settings),
        }
    }
}

fn read_old_database(settings: &mut Settings, uri: &str) -> String {
    if uri.is_empty() {
        return String::new();
    }
    match ConnectionString::parse(uri) {
        Ok(string) => string.default_database.unwrap_or_else(|| {
            settings.fault(FROM, "names no database, as in mongodb://mongodb:27017/old");
            String::new()
        }),
        Err(error) => {
            let what = format!(
                "the MongoDB connection string is invalid: {}",
                chain(&error)
            );
            settings.fault(FROM, what);
            String::new()
        }
    }
}

fn read_new_database(settings: &mut Settings) -> (String, String, StoreConfig) {
    let uri = settings
        .required(TO, "the new database, also given by --to")
        .unwrap_or_default();
    let in_path = ConnectionString::parse(&uri)
        .ok()
        .and_then(|uri| uri.default_database);
    let database = match in_path {
        Some(database) => database,
        None => settings.or(TO_DATABASE, "freelancehub".to_owned()),
    };
    let mut to = StoreConfig::new(&uri, &database);
    to.operation_timeout = OPERATION_TIMEOUT;
    if !uri.is_empty() {
        match to.check() {
            Ok(()) => {}
            Err(error @ StoreConfigError::Database) => {
                settings.fault(TO_DATABASE, error.to_string())
            }
            Err(error) => settings.fault(TO, chain(&error)),
        }
    }
    (uri, database, to)
}

#[cfg(test)]
mod tests {
    use super::*;

    const URIS: [&str; 5] = [
        "messaging-import",
        "--from",
        "mongodb://a/old",
        "--to",
        "mongodb://b/new",
    ];

    fn read(more: &[&str], variables: &[(&str, &str)]) -> Result<Config, String> {
        let arguments = URIS.iter().chain(more);
        let arguments = Arguments::try_parse_from(arguments).map_err(|error| error.to_string())?;
        let mut settings = Settings::from_pairs(variables.iter().copied());
        let config = Config::read(arguments, &mut settings);
        match settings.finish() {
            Ok(_) => Ok(config),
            Err(faults) => Err(faults.to_string()),
        }
    }

    #[test]
    fn databases_are_named_in_the_path_and_the_command_line_counts_first() {
        let config = read(
            &[],
            &[
                ("IMPORT_FROM_URI", "mongodb://c/d"),
                ("MONGODB_DATABASE", "e"),
            ],
        );
        let config = config.unwrap_or_else(|faults| panic!("{faults}"));
        assert_eq!(
            (config.from_database.as_str(), config.to_database.as_str()),
            ("old", "new")
        );
        assert_eq!((config.batch_messages, config.at_once), (1_000, 8));
    }

    #[test]
    fn every_fault_is_found_and_told_without_the_value() {
        let variables = [
            ("IMPORT_CONVERSATIONS_AT_ONCE", "0"),
            ("IMPORT_ATTACHMENTS_DIR", "/no/such"),
        ];
        let faults = read(&["--batch", "many", "--since", "hunter2"], &variables);
        let faults = faults.err().expect("four faults");
        assert_eq!(faults.lines().count(), 4, "{faults}");
        assert!(!faults.contains("hunter2"), "{faults}");
    }

    #[test]
    fn a_connection_string_without_a_database_is_a_fault_of_the_old_one_alone() {
        let arguments = [
            "messaging-import",
            "--from",
            "mongodb://a",
            "--to",
            "mongodb://b",
        ];
        let arguments =
            Arguments::try_parse_from(arguments).unwrap_or_else(|error| panic!("{error}"));
        let mut settings = Settings::from_pairs::<&str, &str>([]);
        let config = Config::read(arguments, &mut settings);
        assert_eq!(config.to_database, "freelancehub");
        let faults = settings.finish().expect_err("a fault").to_string();
        assert!(
            faults.starts_with("IMPORT_FROM_URI: names no database"),
            "{faults}"
        );
    }
}
