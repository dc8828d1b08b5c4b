use messaging_gateway::GatewayConfig;
use messaging_gateway::connection::{CloseReason, Violation};
use messaging_settings::Settings;
use serde_json::{Value, json};

/// The limits of a connection as they are unless an operator changes them.
pub(crate) fn limits() -> Value {
    let secret = "any secret of 32 bytes or more will do";
    let mut settings = Settings::from_pairs([("JWT_SECRET", secret)]);
    let config = GatewayConfig::read(&mut settings);
    json!({
        "frameBytesMax": config.transport.frame_bytes_max,
        "outboxBytesMax": config.transport.outbox_bytes_max,
        "pingIntervalMs": config.transport.ping_interval.as_millis() as u64,
        "pingTimeoutMs": config.transport.ping_timeout.as_millis() as u64,
        "conversationsPerConnectionMax": config.limits.conversations_per_connection_max,
        "connectionsPerUserMax": config.presence.connections_per_user_max,
        "eventsPerSecond": 20,
        "eventsBurst": 40,
    })
}

/// The codes with which a server closes a WebSocket.
pub(crate) fn close_codes() -> Value {
    let codes = [
        (CloseReason::LEFT, "Normal: the connection is done."),
        (CloseReason::PingTimeout, "No sign of life came in time."),
        (
            CloseReason::ProtocolViolation(Violation::Protocol),
            "A frame that RFC 6455 does not have.",
        ),
        (
            CloseReason::ProtocolViolation(Violation::Unsupported),
            "A binary frame.",
        ),
        (
            CloseReason::ProtocolViolation(Violation::InvalidData),
            "Text that is not UTF-8.",
        ),
        (
            CloseReason::ProtocolViolation(Violation::TooBig),
            "A frame over the size limit.",
        ),
        (CloseReason::Internal, "A fault of the service."),
        (
            CloseReason::Draining,
            "The server is about to end; connect again.",
        ),
        (
            CloseReason::TokenExpired,
            "The token has expired or was revoked; connect with another one.",
        ),
        (
            CloseReason::TooSlow,
            "What was sent is not read fast enough.",
        ),
        (CloseReason::Flooding, "Far too many messages were sent."),
    ];
    let listed = codes.map(|(reason, meaning)| {
        json!({ "code": reason.close_code(), "reason": reason.as_str(), "meaning": meaning })
    });
    listed.to_vec().into()
}
