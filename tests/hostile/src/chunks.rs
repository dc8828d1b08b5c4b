use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use tokio::io::{AsyncRead, ReadBuf};

/// Bytes that come in pieces, each of them at once when it is asked for.
pub(crate) struct Chunks {
    rest: Bytes,
    lengths: Vec<usize>,
    next: usize,
}

impl Chunks {
    /// Pieces of these lengths, over and over.
    pub(crate) fn new(bytes: Bytes, lengths: &[usize]) -> Self {
        assert!(lengths.iter().all(|length| *length > 0));
        Self {
            rest: bytes,
            lengths: lengths.to_vec(),
            next: 0,
        }
    }

    /// As the body of a request, with more behind it.
    pub(crate) fn into_body(self, tail: impl Iterator<Item = Bytes> + Send + 'static) -> Body {
        Body::from_stream(stream::iter(self.chain(tail)).map(Ok::<_, io::Error>))
    }
}

impl Iterator for Chunks {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        if self.rest.is_empty() {
            return None;
        }
        let length = self.lengths[self.next % self.lengths.len()];
        self.next += 1;
        Some(self.rest.split_to(length.min(self.rest.len())))
    }
}

impl AsyncRead for Chunks {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let length = self.lengths[self.next % self.lengths.len()];
        self.next += 1;
        let length = length.min(self.rest.len()).min(into.remaining());
        into.put_slice(&self.rest.split_to(length));
        Poll::Ready(Ok(()))
    }
}
