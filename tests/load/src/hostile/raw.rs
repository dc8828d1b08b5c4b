use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

pub(super) const TEXT: u8 = 1;
pub(super) const FINAL: u8 = 0x80;

/// The longest head of an answer that is read.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// The largest frame that is read.
const FRAME_BYTES_MAX: usize = 1 << 20;

/// A connection that says whatever it is told to, with buffers as small as the system allows: what a peer does not read is
/// the gateway's to hold, and not the kernel's.
pub(super) struct Raw {
    pub(super) stream: TcpStream,
}

/// An answer to an HTTP request.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: String,
}

impl Raw {
    pub(super) async fn open(gateway: SocketAddr, source: Ipv4Addr) -> io::Result<Self> {
        const RECEIVE_BYTES: u32 = 4 * 1024;
        let socket = TcpSocket::new_v4()?;
        socket.set_recv_buffer_size(RECEIVE_BYTES)?;
        socket.bind(SocketAddrV4::new(source, 0).into())?;
        let stream = socket.connect(gateway).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream })
    }

    pub(super) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await
    }

    /// Sends a whole masked text frame.
    pub(super) async fn text(&mut self, text: &str) -> io::Result<()> {
        self.write(&frame(FINAL | TEXT, text.len(), text.as_bytes()))
            .await
    }

    /// Asks for a WebSocket, and fails unless it gets one.
    pub(super) async fn upgrade(&mut self, path: &str, token: Option<&str>) -> io::Result<()> {
        let authorization = token.map(|token| format!("authorization: Bearer {token}\r\n"));
        let request = format!(
            "GET {path} HTTP/1.1\r\nhost: test\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n{}\r\n",
            authorization.unwrap_or_default()
        );
        self.write(request.as_bytes()).await?;
        let head = self.head().await?;
        if head.starts_with("HTTP/1.1 101") {
            Ok(())
        } else {
            Err(io::ErrorKind::ConnectionRefused.into())
        }
    }

    /// Sends an HTTP request and reads the whole answer.
    pub(super) async fn request(
        &mut self,
        method: &str,
        path: &str,
        body: &str,
    ) -> io::Result<Answer> {
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: test\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        self.write(request.as_bytes()).await?;
        let head = self.head().await?.to_ascii_lowercase();
        let field = |text: Option<&str>| text.and_then(|text| text.trim().parse().ok());
        let status = field(head.get(9..12)).ok_or(io::ErrorKind::InvalidData)?;
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length:"));
        let length = field(length).ok_or(io::ErrorKind::InvalidData)?;
        let mut body = vec![0; usize::from(length)];
        self.stream.read_exact(&mut body).await?;
        let body = String::from_utf8(body).map_err(|_| io::ErrorKind::InvalidData)?;
        Ok(Answer { status, body })
    }

    async fn head(&mut self) -> io::Result<String> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            if head.len() >= HEAD_BYTES_MAX {
                return Err(io::ErrorKind::InvalidData.into());
            }
            head.push(self.stream.read_u8().await?);
        }
        String::from_utf8(head).map_err(|_| io::ErrorKind::InvalidData.into())
    }

    /// Reads frames until one holds a text.
    pub(super) async fn wait_for(&mut self, text: &str) -> io::Result<()> {
        loop {
            let payload = self.frame().await?;
            if String::from_utf8_lossy(&payload).contains(text) {
                return Ok(());
            }
        }
    }

    /// Reads and forgets, until the gateway hangs up.
    pub(super) async fn read_to_the_end(&mut self) {
        let mut buffer = [0; 4096];
        while matches!(self.stream.read(&mut buffer).await, Ok(length) if length > 0) {}
    }

    async fn frame(&mut self) -> io::Result<Vec<u8>> {
        let _opcode = self.stream.read_u8().await?;
        let length = match self.stream.read_u8().await? {
            126 => u64::from(self.stream.read_u16().await?),
            127 => self.stream.read_u64().await?,
            length => u64::from(length),
        };
        let length = usize::try_from(length).ok();
        let length = length.filter(|length| *length <= FRAME_BYTES_MAX);
        let mut payload = vec![0; length.ok_or(io::ErrorKind::InvalidData)?];
        self.stream.read_exact(&mut payload).await?;
        Ok(payload)
    }
}

/// A frame whose header says so many bytes, masked with zeros, and these for a payload.
pub(super) fn frame(head: u8, length: usize, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![head];
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(length), _) if length < 126 => frame.push(0x80 | length),
        (_, Ok(length)) => {
            frame.push(0x80 | 126);
            frame.extend_from_slice(&length.to_be_bytes());
        }
        (_, Err(_)) => {
            frame.push(0x80 | 127);
            frame.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(payload);
    frame
}
