use std::path::PathBuf;
use std::time::Duration;

use messaging_api::ApiConfig;
use messaging_auth::{AuthConfig, JwtSecret};
use messaging_bus::BusConfig;
use messaging_gateway::GatewayConfig;
use messaging_settings::Settings;
use messaging_telemetry::TelemetryConfig;
use messaging_web::ServerConfig;

use crate::inbox;
use crate::secret::read_or_make;

/// The settings of the process `messaging-standalone`, but for those of the two services.
pub(crate) struct Config {
    /// `DATA_DIR`: where its own servers keep their data; default `.data`.
    pub(crate) data_dir: PathBuf,
    /// `MONGODB_URI`: a MongoDB to use; default: one of its own.
    pub(crate) mongodb_uri: Option<String>,
    /// `NATS_URL`: a NATS to use; default: one of its own.
    pub(crate) nats_url: Option<String>,
    /// `WEB_DIR`: the folder of the built inbox, served at `/`; default: none.
    pub(crate) web_dir: Option<PathBuf>,
    /// `DEMO=1`: provision a demo contract and print how to try it.
    pub(crate) is_demo: bool,
    /// `JWT_SECRET`; a demo makes one and keeps it under `DATA_DIR`.
    pub(crate) secret: JwtSecret,
    /// Where it listens.
    pub(crate) server: ServerConfig,
    /// Logs and traces.
    pub(crate) telemetry: TelemetryConfig,
    /// `DRAIN_SECONDS`; default 20, of a demo 1.
    pub(crate) drain: Duration,
}

/// The settings of the two services.
pub(crate) struct ServiceConfig {
    pub(crate) api: ApiConfig,
    pub(crate) gateway: GatewayConfig,
    pub(crate) auth: AuthConfig,
    pub(crate) bus: BusConfig,
}

impl Config {
    /// Reads the settings and notes what is wrong with them. A demo's secret and defaults are put into the settings.
    pub(crate) fn read(settings: &mut Settings) -> Self {
        let data_dir = settings.or("DATA_DIR", PathBuf::from(".data"));
        let is_demo = settings
            .text("DEMO")
            .is_some_and(|value| value != "0" && value != "false");
        let server = ServerConfig::read(settings);
        if is_demo {
            read_or_make(settings, &data_dir);
        }
        let secret = JwtSecret::read(settings).unwrap_or_else(|| JwtSecret::new(String::new()));
        Self {
            mongodb_uri: settings.text("MONGODB_URI").map(str::to_owned),
            nats_url: settings.text("NATS_URL").map(str::to_owned),
            web_dir: inbox::folder(settings),
            is_demo,
            secret,
            telemetry: TelemetryConfig::read(settings),
            drain: Duration::from_secs(settings.within(
                "DRAIN_SECONDS",
                0..=3_600,
                if is_demo { 1 } else { 20 },
            )),
            server,
            data_dir,
        }
    }
}

impl ServiceConfig {
    /// Reads the settings, given where the servers are.
    pub(crate) fn read(
        settings: &mut Settings,
        config: &Config,
        mongodb_uri: &str,
        nats_url: &str,
    ) -> Self {
        if config.is_demo {
            // Pages that a newcomer is likely to try it from, besides the default.
            let port = config.server.bind_address.port();
            settings.set_default(
                "CORS_ORIGINS",
                format!("http://localhost:3000,http://localhost:{port},http://127.0.0.1:{port}"),
            );
            read_or_make(settings, &config.data_dir);
        }
        Self {
            api: ApiConfig::read_at(
                settings,
                config.mongodb_uri.as_deref().unwrap_or(mongodb_uri),
            ),
            gateway: GatewayConfig::read(settings),
            auth: AuthConfig::read(settings),
            bus: BusConfig::read_at(settings, config.nats_url.as_deref().unwrap_or(nats_url)),
        }
    }
}
