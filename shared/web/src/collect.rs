use std::error::Error;
use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, LengthLimitError};
use thiserror::Error;

/// Why there is no body to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Uncollected {
    /// It has more bytes than its limit allows.
    #[error("the body is larger than its limit")]
    TooLarge,
    /// It broke off, or did not come in time.
    #[error("the body did not arrive whole")]
    Broken,
}

/// Reads a body to its end, within a time in all. Its bytes are limited by whoever made it, as by `Limited`.
///
/// It is copied as it comes. Each piece of a body is a part of the buffer that its connection read it into, and keeps all of
/// that: a body that came a byte at a time would be held as a buffer of 8 KiB for each of its bytes.
///
/// # Errors
/// [`Uncollected`].
pub async fn collect(body: Body, within: Duration) -> Result<Bytes, Uncollected> {
    let whole = tokio::time::timeout(within, copy(body)).await;
    whole.unwrap_or(Err(Uncollected::Broken))
}

async fn copy(mut body: Body) -> Result<Bytes, Uncollected> {
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        match frame {
            // Trailers mean nothing to anyone here.
            Ok(frame) => whole.extend_from_slice(frame.data_ref().map_or(&[], |data| data)),
            Err(error) if is_too_large(&error) => return Err(Uncollected::TooLarge),
            Err(_) => return Err(Uncollected::Broken),
        }
    }
    Ok(whole.freeze())
}

/// Whether the limit of a body is among the causes of what went wrong with it: each layer around it adds an error of its own.
fn is_too_large(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.is::<LengthLimitError>() {
            return true;
        }
        cause = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::pin::Pin;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Context, Poll};

    use http_body_util::Limited;
    use hyper::body::{Body as HttpBody, Frame};

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    /// A body of so many pieces of one byte, each in a buffer of its own that counts for as long as it lives.
    struct Dripping {
        left: usize,
        alive: Arc<AtomicUsize>,
        alive_max: Arc<AtomicUsize>,
    }

    struct Buffer(Arc<AtomicUsize>);

    impl AsRef<[u8]> for Buffer {
        fn as_ref(&self) -> &[u8] {
            b"x"
        }
    }

    impl Drop for Buffer {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::Relaxed);
        }
    }

    impl HttpBody for Dripping {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _cx: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            let Some(left) = self.left.checked_sub(1) else {
                return Poll::Ready(None);
            };
            self.left = left;
            let alive = self.alive.fetch_add(1, Ordering::Relaxed) + 1;
            self.alive_max.fetch_max(alive, Ordering::Relaxed);
            let piece = Bytes::from_owner(Buffer(Arc::clone(&self.alive)));
            Poll::Ready(Some(Ok(Frame::data(piece))))
        }
    }

    /// A body of which nothing ever comes.
    struct Silent;

    impl HttpBody for Silent {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            self: Pin<&mut Self>,
            _cx: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            Poll::Pending
        }
    }

    fn dripping(bytes: usize) -> (Dripping, Arc<AtomicUsize>) {
        let alive_max = Arc::new(AtomicUsize::new(0));
        let body = Dripping {
            left: bytes,
            alive: Arc::default(),
            alive_max: Arc::clone(&alive_max),
        };
        (body, alive_max)
    }

    #[tokio::test]
    async fn a_body_that_comes_a_byte_at_a_time_keeps_none_of_the_buffers_it_came_in() {
        let (body, buffers) = dripping(10_000);
        let whole = collect(Body::new(body), LONG).await.expect("whole");
        assert_eq!((whole.len(), buffers.load(Ordering::Relaxed)), (10_000, 1));
    }

    #[tokio::test]
    async fn a_body_over_its_limit_is_told_from_one_that_broke_off() {
        let limited = |limit| Body::new(Limited::new(dripping(10).0, limit));
        assert_eq!(collect(limited(9), LONG).await, Err(Uncollected::TooLarge));
        // As it comes through the layers of a server.
        let wrapped = Body::from_stream(limited(9).into_data_stream());
        assert_eq!(collect(wrapped, LONG).await, Err(Uncollected::TooLarge));
        assert_eq!(
            collect(limited(10), LONG).await.map(|body| body.len()),
            Ok(10)
        );
    }

    #[tokio::test]
    async fn a_body_that_does_not_come_is_waited_for_so_long_and_no_longer() {
        let waited = collect(Body::new(Silent), Duration::from_millis(10)).await;
        assert_eq!(waited, Err(Uncollected::Broken));
    }
}
