//! The bucket of sessions: one revision for all, each write names the one before it, and some reads are a little old.

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use messaging_bus::{BucketError, SessionEntry};
use rand::Rng;
use rand::rngs::StdRng;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::network::Port;

/// The longest that a gateway waits for the bucket.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(2);

/// How long the trace of a deleted entry stays.
const MARKER_TTL: Duration = Duration::from_secs(60);

/// How likely a read comes from a server that has not the last write yet.
const STALENESS: f64 = 0.1;

/// All entries.
#[derive(Default)]
pub(super) struct Table {
    last: u64,
    entries: HashMap<Box<str>, Written>,
}

/// The last write of an entry, and the value before it.
#[derive(Clone)]
struct Written {
    revision: u64,
    /// `None` once it is deleted.
    value: Option<Bytes>,
    expires_at: Instant,
    before: Option<(u64, Bytes)>,
}

impl Table {
    fn live(&self, name: &str) -> Option<&Written> {
        let written = self.entries.get(name);
        written.filter(|written| written.expires_at > Instant::now())
    }

    fn read(&self, name: &str, rng: &mut StdRng) -> Option<SessionEntry> {
        let written = self.live(name)?;
        let now = written.value.clone().map(|value| (written.revision, value));
        let is_stale = rng.random_bool(STALENESS);
        let seen = written.before.clone().filter(|_| is_stale).or(now);
        seen.map(|(revision, value)| SessionEntry { value, revision })
    }

    fn write(
        &mut self,
        name: &str,
        value: Option<Bytes>,
        last: u64,
        ttl: Duration,
    ) -> Result<u64, BucketError> {
        let there = self.live(name).cloned();
        if there.as_ref().map_or(0, |there| there.revision) != last {
            return Err(BucketError::Conflict);
        }
        self.last += 1;
        let before = there.and_then(|there| there.value.map(|value| (there.revision, value)));
        let written = Written {
            revision: self.last,
            value,
            expires_at: Instant::now() + ttl,
            before,
        };
        self.entries.insert(name.into(), written);
        Ok(self.last)
    }
}

impl Port {
    pub(crate) async fn ensure_records(&self) -> Result<(), BucketError> {
        self.in_time(|_, _| ()).await.map_err(BucketError::Create)
    }

    pub(crate) async fn read_record(
        &self,
        name: &str,
    ) -> Result<Option<SessionEntry>, BucketError> {
        if self.knows_that_it_is_cut_off() {
            return Err(BucketError::Disconnected);
        }
        let name = name.to_owned();
        let read = self.in_time(move |table, rng| table.read(&name, rng));
        read.await.map_err(BucketError::Read)
    }

    pub(crate) async fn write_record(
        &self,
        name: &str,
        value: Option<Bytes>,
        last: u64,
        ttl: Duration,
    ) -> Result<u64, BucketError> {
        if self.knows_that_it_is_cut_off() {
            return Err(BucketError::Disconnected);
        }
        let name = name.to_owned();
        let written = self.in_time(move |table, _| table.write(&name, value, last, ttl));
        written.await.map_err(BucketError::Write)?
    }

    pub(crate) async fn delete_record(&self, name: &str, last: u64) -> Result<(), BucketError> {
        let deleted = self.write_record(name, None, last, MARKER_TTL);
        deleted.await.map(drop)
    }

    async fn in_time<T: Send + 'static>(
        &self,
        operation: impl FnOnce(&mut Table, &mut StdRng) -> T + Send + 'static,
    ) -> Result<T, Box<dyn std::error::Error + Send + Sync>> {
        let deadline = Instant::now() + OPERATION_TIMEOUT;
        match timeout_at(deadline, self.operate(operation)).await {
            Ok(Some(done)) => Ok(done),
            Ok(None) => {
                sleep_until(deadline).await;
                Err("it was lost".into())
            }
            Err(late) => Err(late.into()),
        }
    }
}
