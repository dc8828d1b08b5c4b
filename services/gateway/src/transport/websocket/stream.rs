use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf, WriteHalf};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

/// What a WebSocket is read from.
pub(super) struct Source {
    /// What came right behind the handshake.
    early: Bytes,
    stream: ReadSide,
}

enum ReadSide {
    Tcp(OwnedReadHalf),
    /// Anything else that HTTP was spoken over, such as TLS.
    Other(Box<dyn AsyncRead + Send + Unpin>),
}

/// How much is read of a stream that cannot be waited for without reading: a small frame's header.
const FIRST_BYTES: usize = 16;

/// What a WebSocket is written to.
pub(super) enum Sink {
    Tcp(OwnedWriteHalf),
    Other(WriteHalf<TokioIo<Upgraded>>),
}

pub(super) fn split(upgraded: TokioIo<Upgraded>) -> (Source, Sink) {
    let (read, write) = tokio::io::split(upgraded);
    (Source::other(read), Sink::Other(write))
}

impl Source {
    pub(super) fn other(stream: impl AsyncRead + Send + Unpin + 'static) -> Self {
        Self {
            early: Bytes::new(),
            stream: ReadSide::Other(Box::new(stream)),
        }
    }

    pub(super) fn tcp(stream: TcpStream, early: Bytes) -> (Self, Sink) {
        let (read, write) = stream.into_split();
        let source = Self {
            // Nothing, too, can be a part of a buffer that it would keep alive.
            early: if early.is_empty() {
                Bytes::new()
            } else {
                early
            },
            stream: ReadSide::Tcp(read),
        };
        (source, Sink::Tcp(write))
    }

    /// Waits until there may be something to read, without a buffer of any size to speak of. Cancel-safe.
    pub(super) async fn ready(&mut self) -> io::Result<()> {
        if !self.early.is_empty() {
            return Ok(());
        }
        match &mut self.stream {
            ReadSide::Tcp(read) => read.readable().await,
            ReadSide::Other(read) => {
                let mut first = [0; FIRST_BYTES];
                let length = read.read(&mut first).await?;
                if length == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                self.early = Bytes::copy_from_slice(&first[..length]);
                Ok(())
            }
        }
    }
}

impl AsyncRead for Source {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.early.is_empty() {
            let length = self.early.len().min(into.remaining());
            into.put_slice(&self.early[..length]);
            self.early.advance(length);
            if self.early.is_empty() {
                self.early = Bytes::new();
            }
            return Poll::Ready(Ok(()));
        }
        match &mut self.stream {
            ReadSide::Tcp(read) => Pin::new(read).poll_read(cx, into),
            ReadSide::Other(read) => Pin::new(read).poll_read(cx, into),
        }
    }
}

impl AsyncWrite for Sink {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(write) => Pin::new(write).poll_write(cx, bytes),
            Self::Other(write) => Pin::new(write).poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(write) => Pin::new(write).poll_write_vectored(cx, slices),
            Self::Other(write) => Pin::new(write).poll_write_vectored(cx, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Tcp(write) => write.is_write_vectored(),
            Self::Other(write) => write.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(write) => Pin::new(write).poll_flush(cx),
            Self::Other(write) => Pin::new(write).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(write) => Pin::new(write).poll_shutdown(cx),
            Self::Other(write) => Pin::new(write).poll_shutdown(cx),
        }
    }
}
