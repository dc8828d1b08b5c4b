use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub(crate) const TEXT: u8 = 1;
pub(crate) const BINARY: u8 = 2;
pub(crate) const CLOSE: u8 = 8;
pub(crate) const PING: u8 = 9;
pub(crate) const PONG: u8 = 10;
pub(crate) const FINAL: u8 = 0x80;
pub(crate) const CONTINUATION: u8 = 0;

/// Longer than anything takes that works.
const PATIENCE: Duration = Duration::from_secs(10);

/// The answer to an HTTP request.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

/// Sends a request and reads the whole answer.
pub(crate) async fn request(address: SocketAddr, method: &str, path: &str, body: &str) -> Answer {
    let mut stream = TcpStream::connect(address).await.expect("connected");
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.expect("written");
    let mut text = String::new();
    let read = tokio::time::timeout(PATIENCE, stream.read_to_string(&mut text)).await;
    read.expect("in time").expect("an answer");
    let (head, body) = text.split_once("\r\n\r\n").expect("a head");
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .expect("a status");
    Answer {
        status,
        head: head.to_ascii_lowercase(),
        body: body.to_owned(),
    }
}

/// A WebSocket without opinions.
pub(crate) struct Socket {
    stream: TcpStream,
    pub(crate) head: String,
}

impl Socket {
    pub(crate) async fn open(address: SocketAddr, path: &str) -> Self {
        Self::open_with(address, path, "").await
    }

    pub(crate) async fn open_with(address: SocketAddr, path: &str, headers: &str) -> Self {
        let socket = Self::try_open(address, path, headers).await;
        assert!(socket.head.starts_with("http/1.1 101"), "{}", socket.head);
        socket
    }

    /// Sends frames before the answer to the handshake has come.
    pub(crate) async fn open_early(address: SocketAddr, path: &str, frames: &[u8]) -> Self {
        Self::ask(address, path, "", frames).await
    }

    /// Asks for an upgrade; the head of the answer says what came of it.
    pub(crate) async fn try_open(address: SocketAddr, path: &str, headers: &str) -> Self {
        Self::ask(address, path, headers, &[]).await
    }

    async fn ask(address: SocketAddr, path: &str, headers: &str, early: &[u8]) -> Self {
        let mut stream = TcpStream::connect(address).await.expect("connected");
        stream.set_nodelay(true).expect("a socket");
        let request = format!(
            "GET {path} HTTP/1.1\r\nhost: test\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}\r\n"
        );
        let bytes = [request.as_bytes(), early].concat();
        stream.write_all(&bytes).await.expect("written");
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.expect("a head"));
        }
        Self {
            stream,
            head: String::from_utf8(head).expect("text").to_ascii_lowercase(),
        }
    }

    /// Sends bytes as they are.
    pub(crate) async fn send_raw(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.expect("written");
    }

    /// Sends a text, unless the server has hung up; false if it has.
    pub(crate) async fn send_if_open(&mut self, text: &str) -> bool {
        let frame = frame(FINAL | TEXT, text.as_bytes());
        self.stream.write_all(&frame).await.is_ok()
    }

    /// Sends a masked frame; `head` is its first byte.
    pub(crate) async fn send_frame(&mut self, head: u8, payload: &[u8]) {
        self.send_raw(&frame(head, payload)).await;
    }

    pub(crate) async fn send(&mut self, text: &str) {
        self.send_frame(FINAL | TEXT, text.as_bytes()).await;
    }

    /// The next frame: opcode and payload. `None` at the end of the stream.
    pub(crate) async fn next(&mut self) -> Option<(u8, Vec<u8>)> {
        tokio::time::timeout(PATIENCE, self.read_frame())
            .await
            .expect("a frame in time")
    }

    /// The next text, pings and pongs left out.
    pub(crate) async fn text(&mut self) -> String {
        loop {
            match self.next().await.expect("a frame") {
                (TEXT, payload) => return String::from_utf8(payload).expect("text"),
                (PING | PONG, _) => {}
                other => panic!("no text: {other:?}"),
            }
        }
    }

    /// Reads up to the close frame and the end behind it; returns its code.
    pub(crate) async fn close_code(&mut self) -> u16 {
        let code = loop {
            match self.next().await.expect("a close frame before the end") {
                (CLOSE, payload) if payload.is_empty() => break 1005,
                (CLOSE, payload) => break u16::from_be_bytes([payload[0], payload[1]]),
                _ => {}
            }
        };
        self.send_frame(FINAL | CLOSE, &code.to_be_bytes()).await;
        assert_eq!(self.next().await, None, "nothing comes after a close frame");
        code
    }

    async fn read_frame(&mut self) -> Option<(u8, Vec<u8>)> {
        let head = self.stream.read_u8().await.ok()?;
        let length = match self.stream.read_u8().await.ok()? {
            126 => usize::from(self.stream.read_u16().await.ok()?),
            127 => usize::try_from(self.stream.read_u64().await.ok()?).ok()?,
            length => usize::from(length),
        };
        assert_eq!(head & 0xf0, FINAL, "servers send whole frames");
        let mut payload = vec![0; length];
        self.stream.read_exact(&mut payload).await.ok()?;
        Some((head & 0x0f, payload))
    }
}

/// A masked frame.
pub(crate) fn frame(head: u8, payload: &[u8]) -> Vec<u8> {
    const MASK: [u8; 4] = [0x12, 0x34, 0x56, 0x78];
    let mut frame = vec![head];
    match payload.len() {
        length @ 0..=125 => frame.push(0x80 | u8::try_from(length).expect("short")),
        length @ 126..=65_535 => {
            frame.push(0x80 | 126);
            frame.extend_from_slice(&u16::try_from(length).expect("not long").to_be_bytes());
        }
        length => {
            frame.push(0x80 | 127);
            frame.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(&MASK);
    frame.extend(
        payload
            .iter()
            .zip(MASK.iter().cycle())
            .map(|(byte, mask)| byte ^ mask),
    );
    frame
}
