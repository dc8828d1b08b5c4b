use std::collections::HashMap;
use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream::kv;
use bytes::Bytes;
use futures_util::StreamExt;
use messaging_domain::{Revocation, RevocationNews, Revoked, Timestamp};
use messaging_lifecycle::{Tasks, now};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::Bus;
use crate::kv::{
    Bucket, BucketError, deletion, expect_last, message_subject, operation, revision, ttl_header,
};

/// The key that says that all revocations of the database have been put since the bucket was made.
const COMPLETE: &str = "complete";

/// How long to wait before a bucket that cannot be followed is tried again.
const RETRY_DELAY: Duration = Duration::from_millis(250);

/// How long a process that starts waits for the bucket to be complete, before it goes on with what it knows: while there is no API
/// replica with a database nobody completes it, and nobody gets at anything that a revocation is to keep from him.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(3);

/// The bucket of revocations: what API replicas have in the database, for all who check tokens. A clone is another handle.
///
/// Each entry lives as long as its revocation. It is in memory, as the database has all of it.
#[derive(Clone)]
pub struct RevocationBucket {
    bucket: Bucket,
    connections: watch::Receiver<u64>,
}

/// An entry as it was last written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevocationEntry {
    /// The revocation; none if it was lifted or is over, as long as the trace of that stays.
    pub revocation: Option<Revocation>,
    /// The write, for the one that follows; 0 if there was none.
    pub revision: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Value {
    before: Timestamp,
    expires_at: Timestamp,
}

impl RevocationBucket {
    /// A handle on the bucket, which need not exist yet.
    pub fn new(bus: &Bus) -> Self {
        Self {
            bucket: Bucket::new(bus, bus.subjects.revocation_bucket()),
            connections: bus.connections(),
        }
    }

    /// Makes the bucket, in memory, if there is none.
    ///
    /// # Errors
    /// [`BucketError::Create`].
    pub async fn ensure(&self) -> Result<(), BucketError> {
        let forever = Duration::ZERO;
        self.bucket
            .ensure("tokens that hold no more", forever)
            .await
    }

    /// Puts a revocation, whatever was there.
    ///
    /// # Errors
    /// [`BucketError`]; it may have been put.
    pub async fn put(&self, revocation: &Revocation) -> Result<(), BucketError> {
        self.write(revocation, None).await
    }

    /// Puts a revocation after the write `last` of it (0: as the first one).
    ///
    /// # Errors
    /// [`BucketError::Conflict`] if somebody else has written; any other one: it may have been put.
    pub async fn put_after(&self, revocation: &Revocation, last: u64) -> Result<(), BucketError> {
        self.write(revocation, Some(last)).await
    }

    /// Takes a revocation away, whatever was there.
    ///
    /// # Errors
    /// [`BucketError`]; it may have been taken away.
    pub async fn lift(&self, of: &Revoked) -> Result<(), BucketError> {
        let key = of.to_string();
        let written = self.bucket.write(&key, Bytes::new(), deletion());
        written.await.map(drop)
    }

    /// Takes a revocation away after the write `last` of it.
    ///
    /// # Errors
    /// As [`RevocationBucket::put_after`].
    pub async fn lift_after(&self, of: &Revoked, last: u64) -> Result<(), BucketError> {
        let mut headers = deletion();
        expect_last(&mut headers, last);
        let key = of.to_string();
        let written = self.bucket.write(&key, Bytes::new(), headers);
        written.await.map(drop)
    }

    /// What is there of some revocations, at most a thousand.
    ///
    /// # Errors
    /// [`BucketError::Read`].
    pub async fn read<'a>(
        &self,
        names: impl Iterator<Item = &'a Revoked>,
    ) -> Result<HashMap<Revoked, RevocationEntry>, BucketError> {
        let messages = self
            .bucket
            .read_last(names.map(ToString::to_string))
            .await?;
        let entries = messages.iter().filter_map(|message| {
            let key = message_subject(message)?.get(self.bucket.subject("").len()..)?;
            let of: Revoked = key.parse().ok()?;
            let is_put = operation(message.headers.as_ref()).is_none();
            let revocation = is_put
                .then(|| read_value(of.clone(), &message.payload))
                .flatten();
            let revision = revision(message)?;
            let entry = RevocationEntry {
                revocation,
                revision,
            };
            Some((of, entry))
        });
        Ok(entries.collect())
    }

    /// Whether all revocations of the database have been put since the bucket was made.
    ///
    /// # Errors
    /// [`BucketError::Read`].
    pub async fn is_complete(&self) -> Result<bool, BucketError> {
        Ok(self.bucket.read_one(COMPLETE).await?.is_some())
    }

    /// Says that they have.
    ///
    /// # Errors
    /// [`BucketError::Write`].
    pub async fn set_complete(&self) -> Result<(), BucketError> {
        let value = Bytes::from_static(b"{}");
        let written = self.bucket.write(COMPLETE, value, HeaderMap::new());
        written.await.map(drop)
    }

    /// Follows the bucket until the tasks are asked to stop: all that is there, then each change, and all of it anew after the
    /// connection was made anew. It makes no bucket: who only follows needs no right to.
    ///
    /// Resolves to true once a process that starts knows what there was, or nobody has completed the bucket for
    /// [`SETTLE_TIMEOUT`].
    pub fn follow(
        self,
        tasks: &Tasks,
        mut heed: impl FnMut(RevocationNews) + Send + 'static,
    ) -> watch::Receiver<bool> {
        let (settled, is_settled) = watch::channel(false);
        tasks.spawn_until_stopped("revocations", async move {
            let following = async {
                loop {
                    if let Err(error) = self.follow_once(&mut heed, &settled).await {
                        tracing::debug!(%error, "the revocations cannot be followed; trying again");
                    }
                    tokio::time::sleep(RETRY_DELAY).await;
                }
            };
            tokio::join!(following, self.settle(&settled));
        });
        is_settled
    }

    async fn settle(&self, settled: &watch::Sender<bool>) {
        let mut connections = self.connections.clone();
        if connections.wait_for(|count| *count > 0).await.is_ok() {
            tokio::time::sleep(SETTLE_TIMEOUT).await;
            settled.send_replace(true);
        }
    }

    async fn follow_once(
        &self,
        heed: &mut impl FnMut(RevocationNews),
        settled: &watch::Sender<bool>,
    ) -> Result<(), BucketError> {
        let mut connections = self.connections.clone();
        connections.mark_unchanged();
        let mut watch = self.watch().await?;
        heed(RevocationNews::Begun);
        let (mut is_complete, mut is_told, mut last) = (false, false, 0);
        loop {
            tokio::select! {
                entry = watch.next() => {
                    let Some(entry) = entry else { return Ok(()) };
                    let entry = entry.map_err(|error| BucketError::Read(error.into()))?;
                    // Another bucket has taken its place, of which the client may have left out the beginning.
                    if entry.revision <= last {
                        return Ok(());
                    }
                    last = entry.revision;
                    is_complete |= entry.key == COMPLETE;
                    if let Some(news) = news(&entry) {
                        heed(news);
                    }
                    if is_complete && entry.seen_current && !is_told {
                        is_told = true;
                        heed(RevocationNews::AllTold);
                        settled.send_replace(true);
                    }
                }
                // What was watched may be gone with the server's memory, and nothing would tell of that for a while.
                Ok(()) = connections.changed() => return Ok(()),
            }
        }
    }

    async fn watch(&self) -> Result<kv::Watch, BucketError> {
        let read_error = |error: async_nats::Error| BucketError::Read(error);
        let store = self.bucket.jetstream.get_key_value(&self.bucket.name);
        let store = store.await.map_err(|error| read_error(error.into()))?;
        let watch = store.watch_with_history(">").await;
        watch.map_err(|error| read_error(error.into()))
    }

    async fn write(&self, revocation: &Revocation, last: Option<u64>) -> Result<(), BucketError> {
        let left = revocation.expires_at.millis() - now().millis();
        let left = Duration::from_millis(u64::try_from(left).unwrap_or(0));
        let mut headers = ttl_header(left);
        if let Some(last) = last {
            expect_last(&mut headers, last);
        }
        let value = Value {
            before: revocation.before,
            expires_at: revocation.expires_at,
        };
        let value = serde_json::to_vec(&value).expect("its fields are plain");
        let key = revocation.of.to_string();
        let written = self.bucket.write(&key, value.into(), headers);
        written.await.map(drop)
    }
}

/// What an entry tells; nothing if it is no revocation.
fn news(entry: &kv::Entry) -> Option<RevocationNews> {
    let of: Revoked = entry.key.parse().ok()?;
    if entry.operation == kv::Operation::Put {
        return read_value(of, &entry.value).map(RevocationNews::Noted);
    }
    Some(RevocationNews::Lifted(of))
}

fn read_value(of: Revoked, value: &[u8]) -> Option<Revocation> {
    let Value { before, expires_at } = serde_json::from_slice(value).ok()?;
    Some(Revocation {
        of,
        before,
        expires_at,
    })
}
