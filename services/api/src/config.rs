use std::time::Duration;

use messaging_auth::AuthConfig;
use messaging_bus::BusConfig;
use messaging_domain::Rate;
use messaging_settings::Settings;
use messaging_store::{StoreConfig, StoreConfigError};
use messaging_telemetry::TelemetryConfig;
use messaging_web::{CorsOrigins, ServerConfig};

/// The settings of the API service, but for those of its server and its telemetry.
#[derive(Clone)]
pub struct ApiConfig {
    /// Where MongoDB is.
    pub store: StoreConfig,
    /// Which pages may call.
    pub cors: CorsOrigins,
    /// `REQUESTS_PER_SECOND` (default 50; 0: no limit) and `REQUESTS_BURST` (default 300), by user and replica.
    pub rate: Option<Rate>,
    /// `FRAME_BYTES_MAX`: the largest body, in bytes; default 128 KiB.
    pub body_bytes_max: usize,
    /// `ATTACHMENT_BYTES_MAX`: the largest file, in bytes; default 25 MiB.
    pub attachment_bytes_max: usize,
    /// How long revocations last, and how many there may be.
    pub revocations: RevocationLimits,
}

/// How long revocations last, and how many there may be.
#[derive(Debug, Clone, Copy)]
pub struct RevocationLimits {
    /// `REVOCATION_DAYS`: how long a revocation lasts, which must be longer than tokens do; default 30.
    pub lifetime: Duration,
    /// `REVOCATIONS_MAX`: how many there may be, each of which every process keeps in memory; default 100,000.
    pub count_max: u64,
}

/// The settings of the process `messaging-api`.
pub struct ProcessConfig {
    /// The service.
    pub api: ApiConfig,
    /// How tokens are checked.
    pub auth: AuthConfig,
    /// Where NATS is.
    pub bus: BusConfig,
    /// Where it listens.
    pub server: ServerConfig,
    /// Logs and traces.
    pub telemetry: TelemetryConfig,
    /// `DRAIN_SECONDS`: how long requests in flight may take to finish at the end; default 20.
    pub drain: Duration,
}

impl ApiConfig {
    /// Reads the settings and notes what is wrong with them.
    pub fn read(settings: &mut Settings) -> Self {
        let uri = settings.required(
            "MONGODB_URI",
            "where MongoDB is, such as mongodb://mongodb:27017/?replicaSet=rs0",
        );
        Self::read_at(settings, &uri.unwrap_or_default())
    }

    /// Reads the settings but for where MongoDB is, of which the caller knows better.
    pub fn read_at(settings: &mut Settings, mongodb_uri: &str) -> Self {
        let database = settings.or("MONGODB_DATABASE", "freelancehub".to_owned());
        let store = StoreConfig::new(mongodb_uri, database);
        if !mongodb_uri.is_empty() {
            note_store_fault(settings, &store);
        }
        Self {
            store,
            cors: CorsOrigins::read(settings),
            rate: Rate::new(
                settings.or("REQUESTS_PER_SECOND", 50),
                settings.or("REQUESTS_BURST", 300),
            ),
            body_bytes_max: settings.within("FRAME_BYTES_MAX", 1_024..=64 << 20, 128 << 10),
            attachment_bytes_max: settings.within("ATTACHMENT_BYTES_MAX", 1..=4 << 30, 25 << 20),
            revocations: RevocationLimits::read(settings),
        }
    }
}

impl RevocationLimits {
    fn read(settings: &mut Settings) -> Self {
        let days: u64 = settings.within("REVOCATION_DAYS", 1..=3_650, 30);
        Self {
            lifetime: Duration::from_secs(days * 24 * 3_600),
            count_max: settings.within("REVOCATIONS_MAX", 1..=1_000_000, 100_000),
        }
    }
}

impl ProcessConfig {
    /// Reads the settings and notes what is wrong with them.
    pub fn read(settings: &mut Settings) -> Self {
        Self {
            api: ApiConfig::read(settings),
            auth: AuthConfig::read(settings),
            bus: BusConfig::read(settings),
            server: ServerConfig::read(settings),
            telemetry: TelemetryConfig::read(settings),
            drain: Duration::from_secs(settings.within("DRAIN_SECONDS", 0..=3_600, 20)),
        }
    }
}

fn note_store_fault(settings: &mut Settings, store: &StoreConfig) {
    match store.check() {
        Ok(()) => {}
        Err(error @ StoreConfigError::Database) => {
            settings.fault("MONGODB_DATABASE", error.to_string())
        }
        Err(error) => settings.fault("MONGODB_URI", messaging_lifecycle::chain(&error)),
    }
}
