use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::{Answer, Draft, Job, Submission};
use crate::error::Trouble;
use crate::store::Shared;
use crate::{AppendError, ConversationKey, StoreConfig, StoreError};

/// The committer's entrance: it takes in what fits and refuses the rest at once.
#[derive(Clone)]
pub(crate) struct Intake {
    submissions: mpsc::UnboundedSender<Submission>,
    usage: Arc<Usage>,
}

/// What is waiting or on its way, and how much of it there may be.
struct Usage {
    messages: AtomicUsize,
    bytes: AtomicUsize,
    messages_max: usize,
    bytes_max: usize,
    shared: Arc<Shared>,
}

/// The room that one message takes up until it is decided.
pub(super) struct Slot {
    usage: Arc<Usage>,
    bytes: usize,
}

impl Intake {
    pub(crate) fn new(
        config: &StoreConfig,
        shared: Arc<Shared>,
    ) -> (Self, mpsc::UnboundedReceiver<Submission>) {
        // Unbounded as a channel; the slots bound it.
        let (submissions, receiver) = mpsc::unbounded_channel();
        let usage = Usage {
            messages: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
            messages_max: config.queue_messages_max,
            bytes_max: config.queue_bytes_max,
            shared,
        };
        (
            Self {
                submissions,
                usage: Arc::new(usage),
            },
            receiver,
        )
    }

    /// Queues a draft; the receiver gets its outcome, or is closed when the committer ends.
    pub(crate) fn submit(
        &self,
        key: ConversationKey,
        draft: Draft,
        deadline: Instant,
    ) -> Result<oneshot::Receiver<Answer>, AppendError> {
        let Some(slot) = Slot::take(&self.usage, draft.bytes()) else {
            self.usage.shared.metrics.overloaded.inc();
            return Err(AppendError::Overloaded);
        };
        let (answer, outcome) = oneshot::channel();
        let submission = Submission {
            key,
            job: Job {
                draft,
                deadline,
                answer,
                slot,
            },
        };
        match self.submissions.send(submission) {
            Ok(()) => Ok(outcome),
            Err(_) => Err(AppendError::Store(StoreError::unavailable(
                Trouble::CommitterEnded,
            ))),
        }
    }
}

impl Slot {
    fn take(usage: &Arc<Usage>, bytes: usize) -> Option<Self> {
        if !add_within(&usage.messages, 1, usage.messages_max) {
            return None;
        }
        if !add_within(&usage.bytes, bytes, usage.bytes_max) {
            usage.messages.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        usage.shared.metrics.queue_messages.inc();
        usage.shared.metrics.queue_bytes.add(gauge_value(bytes));
        Some(Self {
            usage: Arc::clone(usage),
            bytes,
        })
    }

    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.usage.messages.fetch_sub(1, Ordering::Relaxed);
        self.usage.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
        self.usage.shared.metrics.queue_messages.dec();
        self.usage
            .shared
            .metrics
            .queue_bytes
            .sub(gauge_value(self.bytes));
    }
}

fn add_within(used: &AtomicUsize, more: usize, max: usize) -> bool {
    let fits = |used: usize| used.checked_add(more).filter(|sum| *sum <= max);
    used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits)
        .is_ok()
}

fn gauge_value(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}
