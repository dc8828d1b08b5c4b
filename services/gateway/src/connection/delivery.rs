use std::sync::Arc;

use bytes::Bytes;
use messaging_domain::Timestamp;
use messaging_lifecycle::now;
use prometheus::Histogram;
use tracing::Span;

/// An event on its way to the local connections, which is over when the last of them has it, or is closed.
///
/// The frames themselves keep it: each transport lets go of a frame once it has written it.
#[derive(Debug)]
pub(crate) struct Delivery {
    committed_at: Timestamp,
    seconds: Histogram,
    /// Ends with the delivery.
    _span: Span,
}

/// Frames that are still to be delivered.
struct Undelivered(
    Bytes,
    #[expect(dead_code, reason = "it is there to be dropped")] Arc<Delivery>,
);

impl Delivery {
    /// Begins for what was committed at a time, by the clock of an API replica.
    pub(crate) fn new(committed_at: Timestamp, seconds: Histogram, span: Span) -> Arc<Self> {
        Arc::new(Self {
            committed_at,
            seconds,
            _span: span,
        })
    }

    /// The same frames, which the delivery lasts as long as.
    pub(super) fn follow(self: &Arc<Self>, frames: Bytes) -> Bytes {
        Bytes::from_owner(Undelivered(frames, Arc::clone(self)))
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        // Clocks of two machines may differ by more than this takes.
        let millis = now().millis().saturating_sub(self.committed_at.millis());
        let millis = u32::try_from(millis.max(0)).unwrap_or(u32::MAX);
        self.seconds.observe(f64::from(millis) / 1000.0);
    }
}

impl AsRef<[u8]> for Undelivered {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}
