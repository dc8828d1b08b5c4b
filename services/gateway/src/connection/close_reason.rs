/// How a peer broke the protocol below the events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Violation {
    /// A frame or packet that the protocol does not have, or not there.
    Protocol,
    /// A kind of data that the dialect does not take.
    Unsupported,
    /// Text that is not UTF-8.
    InvalidData,
    /// A message over the size limit.
    TooBig,
}

/// Why a connection ended: each way out has its variant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CloseReason {
    /// The client said so, within its dialect or with a WebSocket close frame of this code (1005: of none).
    ClientLeft(u16),
    /// The client left its namespace by a packet of Socket.IO, and means not to come back.
    NamespaceLeft,
    /// The transport broke off without a word.
    TransportAborted,
    /// No sign of life came in time.
    PingTimeout,
    /// The client broke the protocol.
    ProtocolViolation(Violation),
    /// No namespace was joined in time.
    NotConnected,
    /// Its token is no longer valid.
    TokenExpired,
    /// Its token was revoked.
    TokenRevoked,
    /// It does not read what it is sent.
    TooSlow,
    /// It sends far too many messages.
    Flooding,
    /// The server is about to end.
    Draining,
    /// Another connection has taken its place.
    Superseded,
    /// Another process has taken it over: nobody is told.
    Moved,
    /// The application did not want it.
    Refused,
    /// A fault of our own.
    Internal,
}

impl CloseReason {
    /// The client left without a WebSocket close frame: by a packet of its dialect.
    pub const LEFT: Self = Self::ClientLeft(1000);

    /// The code of the WebSocket close frame that tells of it; 1005 stands for a frame without a code.
    pub const fn close_code(self) -> u16 {
        match self {
            Self::ClientLeft(code) => code,
            Self::NamespaceLeft | Self::NotConnected | Self::Superseded | Self::Refused => 1000,
            Self::TransportAborted | Self::PingTimeout | Self::Moved => 1001,
            Self::ProtocolViolation(Violation::Protocol) => 1002,
            Self::ProtocolViolation(Violation::Unsupported) => 1003,
            Self::ProtocolViolation(Violation::InvalidData) => 1007,
            Self::ProtocolViolation(Violation::TooBig) => 1009,
            Self::Internal => 1011,
            Self::Draining => 1012,
            Self::TokenExpired | Self::TokenRevoked => 4401,
            Self::TooSlow => 4408,
            Self::Flooding => 4429,
        }
    }

    /// The word for it in logs and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ClientLeft(_) => "client_left",
            Self::NamespaceLeft => "namespace_left",
            Self::TransportAborted => "transport_aborted",
            Self::PingTimeout => "ping_timeout",
            Self::ProtocolViolation(Violation::Protocol) => "protocol_violation",
            Self::ProtocolViolation(Violation::Unsupported) => "unsupported_data",
            Self::ProtocolViolation(Violation::InvalidData) => "invalid_utf8",
            Self::ProtocolViolation(Violation::TooBig) => "too_big",
            Self::NotConnected => "not_connected",
            Self::TokenExpired => "token_expired",
            Self::TokenRevoked => "revoked",
            Self::TooSlow => "too_slow",
            Self::Flooding => "flooding",
            Self::Draining => "draining",
            Self::Superseded => "superseded",
            Self::Moved => "moved",
            Self::Refused => "refused",
            Self::Internal => "internal",
        }
    }

    /// Whether what waits in the outbox is still sent before the end.
    ///
    /// A peer that does not read, or is gone, gets nothing more.
    pub(crate) const fn sends_the_rest(self) -> bool {
        !matches!(
            self,
            Self::TooSlow | Self::TransportAborted | Self::PingTimeout | Self::Moved
        )
    }

    /// Whether a long-polling client may still fetch what waits, after the server has ended the session.
    pub(crate) const fn lingers(self) -> bool {
        matches!(
            self,
            Self::TokenExpired
                | Self::TokenRevoked
                | Self::Flooding
                | Self::Draining
                | Self::Superseded
        )
    }
}
