use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use axum::body::{Body, BodyDataStream};
use axum::extract::Request;
use bytes::Bytes;
use futures_util::Stream;
use futures_util::future::poll_fn;

/// How much of a body its reader is given.
///
/// multer takes whatever has come, and keeps it and looks through all of it again until a part begins: a body in which none
/// ever does would be held whole.
#[derive(Debug, Clone)]
pub(super) struct Meter(Arc<AtomicUsize>);

/// What was to be read did not come within the bytes that were given for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooLong;

impl Meter {
    /// Puts a meter into a request, which gives nothing yet.
    pub(super) fn install(request: Request) -> (Request, Self) {
        let left = Arc::new(AtomicUsize::new(0));
        let meter = Self(Arc::clone(&left));
        let request = request.map(|body| {
            Body::from_stream(Metered {
                body: body.into_data_stream(),
                held: Bytes::new(),
                left,
            })
        });
        (request, meter)
    }

    /// Gives up to so many bytes to a read, in total.
    ///
    /// # Errors
    /// [`TooLong`] if they do not suffice.
    pub(super) async fn at_most<T>(
        &self,
        bytes: usize,
        read: impl Future<Output = T>,
    ) -> Result<T, TooLong> {
        const AT_A_TIME: usize = 4 * 1024;
        let mut rest = bytes;
        let give = || {
            let given = rest.min(AT_A_TIME);
            rest -= given;
            given
        };
        self.read(read, give).await
    }

    /// Gives so many bytes at a time to a read, however many it takes.
    pub(super) async fn at_a_time<T>(
        &self,
        bytes: usize,
        read: impl Future<Output = T>,
    ) -> Result<T, TooLong> {
        self.read(read, || bytes).await
    }

    /// Gives more only to a read that cannot go on with what it has, so that nothing piles up over many reads.
    async fn read<T>(
        &self,
        read: impl Future<Output = T>,
        mut give: impl FnMut() -> usize,
    ) -> Result<T, TooLong> {
        let mut read = pin!(read);
        poll_fn(|cx| {
            loop {
                if let Poll::Ready(done) = read.as_mut().poll(cx) {
                    return Poll::Ready(Ok(done));
                }
                if self.0.load(Ordering::Relaxed) > 0 {
                    return Poll::Pending;
                }
                match give() {
                    0 => return Poll::Ready(Err(TooLong)),
                    bytes => self.0.store(bytes, Ordering::Relaxed),
                }
            }
        })
        .await
    }
}

struct Metered {
    body: BodyDataStream,
    held: Bytes,
    left: Arc<AtomicUsize>,
}

impl Stream for Metered {
    type Item = Result<Bytes, axum::Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let left = self.left.load(Ordering::Relaxed);
        if left == 0 {
            // Whoever gives more polls again.
            return Poll::Pending;
        }
        if self.held.is_empty() {
            match ready!(Pin::new(&mut self.body).poll_next(cx)) {
                Some(Ok(bytes)) => self.held = bytes,
                end => return Poll::Ready(end),
            }
        }
        let length = self.held.len().min(left);
        self.left.store(left - length, Ordering::Relaxed);
        Poll::Ready(Some(Ok(self.held.split_to(length))))
    }
}
