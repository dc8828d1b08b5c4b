use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream::kv;
use bytes::Bytes;
use messaging_domain::UserId;
use serde::{Deserialize, Serialize};

use super::{Instance, LEASE_TTL};
use crate::Bus;
use crate::kv::{
    Bucket, BucketError, MARKER_TTL, deletion, expect_last, message_subject, operation, revision,
    ttl_header,
};
use crate::metrics::Metrics;

/// How long an entry lives that nobody renews; gateways renew theirs well before.
pub(super) const ENTRY_AGE_MAX: Duration = Duration::from_secs(24 * 3600);

/// The bucket of presence and leases. A clone is another handle.
#[derive(Clone)]
pub struct PresenceBucket(Bucket);

/// A user at a gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The user.
    pub user: UserId,
    /// The gateway.
    pub instance: Instance,
    /// The place of the last write of this entry among all writes to the bucket.
    pub revision: u64,
    /// Open connections; 0 while the user may yet come back; none if the entry was deleted.
    pub connections: Option<u32>,
    /// Whether the user was there before this write, as it only says so anew.
    pub is_rewritten: bool,
}

#[derive(Serialize, Deserialize)]
struct EntryValue {
    connections: u32,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    again: bool,
}

impl PresenceBucket {
    /// A handle on the bucket, which need not exist yet.
    pub fn new(bus: &Bus) -> Self {
        Self(Bucket::new(bus, bus.subjects.presence_bucket()))
    }

    pub(super) fn metrics(&self) -> &Metrics {
        self.0.metrics()
    }

    /// Makes the bucket if there is none.
    ///
    /// It is kept in memory: all of it can be told again by those who are alive, and nothing of it is worth a disk write.
    ///
    /// # Errors
    /// [`BucketError::Create`].
    pub async fn ensure(&self) -> Result<(), BucketError> {
        self.0.ensure("who is connected where", ENTRY_AGE_MAX).await
    }

    /// Writes a user's connections at a gateway; returns the revision.
    ///
    /// # Errors
    /// [`BucketError::Write`].
    pub async fn put_user(
        &self,
        user: &UserId,
        instance: &Instance,
        connections: u32,
    ) -> Result<u64, BucketError> {
        let again = false;
        let value = EntryValue { connections, again }.encode();
        self.0
            .write(&user_key(user, instance), value, HeaderMap::new())
            .await
    }

    /// Writes a user's connections at a gateway anew, if the last write is still this one (0: none); none otherwise.
    ///
    /// `again` says that he was there before.
    ///
    /// # Errors
    /// [`BucketError::Write`].
    pub async fn rewrite_user(
        &self,
        user: &UserId,
        instance: &Instance,
        (connections, again): (u32, bool),
        last: u64,
    ) -> Result<Option<u64>, BucketError> {
        let mut headers = HeaderMap::new();
        expect_last(&mut headers, last);
        let value = EntryValue { connections, again }.encode();
        let key = user_key(user, instance);
        unless_conflict(self.0.write(&key, value, headers).await)
    }

    /// Deletes a user's entry at a gateway; returns the revision of the trace that this leaves for a while.
    ///
    /// # Errors
    /// [`BucketError::Write`].
    pub async fn delete_user(
        &self,
        user: &UserId,
        instance: &Instance,
    ) -> Result<u64, BucketError> {
        self.0
            .write(&user_key(user, instance), Bytes::new(), deletion())
            .await
    }

    /// Deletes a user's entry at a gateway, if the last write is still this one; none otherwise.
    ///
    /// # Errors
    /// [`BucketError::Write`].
    pub async fn delete_unchanged_user(
        &self,
        user: &UserId,
        instance: &Instance,
        last: u64,
    ) -> Result<Option<u64>, BucketError> {
        let mut headers = deletion();
        expect_last(&mut headers, last);
        let key = user_key(user, instance);
        unless_conflict(self.0.write(&key, Bytes::new(), headers).await)
    }

    /// All entries of these users, deleted ones included as long as their trace stays.
    ///
    /// # Errors
    /// [`BucketError::Read`].
    pub async fn entries(&self, users: &[UserId]) -> Result<Vec<Entry>, BucketError> {
        let keys = users.iter().map(|user| format!("user.{user}.*"));
        let messages = self.0.read_last(keys).await?;
        Ok(messages
            .iter()
            .filter_map(|message| self.entry(message))
            .collect())
    }

    /// The users who have an entry at a gateway.
    ///
    /// # Errors
    /// [`BucketError::Read`].
    pub async fn users_of(&self, instance: &Instance) -> Result<Vec<UserId>, BucketError> {
        let keys = self.0.keys(&format!("user.*.{instance}")).await?;
        Ok(keys
            .iter()
            .filter_map(|key| key.split('.').nth(1)?.parse().ok())
            .collect())
    }

    /// Notes that a gateway exists.
    ///
    /// # Errors
    /// [`BucketError::Write`].
    pub async fn register(&self, instance: &Instance) -> Result<(), BucketError> {
        self.0
            .write(
                &format!("gateway.{instance}"),
                Bytes::from_static(b"{}"),
                HeaderMap::new(),
            )
            .await
            .map(drop)
    }

    /// Notes that a gateway exists no more.
    ///
    /// # Errors
    /// [`BucketError::Write`].
    pub async fn unregister(&self, instance: &Instance) -> Result<(), BucketError> {
        self.0
            .write(&format!("gateway.{instance}"), Bytes::new(), deletion())
            .await
            .map(drop)
    }

    /// The gateways that were registered and not unregistered.
    ///
    /// # Errors
    /// [`BucketError::Read`].
    pub async fn registered(&self) -> Result<Vec<Instance>, BucketError> {
        let messages = self
            .0
            .read_last(["gateway.*".to_owned()].into_iter())
            .await?;
        let alive = messages
            .iter()
            .filter(|message| operation(message.headers.as_ref()).is_none());
        Ok(alive
            .filter_map(|message| message_subject(message)?.rsplit('.').next()?.parse().ok())
            .collect())
    }

    /// Takes on the clean-up after a dead gateway; false if another one has, since it was last registered.
    ///
    /// # Errors
    /// [`BucketError::Read`], [`BucketError::Write`].
    pub async fn claim(&self, dead: &Instance) -> Result<bool, BucketError> {
        let registered = [format!("gateway.{dead}")].into_iter();
        let registered = self.0.read_last(registered).await?;
        let mut alive = registered
            .iter()
            .filter(|message| operation(message.headers.as_ref()).is_none());
        let Some(life) = alive.next().and_then(revision) else {
            return Ok(false);
        };
        let mut headers = ttl_header(MARKER_TTL);
        expect_last(&mut headers, 0);
        let key = format!("claim.{dead}.{life}");
        let claimed = unless_conflict(self.0.write(&key, Bytes::new(), headers).await)?;
        Ok(claimed.is_some())
    }

    /// Writes a lease, to live for [`LEASE_TTL`].
    pub(super) async fn write_lease(&self, key: &str) -> Result<u64, BucketError> {
        self.0
            .write(key, Bytes::from_static(b"{}"), ttl_header(LEASE_TTL))
            .await
    }

    /// Gives a lease back.
    pub(super) async fn delete_lease(&self, key: &str) -> Result<(), BucketError> {
        self.0.write(key, Bytes::new(), deletion()).await.map(drop)
    }

    /// Follows all leases, the present ones first.
    pub(super) async fn watch_leases(&self) -> Result<kv::Watch, BucketError> {
        let store = self
            .0
            .jetstream
            .get_key_value(&self.0.name)
            .await
            .map_err(|error| BucketError::Read(error.into()))?;
        store
            .watch_with_history("lease.>")
            .await
            .map_err(|error| BucketError::Read(error.into()))
    }

    fn entry(&self, message: &async_nats::Message) -> Option<Entry> {
        let key = message_subject(message)?
            .get(self.0.subject("").len()..)?
            .strip_prefix("user.")?;
        let (user, instance) = key.split_once('.')?;
        let value = match operation(message.headers.as_ref()) {
            Some(_) => None,
            None => Some(serde_json::from_slice::<EntryValue>(&message.payload).ok()?),
        };
        Some(Entry {
            user: user.parse().ok()?,
            instance: instance.parse().ok()?,
            revision: revision(message)?,
            connections: value.as_ref().map(|value| value.connections),
            is_rewritten: value.is_some_and(|value| value.again),
        })
    }
}

impl EntryValue {
    fn encode(&self) -> Bytes {
        serde_json::to_vec(self)
            .expect("its fields are plain")
            .into()
    }
}

fn unless_conflict(written: Result<u64, BucketError>) -> Result<Option<u64>, BucketError> {
    match written {
        Ok(revision) => Ok(Some(revision)),
        Err(BucketError::Conflict) => Ok(None),
        Err(error) => Err(error),
    }
}

fn user_key(user: &UserId, instance: &Instance) -> String {
    format!("user.{user}.{instance}")
}
