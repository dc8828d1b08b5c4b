use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jsonwebtoken::Algorithm;
use messaging_lifecycle::{Tasks, chain};
use tokio::time::Instant;

use super::metrics::Outcome;
use super::{JwksMetrics, KeySet, ReadError, Source, WatchedKeys};

/// How long to wait before a reading that failed is tried again: at first, and at most.
const RETRY_DELAYS: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));

/// When a key set is read again.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Schedule {
    /// By itself.
    pub(crate) refresh: Duration,
    /// At most so often, after a burst, because of tokens whose key is not known.
    pub(crate) ask_interval: Duration,
}

/// Reads a key set again and again; the last good keys are kept, whatever becomes of the source.
pub(crate) struct Refresher {
    source: Source,
    accepted: Vec<Algorithm>,
    schedule: Schedule,
    metrics: JwksMetrics,
    keys: Arc<WatchedKeys>,
    /// What was read last, so that the same is not looked at again.
    document: Option<Bytes>,
    /// How many readings have failed since one succeeded.
    failures: u32,
    /// Why the last one failed, so that the same is not logged again.
    complaint: Option<String>,
}

impl Refresher {
    /// Begins with these keys, which may be none, and reads until the tasks are asked to stop.
    pub(crate) fn start(
        source: Source,
        keys: KeySet,
        accepted: &[Algorithm],
        schedule: Schedule,
        metrics: JwksMetrics,
        tasks: &Tasks,
    ) -> Arc<WatchedKeys> {
        metrics.set_keys(keys.len());
        let keys = Arc::new(WatchedKeys::new(keys, schedule.ask_interval));
        let refresher = Self {
            source,
            accepted: accepted.to_vec(),
            schedule,
            metrics,
            keys: Arc::clone(&keys),
            document: None,
            failures: 0,
            complaint: None,
        };
        tasks.spawn_until_stopped("key set", refresher.run());
        keys
    }

    async fn run(mut self) {
        loop {
            self.keys.begin();
            let outcome = self.read().await;
            self.metrics.count(outcome);
            let delay = match outcome {
                Outcome::Changed | Outcome::Unchanged => self.schedule.refresh,
                Outcome::Unreachable | Outcome::Unusable => self.retry_delay(),
            };
            let keys = Arc::clone(&self.keys);
            keys.due(Instant::now() + delay).await;
        }
    }

    async fn read(&mut self) -> Outcome {
        let read = self.source.read().await;
        let outcome = match read.and_then(|document| self.look_at(document)) {
            Ok(keys) => {
                self.note_success();
                let outcome = match keys {
                    Some(_) => Outcome::Changed,
                    None => Outcome::Unchanged,
                };
                self.keys.end(keys);
                return outcome;
            }
            Err(ReadError::Set(error)) => {
                self.note_failure(chain(&error));
                Outcome::Unusable
            }
            Err(error) => {
                self.note_failure(chain(&error));
                Outcome::Unreachable
            }
        };
        self.keys.end(None);
        outcome
    }

    /// The keys of a document, if they are others than there are.
    fn look_at(&mut self, document: Bytes) -> Result<Option<KeySet>, ReadError> {
        if self.document.as_ref() == Some(&document) {
            return Ok(None);
        }
        let keys = KeySet::read(&document, &self.accepted)?;
        self.document = Some(document);
        if keys == *self.keys.current() {
            return Ok(None);
        }
        self.metrics.set_keys(keys.len());
        tracing::info!(source = %self.source, keys = ?keys.summary(), "the keys that check tokens have changed");
        Ok(Some(keys))
    }

    fn note_success(&mut self) {
        self.failures = 0;
        if self.complaint.take().is_some() {
            tracing::info!(source = %self.source, "the key set is good again");
        }
    }

    fn note_failure(&mut self, error: String) {
        self.failures = self.failures.saturating_add(1);
        if self.complaint.as_ref() != Some(&error) {
            let kept = self.keys.current().len();
            tracing::warn!(source = %self.source, error, kept, "the key set cannot be had; trying again, the last good keys are kept");
            self.complaint = Some(error);
        }
    }

    fn retry_delay(&self) -> Duration {
        let (first, longest) = RETRY_DELAYS;
        let doublings = self.failures.saturating_sub(1).min(16);
        (first * 2_u32.pow(doublings))
            .min(longest)
            .min(self.schedule.refresh)
    }
}
