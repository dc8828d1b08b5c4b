use std::time::Duration;

use bytes::Bytes;

use crate::Bus;
use crate::kv::{Bucket, BucketError, deletion, expect_last, operation, revision, ttl_header};

/// The longest that any entry lives without being renewed.
const ENTRY_AGE_MAX: Duration = Duration::from_secs(24 * 3600);

/// What gateways keep of their clients' sessions, so that any other one can take a session over. A clone is another handle.
///
/// An entry has one writer at a time: each write names the one before it, and fails once somebody else has written.
#[derive(Clone)]
pub struct SessionBucket(Bucket);

/// What is kept of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionEntry {
    /// What its writer put.
    pub value: Bytes,
    /// The write that put it, for the one that follows.
    pub revision: u64,
}

impl SessionBucket {
    /// A handle on the bucket, which need not exist yet.
    pub fn new(bus: &Bus) -> Self {
        Self(Bucket::new(bus, bus.subjects.session_bucket()))
    }

    /// Makes the bucket, in memory, if there is none.
    ///
    /// # Errors
    /// [`BucketError::Create`].
    pub async fn ensure(&self) -> Result<(), BucketError> {
        self.0
            .ensure("sessions that can be recovered", ENTRY_AGE_MAX)
            .await
    }

    /// What is kept under a name, which must be made of `A-Za-z0-9_-`. In a cluster it may be some milliseconds old, which
    /// a write that follows finds out; that there is nothing is asked of the server that must know.
    ///
    /// # Errors
    /// [`BucketError::Read`].
    pub async fn read(&self, name: &str) -> Result<Option<SessionEntry>, BucketError> {
        if let Some(message) = self.0.read_one(name).await? {
            let is_put = operation(message.headers.as_ref()).is_none();
            return Ok(revision(&message)
                .filter(|_| is_put)
                .map(|revision| SessionEntry {
                    value: message.payload,
                    revision,
                }));
        }
        if !self.0.is_in_cluster() {
            return Ok(None);
        }
        let message = self.0.read_from_leader(name).await?;
        Ok(message
            .filter(|message| operation(Some(&message.headers)).is_none())
            .map(|message| SessionEntry {
                value: message.payload,
                revision: message.sequence,
            }))
    }

    /// Puts an entry after the write `last` (0: as the first one), to live for so long; returns the revision.
    ///
    /// # Errors
    /// [`BucketError::Conflict`] if somebody else has written; any other one: it may have been written or not.
    pub async fn write(
        &self,
        name: &str,
        value: Bytes,
        last: u64,
        ttl: Duration,
    ) -> Result<u64, BucketError> {
        let mut headers = ttl_header(ttl);
        expect_last(&mut headers, last);
        self.0.write(name, value, headers).await
    }

    /// Deletes an entry that was last written by `last`.
    ///
    /// # Errors
    /// As [`SessionBucket::write`].
    pub async fn delete(&self, name: &str, last: u64) -> Result<(), BucketError> {
        let mut headers = deletion();
        expect_last(&mut headers, last);
        self.0.write(name, Bytes::new(), headers).await.map(drop)
    }
}
