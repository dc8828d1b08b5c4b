use std::time::Duration;

use messaging_auth::AuthConfig;
use messaging_bus::BusConfig;
use messaging_bus::presence::Instance;
use messaging_domain::Rate;
use messaging_settings::Settings;
use messaging_telemetry::TelemetryConfig;
use messaging_web::{CorsOrigins, ServerConfig};

use crate::presence::PresenceConfig;
use crate::transport::TransportConfig;

/// The settings of the gateway, but for those of its server and its telemetry.
#[derive(Debug, Clone)]
pub struct GatewayConfig {
    /// `GATEWAY_ID`: the name of this gateway in presence and logs; default: the host's name and a random suffix.
    pub id: Option<Instance>,
    /// Which pages may connect.
    pub cors: CorsOrigins,
    /// Times and sizes of the transports.
    pub transport: TransportConfig,
    /// How presence is kept.
    pub presence: PresenceConfig,
    /// What one connection may do.
    pub limits: ConnectionLimits,
    /// `RECOVERY_SECONDS`: how long a client of Socket.IO may be away and go on where it was; default 120, 0 turns it off.
    pub recovery: Duration,
    /// `CANARY_INTERVAL_MS`: how often a probe is sent the way of a message; default 5000, 0 turns it off.
    pub canary_interval: Duration,
}

/// What one connection may do.
#[derive(Debug, Clone, Copy)]
pub struct ConnectionLimits {
    /// `EVENTS_PER_SECOND` (default 20; 0: no limit) and `EVENTS_BURST` (default 40).
    pub rate: Option<Rate>,
    /// `CONVERSATIONS_PER_CONNECTION_MAX`: joined conversations; default 500.
    pub conversations_per_connection_max: usize,
}

/// The settings of the process `messaging-gateway`.
#[derive(Debug)]
pub struct ProcessConfig {
    /// The gateway.
    pub gateway: GatewayConfig,
    /// How tokens are checked.
    pub auth: AuthConfig,
    /// Where NATS is.
    pub bus: BusConfig,
    /// Where it listens.
    pub server: ServerConfig,
    /// Logs and traces.
    pub telemetry: TelemetryConfig,
    /// `DRAIN_SECONDS`: within which connections are closed at the end; default 20.
    pub drain: Duration,
}

impl GatewayConfig {
    /// Reads the settings and notes what is wrong with them.
    pub fn read(settings: &mut Settings) -> Self {
        let connections_per_user_max: u32 = settings.or("CONNECTIONS_PER_USER_MAX", 10);
        Self {
            id: settings.optional("GATEWAY_ID"),
            cors: CorsOrigins::read(settings),
            transport: TransportConfig {
                ping_interval: milliseconds(settings, "PING_INTERVAL_MS", 25_000),
                ping_timeout: milliseconds(settings, "PING_TIMEOUT_MS", 20_000),
                frame_bytes_max: settings.within("FRAME_BYTES_MAX", 1_024..=64 << 20, 128 << 10),
                outbox_bytes_max: settings.within("OUTBOX_BYTES_MAX", 16_384..=1 << 30, 256 << 10),
                connections_max: settings.or("CONNECTIONS_MAX", 50_000),
                ..TransportConfig::default()
            },
            presence: PresenceConfig {
                grace: Duration::from_millis(settings.within(
                    "PRESENCE_GRACE_MS",
                    0..=600_000,
                    8_000,
                )),
                connections_per_user_max: Some(connections_per_user_max).filter(|limit| *limit > 0),
            },
            limits: ConnectionLimits {
                rate: Rate::new(
                    settings.or("EVENTS_PER_SECOND", 20),
                    settings.or("EVENTS_BURST", 40),
                ),
                conversations_per_connection_max: settings.within(
                    "CONVERSATIONS_PER_CONNECTION_MAX",
                    1..=100_000,
                    500,
                ),
            },
            recovery: Duration::from_secs(settings.within("RECOVERY_SECONDS", 0..=3_600, 120)),
            canary_interval: Duration::from_millis(settings.within(
                "CANARY_INTERVAL_MS",
                0..=3_600_000,
                5_000,
            )),
        }
    }
}

impl ProcessConfig {
    /// Reads the settings and notes what is wrong with them.
    pub fn read(settings: &mut Settings) -> Self {
        Self {
            gateway: GatewayConfig::read(settings),
            auth: AuthConfig::read(settings),
            bus: BusConfig::read(settings),
            server: ServerConfig::read(settings),
            telemetry: TelemetryConfig::read(settings),
            drain: Duration::from_secs(settings.within("DRAIN_SECONDS", 0..=3_600, 20)),
        }
    }
}

fn milliseconds(settings: &mut Settings, variable: &'static str, default: u64) -> Duration {
    Duration::from_millis(settings.within(variable, 50..=3_600_000, default))
}
