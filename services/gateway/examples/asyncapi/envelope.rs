use serde_json::{Value, json};

use crate::schemas::object;

/// How events are written on a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// Socket.IO: the client library carries name and acknowledgement, and the payload is the data.
    SocketIo,
    /// Plain WebSocket: a text frame of JSON around the data.
    Plain,
}

impl Dialect {
    pub(crate) const ALL: [Self; 2] = [Self::SocketIo, Self::Plain];

    /// The name of its channel and of its server.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::SocketIo => "socketio",
            Self::Plain => "plain",
        }
    }

    /// The name of a message in this dialect.
    pub(crate) fn message_name(self, name: &str) -> String {
        match self {
            Self::SocketIo => name.to_owned(),
            Self::Plain => format!("{}.{name}", self.name()),
        }
    }

    /// The schema of what a client sends.
    pub(crate) fn of_client(self, event: &str, data: &Value) -> Value {
        let mut frame = self.of_server(event, data);
        if self == Self::Plain {
            frame["properties"]["id"] = id();
        }
        frame
    }

    /// The schema of what a server sends unasked.
    pub(crate) fn of_server(self, event: &str, data: &Value) -> Value {
        match self {
            Self::SocketIo => data.clone(),
            Self::Plain => {
                object(json!({ "event": { "type": "string", "const": event }, "data": data }))
            }
        }
    }

    /// The schema of an acknowledgement.
    pub(crate) fn ack(self, data: &Value) -> Value {
        match self {
            Self::SocketIo => data.clone(),
            Self::Plain => object(json!({ "ack": id(), "data": data })),
        }
    }

    /// An example in the form of a client's frame, of a server's, or of an acknowledgement, by the frame's schema.
    pub(crate) fn example(self, event: &str, is_ack: IsAck, data: Value) -> Value {
        match (self, is_ack) {
            (Self::SocketIo, _) => data,
            (Self::Plain, IsAck::Yes) => json!({ "ack": 1, "data": data }),
            (Self::Plain, IsAck::No) => json!({ "event": event, "data": data }),
        }
    }
}

/// Whether a frame answers another one.
#[derive(Debug, Clone, Copy)]
pub(crate) enum IsAck {
    Yes,
    No,
}

/// What a frame is known by, if it wants an acknowledgement.
fn id() -> Value {
    json!({
        "description": "The sender's name for the frame; without it there is no acknowledgement.",
        "oneOf": [{ "type": "integer" }, { "type": "string", "maxLength": 64 }],
    })
}
