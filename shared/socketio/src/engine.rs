//! Engine.IO 4: the packets under Socket.IO, the payloads of long-polling and the handshake.

use std::borrow::Cow;
use std::time::Duration;

use serde::Serialize;
use thiserror::Error;

use crate::base64;

/// What separates the packets of a payload.
pub const SEPARATOR: u8 = 0x1e;
/// The text of the ping and the pong that try out a WebSocket before the session moves to it.
pub const PROBE: &str = "probe";

/// A packet of the session layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EnginePacket<'a> {
    /// `0`: the handshake; only servers send it.
    Open(&'a str),
    /// `1`: the end of the session.
    Close,
    /// `2`: a sign of life is asked for, or a probe.
    Ping(&'a str),
    /// `3`: the answer to it.
    Pong(&'a str),
    /// `4`: a text message.
    Message(&'a str),
    /// `b`: a binary message within a payload; a WebSocket carries it as a binary frame instead.
    Binary(Cow<'a, [u8]>),
    /// `5`: the session moves to the transport that this came over.
    Upgrade,
    /// `6`: nothing; it ends an open poll.
    Noop,
}

/// A text that is no packet or payload. The session must end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum EngineError {
    /// There is nothing.
    #[error("empty packet")]
    Empty,
    /// The first character names no packet.
    #[error("unknown packet type")]
    UnknownType,
    /// A packet that carries nothing has data.
    #[error("unexpected data in a packet")]
    UnexpectedData,
    /// A binary message is not base64.
    #[error("invalid base64 in a binary packet")]
    InvalidBase64,
}

impl<'a> EnginePacket<'a> {
    /// Reads the packet of a WebSocket text frame.
    ///
    /// # Errors
    /// See [`EngineError`]; `b` is unknown here, since a WebSocket has binary frames.
    pub fn decode(text: &'a str) -> Result<Self, EngineError> {
        let kind = *text.as_bytes().first().ok_or(EngineError::Empty)?;
        // Every known type is one ASCII byte, so the rest starts at a character.
        let rest = text.get(1..).ok_or(EngineError::UnknownType)?;
        match kind {
            b'0' => Ok(Self::Open(rest)),
            b'1' => without_data(rest, Self::Close),
            b'2' => Ok(Self::Ping(rest)),
            b'3' => Ok(Self::Pong(rest)),
            b'4' => Ok(Self::Message(rest)),
            b'5' => without_data(rest, Self::Upgrade),
            b'6' => without_data(rest, Self::Noop),
            _ => Err(EngineError::UnknownType),
        }
    }

    /// Appends the packet as a payload has it.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let (kind, rest) = match self {
            Self::Open(json) => (b'0', *json),
            Self::Close => (b'1', ""),
            Self::Ping(text) => (b'2', *text),
            Self::Pong(text) => (b'3', *text),
            Self::Message(text) => (b'4', *text),
            Self::Upgrade => (b'5', ""),
            Self::Noop => (b'6', ""),
            Self::Binary(bytes) => {
                out.push(b'b');
                return base64::encode(bytes, out);
            }
        };
        out.push(kind);
        out.extend_from_slice(rest.as_bytes());
    }
}

fn without_data<'a>(rest: &str, packet: EnginePacket<'a>) -> Result<EnginePacket<'a>, EngineError> {
    if rest.is_empty() {
        Ok(packet)
    } else {
        Err(EngineError::UnexpectedData)
    }
}

/// Reads the packets of a long-polling payload, one after the other.
///
/// The payload's size is the caller's to limit; each packet borrows from it, but for binary ones.
pub fn decode_payload(
    payload: &str,
) -> impl Iterator<Item = Result<EnginePacket<'_>, EngineError>> {
    payload
        .split(char::from(SEPARATOR))
        .map(|packet| match packet.strip_prefix('b') {
            Some(text) => {
                let bytes = base64::decode(text.as_bytes()).ok_or(EngineError::InvalidBase64)?;
                Ok(EnginePacket::Binary(Cow::Owned(bytes)))
            }
            None => EnginePacket::decode(packet),
        })
}

/// Joins packets to one long-polling payload.
#[derive(Debug, Default)]
pub struct PayloadWriter {
    payload: Vec<u8>,
    started: bool,
}

impl PayloadWriter {
    /// Adds a packet.
    pub fn push(&mut self, packet: &EnginePacket<'_>) {
        self.separate();
        packet.encode(&mut self.payload);
    }

    /// Adds the text of a packet, its type included. It must not hold [`SEPARATOR`]: JSON and ids never do.
    pub fn push_encoded(&mut self, packet: &[u8]) {
        self.separate();
        self.payload.extend_from_slice(packet);
    }

    /// Whether nothing was added.
    pub const fn is_empty(&self) -> bool {
        !self.started
    }

    /// The payload.
    pub fn finish(self) -> Vec<u8> {
        self.payload
    }

    fn separate(&mut self) {
        if self.started {
            self.payload.push(SEPARATOR);
        }
        self.started = true;
    }
}

/// What a server tells when a session opens.
#[derive(Debug, Clone, Copy)]
pub struct Handshake<'a> {
    /// The session's id.
    pub sid: &'a str,
    /// The transports that the session can move to.
    pub upgrades: &'a [&'a str],
    /// How often the server asks for a sign of life.
    pub ping_interval: Duration,
    /// How long it waits for one.
    pub ping_timeout: Duration,
    /// The most bytes of a payload.
    pub max_payload: usize,
}

impl Handshake<'_> {
    /// The open packet, its type included.
    pub fn encode(&self) -> String {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Open<'a> {
            sid: &'a str,
            upgrades: &'a [&'a str],
            ping_interval: u128,
            ping_timeout: u128,
            max_payload: usize,
        }
        let open = Open {
            sid: self.sid,
            upgrades: self.upgrades,
            ping_interval: self.ping_interval.as_millis(),
            ping_timeout: self.ping_timeout.as_millis(),
            max_payload: self.max_payload,
        };
        let json = serde_json::to_string(&open).expect("strings and numbers are JSON");
        format!("0{json}")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_packets_of_the_protocol_are_read() {
        let check = |text, packet| assert_eq!(EnginePacket::decode(text), packet, "{text:?}");
        check("1", Ok(EnginePacket::Close));
        check("2", Ok(EnginePacket::Ping("")));
        check("2probe", Ok(EnginePacket::Ping(PROBE)));
        check("3", Ok(EnginePacket::Pong("")));
        check("4hello", Ok(EnginePacket::Message("hello")));
        check("4", Ok(EnginePacket::Message("")));
        check("5", Ok(EnginePacket::Upgrade));
        check("6", Ok(EnginePacket::Noop));
        check("", Err(EngineError::Empty));
        check("7", Err(EngineError::UnknownType));
        check("abc", Err(EngineError::UnknownType));
        check("bAQID", Err(EngineError::UnknownType));
        check("ä", Err(EngineError::UnknownType));
        check("5x", Err(EngineError::UnexpectedData));
    }

    #[test]
    fn a_payload_mixes_text_and_binary() {
        let packets: Vec<_> = decode_payload("4hello\u{1e}bAQIDBA==\u{1e}2").collect();
        let binary = EnginePacket::Binary(Cow::Borrowed(&[1, 2, 3, 4]));
        assert_eq!(
            packets,
            [
                Ok(EnginePacket::Message("hello")),
                Ok(binary),
                Ok(EnginePacket::Ping(""))
            ]
        );
    }

    #[test]
    fn an_empty_packet_in_a_payload_is_refused() {
        for payload in ["", "4a\u{1e}", "\u{1e}4a", "4a\u{1e}\u{1e}4b"] {
            assert!(
                decode_payload(payload).any(|packet| packet == Err(EngineError::Empty)),
                "{payload:?}"
            );
        }
        assert_eq!(
            decode_payload("b?").next(),
            Some(Err(EngineError::InvalidBase64))
        );
    }

    #[test]
    fn the_handshake_has_exactly_its_five_keys() {
        let handshake = Handshake {
            sid: "abc",
            upgrades: &["websocket"],
            ping_interval: Duration::from_millis(300),
            ping_timeout: Duration::from_millis(200),
            max_payload: 1_000_000,
        };
        let expected = r#"0{"sid":"abc","upgrades":["websocket"],"pingInterval":300,"pingTimeout":200,"maxPayload":1000000}"#;
        assert_eq!(handshake.encode(), expected);
    }

    fn packet() -> impl Strategy<Value = EnginePacket<'static>> {
        prop_oneof![
            "[^\u{1e}]{0,20}".prop_map(|text| EnginePacket::Message(text.leak())),
            "[^\u{1e}]{0,20}".prop_map(|text| EnginePacket::Ping(text.leak())),
            "[^\u{1e}]{0,20}".prop_map(|text| EnginePacket::Pong(text.leak())),
            any::<Vec<u8>>().prop_map(|bytes| EnginePacket::Binary(Cow::Owned(bytes))),
            Just(EnginePacket::Close),
            Just(EnginePacket::Upgrade),
            Just(EnginePacket::Noop),
        ]
    }

    proptest! {
        #[test]
        fn a_payload_reads_back_as_it_was_written(packets in prop::collection::vec(packet(), 1..8)) {
            let mut writer = PayloadWriter::default();
            for packet in &packets {
                writer.push(packet);
            }
            let payload = String::from_utf8(writer.finish()).expect("text");
            let read: Result<Vec<_>, _> = decode_payload(&payload).collect();
            prop_assert_eq!(read.as_deref(), Ok(packets.as_slice()));
        }

        #[test]
        fn any_payload_is_read_or_refused(payload in "([0-9b]?.{0,8}\u{1e}?){0,8}") {
            let _ = decode_payload(&payload).count();
            let _ = EnginePacket::decode(&payload);
        }
    }
}
