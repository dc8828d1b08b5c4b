use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf, ReadHalf, WriteHalf};
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
    Other(ReadHalf<TokioIo<Upgraded>>),
}

/// What a WebSocket is written to.
pub(super) enum Sink {
    Tcp(OwnedWriteHalf),
    Other(WriteHalf<TokioIo<Upgraded>>),
}

pub(super) fn split(upgraded: TokioIo<Upgraded>) -> (Source, Sink) {
    let (read, write) = tokio::io::split(upgraded);
    (
        Source {
            early: Bytes::new(),
            stream: ReadSide::Other(read),
        },
        Sink::Other(write),
    )
}

impl Source {
    pub(super) fn tcp(stream: TcpStream, early: Bytes) -> (Self, Sink) {
        let (read, write) = stream.into_split();
        (
            Self {
                early,
                stream: ReadSide::Tcp(read),
            },
            Sink::Tcp(write),
        )
    }

    /// Waits until there may be something to read, without a buffer to read it into. Cancel-safe.
    pub(super) async fn ready(&mut self) -> io::Result<()> {
        match &self.stream {
            ReadSide::Tcp(read) if self.early.is_empty() => read.readable().await,
            ReadSide::Tcp(_) | ReadSide::Other(_) => Ok(()),
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
