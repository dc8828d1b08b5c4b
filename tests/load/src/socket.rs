use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::json;
use serde_json::value::RawValue;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message as Frame;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::cluster::token;

/// Small, since there can be thousands.
const READ_BUFFER_BYTES: usize = 4 * 1024;

/// How long any one answer may take before the run has failed.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// A Socket.IO client in namespace `/messages`, over WebSocket alone: as little work as possible besides the protocol.
pub(crate) struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    next_ack: u64,
    pid: Option<String>,
    is_recovered: bool,
}

/// Why there is no connection.
#[derive(Debug)]
pub(crate) struct Refused(#[expect(dead_code, reason = "it is printed")] String);

/// What arrives.
pub(crate) enum Incoming {
    /// An acknowledgement, by its id: the JSON of its array of arguments.
    Ack(u64, String),
    /// An event: its name and data.
    Event(String, Box<RawValue>),
}

#[derive(Deserialize)]
struct Connected {
    pid: Option<String>,
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
        Self::try_connect(gateway, &token(user, None), None)
            .await
            .expect("the gateway takes the connection")
    }

    /// Connects, by the `pid` of a connection before if there was one, and waits for `connected` unless that one goes on.
    ///
    /// # Errors
    /// When the gateway, or whoever is in between, says no or nothing.
    pub(crate) async fn try_connect(
        gateway: &str,
        token: &str,
        pid: Option<&str>,
    ) -> Result<Self, Refused> {
        let refused = |error: &dyn std::fmt::Display| Refused(error.to_string());
        let url = format!("ws://{gateway}/socket.io/?EIO=4&transport=websocket");
        let config = WebSocketConfig::default().read_buffer_size(READ_BUFFER_BYTES);
        let connecting = tokio_tungstenite::connect_async_with_config(url, Some(config), true);
        let connected = tokio::time::timeout(ANSWER_TIMEOUT, connecting).await;
        let (mut stream, _) = connected
            .map_err(|late| refused(&late))?
            .map_err(|error| refused(&error))?;
        // As the library has it: without an event there is no offset.
        let auth = match pid {
            Some(pid) => json!({ "token": token, "pid": pid }),
            None => json!({ "token": token }),
        };
        let packet = Frame::text(format!("40/messages,{auth}"));
        stream.send(packet).await.map_err(|error| refused(&error))?;
        let mut socket = Self {
            stream,
            next_ack: 0,
            pid: None,
            is_recovered: false,
        };
        let engaging = tokio::time::timeout(ANSWER_TIMEOUT, socket.engage(pid));
        engaging.await.map_err(|late| refused(&late))??;
        Ok(socket)
    }

    /// Takes the answer to CONNECT.
    async fn engage(&mut self, pid: Option<&str>) -> Result<(), Refused> {
        loop {
            let frame = self.stream.next().await;
            let frame = frame.and_then(Result::ok);
            let Some(Frame::Text(text)) = frame else {
                return Err(Refused(format!("{frame:?} before an answer")));
            };
            if text.starts_with("44") {
                return Err(Refused(text.to_string()));
            }
            if let Some(answer) = text.strip_prefix("40/messages,") {
                let answer: Connected = serde_json::from_str(answer)
                    .map_err(|error| Refused(format!("{answer}: {error}")))?;
                self.is_recovered = pid.is_some() && answer.pid.as_deref() == pid;
                self.pid = answer.pid;
                if self.is_recovered {
                    return Ok(());
                }
            } else if let Some(Incoming::Event(name, _)) = parse(&text)
                && name == "connected"
            {
                return Ok(());
            }
        }
    }

    /// What another connection can go on by.
    pub(crate) fn pid(&self) -> Option<&str> {
        self.pid.as_deref()
    }

    /// Whether it went on where the connection before had been.
    pub(crate) const fn is_recovered(&self) -> bool {
        self.is_recovered
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
