use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream::{self, kv};
use bytes::Bytes;
use futures_util::StreamExt;
use messaging_domain::UserId;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{Instance, LEASE_TTL};
use crate::Bus;

/// The longest wait for the bucket's stream.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(2);

/// How long an entry lives that nobody renews; gateways renew theirs well before.
pub(super) const ENTRY_AGE_MAX: Duration = Duration::from_secs(24 * 3600);

/// How long the trace of a deleted entry stays, so that whoever deleted last can be told from the others.
const MARKER_TTL: Duration = Duration::from_secs(60);

/// The bucket of presence and leases. A clone is another handle.
#[derive(Clone)]
pub struct PresenceBucket {
    bus: Bus,
    jetstream: jetstream::Context,
    bucket: String,
}

/// The bucket cannot be reached or does not do what it is told.
#[derive(Debug, Error)]
pub enum BucketError {
    /// The bucket does not exist and cannot be made.
    #[error("the presence bucket cannot be made")]
    Create(#[source] async_nats::Error),
    /// A write was not confirmed.
    #[error("the presence bucket takes no write")]
    Write(#[source] async_nats::Error),
    /// There is no connection to NATS.
    #[error("NATS is not connected")]
    Disconnected,
    /// A read failed.
    #[error("the presence bucket cannot be read")]
    Read(#[source] async_nats::Error),
}

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
}

#[derive(Serialize, Deserialize)]
struct EntryValue {
    connections: u32,
}

impl PresenceBucket {
    /// A handle on the bucket, which need not exist yet.
    pub fn new(bus: &Bus) -> Self {
        let mut jetstream = jetstream::new(bus.client.clone());
        jetstream.set_timeout(OPERATION_TIMEOUT);
        Self {
            bus: bus.clone(),
            jetstream,
            bucket: bus.subjects.presence_bucket(),
        }
    }

    /// Makes the bucket if there is none.
    ///
    /// It is kept in memory: all of it can be told again by those who are alive, and nothing of it is worth a disk write.
    ///
    /// # Errors
    /// [`BucketError::Create`].
    pub async fn ensure(&self) -> Result<(), BucketError> {
        let config = kv::Config {
            bucket: self.bucket.clone(),
            description: "who is connected where".to_owned(),
            history: 1,
            max_age: ENTRY_AGE_MAX,
            limit_markers: Some(MARKER_TTL),
            storage: jetstream::stream::StorageType::Memory,
            ..Default::default()
        };
        let created =
            tokio::time::timeout(OPERATION_TIMEOUT, self.jetstream.create_key_value(config)).await;
        match created {
            Ok(Ok(_)) => Ok(()),
            // Another process may have made it with an older configuration: it serves as well.
            Ok(Err(error)) => match self.jetstream.get_key_value(&self.bucket).await {
                Ok(_) => Ok(()),
                Err(_) => Err(BucketError::Create(error.into())),
            },
            Err(elapsed) => Err(BucketError::Create(elapsed.into())),
        }
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
        let value = serde_json::to_vec(&EntryValue { connections }).expect("a number");
        self.write(&user_key(user, instance), value.into(), HeaderMap::new())
            .await
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
        let mut headers = ttl_header(MARKER_TTL);
        headers.insert("KV-Operation", "DEL");
        self.write(&user_key(user, instance), Bytes::new(), headers)
            .await
    }

    /// All entries of these users, deleted ones included as long as their trace stays.
    ///
    /// # Errors
    /// [`BucketError::Read`].
    pub async fn entries(&self, users: &[UserId]) -> Result<Vec<Entry>, BucketError> {
        let subjects: Vec<String> = users
            .iter()
            .map(|user| self.subject(&format!("user.{user}.*")))
            .collect();
        let query = serde_json::json!({ "multi_last": subjects });
        let messages = self.read_last(query.to_string().into()).await?;
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
        let keys = self.keys(&format!("user.*.{instance}")).await?;
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
        self.write(
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
        let mut headers = ttl_header(MARKER_TTL);
        headers.insert("KV-Operation", "DEL");
        self.write(&format!("gateway.{instance}"), Bytes::new(), headers)
            .await
            .map(drop)
    }

    /// The gateways that were registered and not unregistered.
    ///
    /// # Errors
    /// [`BucketError::Read`].
    pub async fn registered(&self) -> Result<Vec<Instance>, BucketError> {
        let query = serde_json::json!({ "multi_last": [self.subject("gateway.*")] });
        let messages = self.read_last(query.to_string().into()).await?;
        let alive = messages
            .iter()
            .filter(|message| operation(message).is_none());
        Ok(alive
            .filter_map(|message| message_subject(message)?.rsplit('.').next()?.parse().ok())
            .collect())
    }

    /// Takes on the clean-up after a dead gateway; false if another one has.
    ///
    /// # Errors
    /// [`BucketError::Write`].
    pub async fn claim(&self, dead: &Instance) -> Result<bool, BucketError> {
        let mut headers = ttl_header(MARKER_TTL);
        headers.insert("Nats-Expected-Last-Subject-Sequence", "0");
        match self
            .write(&format!("claim.{dead}"), Bytes::new(), headers)
            .await
        {
            Ok(_) => Ok(true),
            Err(BucketError::Write(error)) if is_wrong_last_sequence(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Writes a lease, to live for [`LEASE_TTL`].
    pub(super) async fn write_lease(&self, key: &str) -> Result<u64, BucketError> {
        self.write(key, Bytes::from_static(b"{}"), ttl_header(LEASE_TTL))
            .await
    }

    /// Gives a lease back.
    pub(super) async fn delete_lease(&self, key: &str) -> Result<(), BucketError> {
        let mut headers = ttl_header(MARKER_TTL);
        headers.insert("KV-Operation", "DEL");
        self.write(key, Bytes::new(), headers).await.map(drop)
    }

    /// Follows all leases, the present ones first.
    pub(super) async fn watch_leases(&self) -> Result<kv::Watch, BucketError> {
        let store = self
            .jetstream
            .get_key_value(&self.bucket)
            .await
            .map_err(|error| BucketError::Read(error.into()))?;
        store
            .watch_with_history("lease.>")
            .await
            .map_err(|error| BucketError::Read(error.into()))
    }

    async fn keys(&self, pattern: &str) -> Result<Vec<String>, BucketError> {
        let stream = self
            .jetstream
            .get_stream_no_info(format!("KV_{}", self.bucket))
            .await
            .map_err(|error| BucketError::Read(error.into()))?;
        let mut subjects = stream
            .info_with_subjects(self.subject(pattern))
            .await
            .map_err(|error| BucketError::Read(error.into()))?;
        let prefix_length = self.subject("").len();
        let mut keys = Vec::new();
        while let Some(subject) = subjects.next().await {
            let (subject, _) = subject.map_err(|error| BucketError::Read(error.into()))?;
            keys.extend(subject.get(prefix_length..).map(str::to_owned));
        }
        Ok(keys)
    }

    async fn write(&self, key: &str, value: Bytes, headers: HeaderMap) -> Result<u64, BucketError> {
        self.require_connection()?;
        let acknowledged = async {
            let publish = self
                .jetstream
                .publish_with_headers(self.subject(key), headers, value)
                .await?;
            publish.await
        };
        match tokio::time::timeout(OPERATION_TIMEOUT, acknowledged).await {
            Ok(Ok(acknowledged)) => Ok(acknowledged.sequence),
            Ok(Err(error)) => Err(BucketError::Write(error.into())),
            Err(elapsed) => Err(BucketError::Write(elapsed.into())),
        }
    }

    /// Without a connection an operation fails at once instead of waiting for one: whoever asks has somebody waiting.
    fn require_connection(&self) -> Result<(), BucketError> {
        if self.bus.is_connected() {
            Ok(())
        } else {
            Err(BucketError::Disconnected)
        }
    }

    async fn read_last(&self, query: Bytes) -> Result<Vec<async_nats::Message>, BucketError> {
        self.require_connection()?;
        match tokio::time::timeout(OPERATION_TIMEOUT, self.read_batch(query)).await {
            Ok(read) => read,
            Err(elapsed) => Err(BucketError::Read(elapsed.into())),
        }
    }

    /// Asks for the last messages of subjects by the batched direct get of NATS 2.11 (ADR-31), which needs no consumer.
    async fn read_batch(&self, query: Bytes) -> Result<Vec<async_nats::Message>, BucketError> {
        let inbox = self.bus.client.new_inbox();
        let read_error = |error: async_nats::Error| BucketError::Read(error);
        let mut answers = self
            .bus
            .client
            .subscribe(inbox.clone())
            .await
            .map_err(|error| read_error(error.into()))?;
        let subject = format!("$JS.API.DIRECT.GET.KV_{}", self.bucket);
        self.bus
            .client
            .publish_with_reply(subject, inbox, query)
            .await
            .map_err(|error| read_error(error.into()))?;
        let mut messages = Vec::new();
        while let Some(message) = answers.next().await {
            match message.status.map(|status| status.as_u16()) {
                None => messages.push(message),
                // 204 ends the batch; 404 says that there is nothing.
                Some(204 | 404) => return Ok(messages),
                Some(status) => {
                    return Err(read_error(format!("direct get answers {status}").into()));
                }
            }
        }
        Err(read_error("the connection was closed".into()))
    }

    fn entry(&self, message: &async_nats::Message) -> Option<Entry> {
        let headers = message.headers.as_ref()?;
        let key = message_subject(message)?
            .get(self.subject("").len()..)?
            .strip_prefix("user.")?;
        let (user, instance) = key.split_once('.')?;
        let connections = match operation(message) {
            Some(_) => None,
            None => Some(
                serde_json::from_slice::<EntryValue>(&message.payload)
                    .ok()?
                    .connections,
            ),
        };
        Some(Entry {
            user: user.parse().ok()?,
            instance: instance.parse().ok()?,
            revision: headers.get("Nats-Sequence")?.as_str().parse().ok()?,
            connections,
        })
    }

    fn subject(&self, key: &str) -> String {
        format!("$KV.{}.{key}", self.bucket)
    }
}

fn user_key(user: &UserId, instance: &Instance) -> String {
    format!("user.{user}.{instance}")
}

fn ttl_header(ttl: Duration) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("Nats-TTL", format!("{}s", ttl.as_secs()));
    headers
}

fn message_subject(message: &async_nats::Message) -> Option<&str> {
    Some(message.headers.as_ref()?.get("Nats-Subject")?.as_str())
}

/// What a message does to its key, other than putting a value: a deletion by us, or a marker of the server's.
fn operation(message: &async_nats::Message) -> Option<&str> {
    let headers = message.headers.as_ref()?;
    headers
        .get("KV-Operation")
        .or_else(|| headers.get("Nats-Marker-Reason"))
        .map(|value| value.as_str())
}

fn is_wrong_last_sequence(error: &async_nats::Error) -> bool {
    error
        .downcast_ref::<jetstream::context::PublishError>()
        .is_some_and(|error| {
            error.kind() == jetstream::context::PublishErrorKind::WrongLastSequence
        })
}
