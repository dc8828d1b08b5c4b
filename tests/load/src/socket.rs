use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message as Frame;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::cluster::token;

/// How long any one answer may take before the run has failed.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// A Socket.IO client in namespace `/messages`, over WebSocket alone: as little work as possible besides the protocol.
pub(crate) struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    next_ack: u64,
}

/// What arrives.
pub(crate) enum Incoming {
    /// An acknowledgement, by its id: the JSON of its array of arguments.
    Ack(u64, String),
    /// An event: its name and data.
    Event(String, Box<RawValue>),
}

/// A name, data, and behind them the offset of one that can be recovered from.
#[derive(Deserialize)]
struct Event(
    String,
    Box<RawValue>,
    #[serde(default)]
    #[expect(dead_code, reason = "it may be there and means nothing here")]
    Option<IgnoredAny>,
);

impl Socket {
    /// Connects and waits for `connected`.
    pub(crate) async fn connect(gateway: &str, user: &str) -> Self {
        let url = format!("ws://{gateway}/socket.io/?EIO=4&transport=websocket");
        let (stream, _) = tokio_tungstenite::connect_async(url)
            .await
            .expect("the gateway takes the upgrade");
        let mut socket = Self {
            stream,
            next_ack: 0,
        };
        let auth = serde_json::json!({ "token": token(user, None) });
        socket.write(format!("40/messages,{auth}")).await;
        loop {
            if let Incoming::Event(name, _) = socket.wait().await
                && name == "connected"
            {
                return socket;
            }
        }
    }

    /// Emits an event and returns the id of its acknowledgement.
    pub(crate) async fn emit(&mut self, event: &str, data: &serde_json::Value) -> u64 {
        let id = self.next_ack;
        self.next_ack += 1;
        self.write(format!(r#"42/messages,{id}["{event}",{data}]"#))
            .await;
        id
    }

    /// Emits an event and waits for its acknowledgement; events that come in between are left out.
    pub(crate) async fn call(&mut self, event: &str, data: &serde_json::Value) -> String {
        let id = self.emit(event, data).await;
        loop {
            if let Incoming::Ack(acked, json) = self.wait().await
                && acked == id
            {
                return json;
            }
        }
    }

    /// The next acknowledgement or event. Cancel-safe.
    pub(crate) async fn next(&mut self) -> Incoming {
        loop {
            let frame = self
                .stream
                .next()
                .await
                .expect("the gateway keeps the connection")
                .expect("frames are whole");
            assert!(!frame.is_close(), "the gateway closes it: {frame:?}");
            let Frame::Text(text) = frame else { continue };
            if text.as_str() == "2" {
                self.write("3".to_owned()).await;
            } else if let Some(incoming) = parse(text.as_str()) {
                return incoming;
            }
        }
    }

    async fn wait(&mut self) -> Incoming {
        tokio::time::timeout(ANSWER_TIMEOUT, self.next())
            .await
            .expect("an answer in time")
    }

    async fn write(&mut self, text: String) {
        self.stream
            .send(Frame::text(text))
            .await
            .expect("the gateway keeps the connection");
    }
}

fn parse(text: &str) -> Option<Incoming> {
    if let Some(packet) = text.strip_prefix("42/messages,") {
        let Event(name, data, _) = serde_json::from_str(packet).ok()?;
        return Some(Incoming::Event(name, data));
    }
    let packet = text.strip_prefix("43/messages,")?;
    let array = packet.find('[')?;
    Some(Incoming::Ack(
        packet[..array].parse().ok()?,
        packet[array..].to_owned(),
    ))
}
