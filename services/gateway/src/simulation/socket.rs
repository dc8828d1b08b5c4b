//! A client's end of a WebSocket that goes over memory.

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, ReadHalf, WriteHalf, split};

use super::client::Packet;

const TEXT: u8 = 1;
const BINARY: u8 = 2;
const FINAL: u8 = 0x80;
const MASKED: u8 = 0x80;

/// What is read from it.
pub(super) struct Incoming(ReadHalf<DuplexStream>);

/// What it is written to.
pub(super) struct Outgoing(WriteHalf<DuplexStream>);

/// Asks for an upgrade; `None` if the server does not want it or hangs up.
pub(super) async fn open(mut stream: DuplexStream, path: &str) -> Option<(Incoming, Outgoing)> {
    let request = format!(
        "GET {path} HTTP/1.1\r\nhost: test\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    if !head.starts_with(b"HTTP/1.1 101") {
        return None;
    }
    let (read, write) = split(stream);
    Some((Incoming(read), Outgoing(write)))
}

impl Incoming {
    /// The next text; `None` at a close frame or the end of the stream. Not cancel-safe.
    pub(super) async fn text(&mut self) -> Option<String> {
        loop {
            let head = self.0.read_u8().await.ok()?;
            let length = match self.0.read_u8().await.ok()? {
                126 => usize::from(self.0.read_u16().await.ok()?),
                127 => usize::try_from(self.0.read_u64().await.ok()?).ok()?,
                length => usize::from(length),
            };
            let mut payload = vec![0; length];
            self.0.read_exact(&mut payload).await.ok()?;
            match head & 0x0f {
                TEXT => return String::from_utf8(payload).ok(),
                8 => return None,
                _ => {}
            }
        }
    }
}

impl Outgoing {
    pub(super) async fn send(&mut self, packet: &Packet) -> Option<()> {
        let (opcode, payload) = match packet {
            Packet::Text(text) => (TEXT, text.as_bytes()),
            Packet::Binary(bytes) => (BINARY, &bytes[..]),
        };
        let mut frame = vec![FINAL | opcode];
        match u8::try_from(payload.len()) {
            Ok(length) if length < 126 => frame.push(MASKED | length),
            _ => {
                frame.push(MASKED | 126);
                frame.extend(u16::try_from(payload.len()).ok()?.to_be_bytes());
            }
        }
        // A mask of zeros changes nothing.
        frame.extend([0; 4]);
        frame.extend(payload);
        self.0.write_all(&frame).await.ok()
    }
}
