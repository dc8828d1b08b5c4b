use std::time::Duration;

use crate::connection::LinkLimits;

/// Times and sizes of the transports.
#[derive(Debug, Clone)]
pub struct TransportConfig {
    /// How often the server asks a peer for a sign of life.
    pub ping_interval: Duration,
    /// How long it waits for one.
    pub ping_timeout: Duration,
    /// The most bytes of a message, fragments together, and of a long-polling body.
    pub frame_bytes_max: usize,
    /// The most bytes that wait to be sent to one client.
    pub outbox_bytes_max: usize,
    /// How long a Socket.IO client may take to join its first namespace.
    pub connect_timeout: Duration,
    /// How long the move from long-polling to a WebSocket may take.
    pub upgrade_timeout: Duration,
    /// `CONNECTIONS_MAX`: sockets and long-polling sessions of this process, whatever their state; 0 means no limit.
    pub connections_max: usize,
    /// The most sessions that are served by long-polling at a time; each begins so, before it has shown a token.
    pub polling_sessions_max: usize,
    /// The namespaces that there are.
    pub namespaces: Vec<String>,
    /// How long gateways wait for each other.
    pub peers: PeerTimes,
}

/// How long gateways that share sessions wait for each other.
#[derive(Debug, Clone, Copy)]
pub struct PeerTimes {
    /// A request waits so long with the owner of its session before the owner says that it still waits.
    pub slice: Duration,
    /// Who has been told so asks again within this time, or is gone.
    pub gap: Duration,
    /// A session that moves must come to rest within this time.
    pub rest: Duration,
    /// The gateway that a session moves to must take it within this time after that.
    pub take: Duration,
}

impl Default for PeerTimes {
    fn default() -> Self {
        Self {
            slice: Duration::from_secs(3),
            gap: Duration::from_secs(4),
            rest: Duration::from_secs(10),
            take: Duration::from_secs(5),
        }
    }
}

impl Default for TransportConfig {
    fn default() -> Self {
        Self {
            ping_interval: Duration::from_secs(25),
            ping_timeout: Duration::from_secs(20),
            frame_bytes_max: 128 * 1024,
            outbox_bytes_max: 256 * 1024,
            connect_timeout: Duration::from_secs(10),
            upgrade_timeout: Duration::from_secs(10),
            connections_max: 50_000,
            polling_sessions_max: 50_000,
            namespaces: vec!["/messages".to_owned()],
            peers: PeerTimes::default(),
        }
    }
}

impl TransportConfig {
    pub(crate) const fn link_limits(&self) -> LinkLimits {
        LinkLimits {
            outbox_bytes_max: self.outbox_bytes_max,
        }
    }
}
