use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream::stream::LastRawMessageErrorKind;
use async_nats::jetstream::{self, kv};
use bytes::Bytes;
use futures_util::StreamExt;
use thiserror::Error;

use crate::Bus;
use crate::metrics::Metrics;

/// The longest wait for a bucket's stream.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(2);

/// How long the trace of a deleted or expired key stays.
pub(crate) const MARKER_TTL: Duration = Duration::from_secs(60);

/// On how many servers of a cluster a bucket is kept, so that it outlives one of them.
const REPLICAS_IN_CLUSTER: usize = 3;

/// The bucket cannot be reached or does not do what it is told.
#[derive(Debug, Error)]
pub enum BucketError {
    /// The bucket does not exist and cannot be made.
    #[error("the bucket cannot be made")]
    Create(#[source] async_nats::Error),
    /// A write was not confirmed.
    #[error("the bucket takes no write")]
    Write(#[source] async_nats::Error),
    /// The key is not where the writer thinks it is: somebody else has written it.
    #[error("the key was written by another one")]
    Conflict,
    /// There is no connection to NATS.
    #[error("NATS is not connected")]
    Disconnected,
    /// A read failed.
    #[error("the bucket cannot be read")]
    Read(#[source] async_nats::Error),
}

/// A bucket of the key-value store of NATS, in memory. A clone is another handle.
#[derive(Clone)]
pub(crate) struct Bucket {
    bus: Bus,
    pub(crate) jetstream: jetstream::Context,
    pub(crate) name: String,
}

impl Bucket {
    pub(crate) fn metrics(&self) -> &Metrics {
        &self.bus.metrics
    }

    /// A handle on a bucket, which need not exist yet.
    pub(crate) fn new(bus: &Bus, name: String) -> Self {
        let mut jetstream = jetstream::new(bus.client.clone());
        jetstream.set_timeout(OPERATION_TIMEOUT);
        Self {
            bus: bus.clone(),
            jetstream,
            name,
        }
    }

    /// Makes the bucket if there is none. Keys that nobody renews live for `age_max`.
    pub(crate) async fn ensure(
        &self,
        description: &str,
        age_max: Duration,
    ) -> Result<(), BucketError> {
        self.require_connection()?;
        let made = async {
            if self.is_in_cluster()
                && self
                    .make(description, age_max, REPLICAS_IN_CLUSTER)
                    .await
                    .is_ok()
            {
                return Ok(());
            }
            match self.make(description, age_max, 1).await {
                Ok(()) => Ok(()),
                // Another process may have made it with an older configuration: it serves as well.
                Err(error) => match self.jetstream.get_key_value(&self.name).await {
                    Ok(_) => Ok(()),
                    Err(_) => Err(error),
                },
            }
        };
        match tokio::time::timeout(OPERATION_TIMEOUT, made).await {
            Ok(made) => made.map_err(BucketError::Create),
            Err(elapsed) => Err(BucketError::Create(elapsed.into())),
        }
    }

    async fn make(
        &self,
        description: &str,
        age_max: Duration,
        replicas: usize,
    ) -> Result<(), async_nats::Error> {
        let config = kv::Config {
            bucket: self.name.clone(),
            description: description.to_owned(),
            history: 1,
            max_age: age_max,
            limit_markers: Some(MARKER_TTL),
            storage: jetstream::stream::StorageType::Memory,
            num_replicas: replicas,
            ..Default::default()
        };
        self.jetstream.create_key_value(config).await?;
        Ok(())
    }

    /// Writes a key; returns the place of the write among all writes to the bucket.
    pub(crate) async fn write(
        &self,
        key: &str,
        value: Bytes,
        headers: HeaderMap,
    ) -> Result<u64, BucketError> {
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
            Ok(Err(error))
                if error.kind() == jetstream::context::PublishErrorKind::WrongLastSequence =>
            {
                Err(BucketError::Conflict)
            }
            Ok(Err(error)) => Err(BucketError::Write(error.into())),
            Err(elapsed) => Err(BucketError::Write(elapsed.into())),
        }
    }

    /// The keys that match a pattern of NATS subjects.
    pub(crate) async fn keys(&self, pattern: &str) -> Result<Vec<String>, BucketError> {
        let stream = self
            .jetstream
            .get_stream_no_info(format!("KV_{}", self.name))
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

    /// The last messages of keys, each of which may be a pattern.
    pub(crate) async fn read_last(
        &self,
        keys: impl Iterator<Item = String>,
    ) -> Result<Vec<async_nats::Message>, BucketError> {
        self.require_connection()?;
        let subjects: Vec<String> = keys.map(|key| self.subject(&key)).collect();
        let query = serde_json::json!({ "multi_last": subjects }).to_string();
        match tokio::time::timeout(OPERATION_TIMEOUT, self.read_batch(query.into())).await {
            Ok(read) => read,
            Err(elapsed) => Err(BucketError::Read(elapsed.into())),
        }
    }

    /// The last message of one key, from whichever server of a cluster answers: it may be a moment old.
    pub(crate) async fn read_one(
        &self,
        key: &str,
    ) -> Result<Option<async_nats::Message>, BucketError> {
        self.require_connection()?;
        let subject = format!("$JS.API.DIRECT.GET.KV_{}.{}", self.name, self.subject(key));
        let asked = self.bus.client.request(subject, Bytes::new());
        let message = match tokio::time::timeout(OPERATION_TIMEOUT, asked).await {
            Ok(Ok(message)) => message,
            Ok(Err(error)) => return Err(BucketError::Read(error.into())),
            Err(elapsed) => return Err(BucketError::Read(elapsed.into())),
        };
        match message.status.map(|status| status.as_u16()) {
            None => Ok(Some(message)),
            Some(404) => Ok(None),
            Some(status) => Err(BucketError::Read(
                format!("direct get answers {status}").into(),
            )),
        }
    }

    /// The last message of one key, from the server that leads the bucket: its value, headers and revision.
    pub(crate) async fn read_from_leader(
        &self,
        key: &str,
    ) -> Result<Option<jetstream::message::StreamMessage>, BucketError> {
        self.require_connection()?;
        let asked = async {
            let stream = self
                .jetstream
                .get_stream_no_info(format!("KV_{}", self.name))
                .await?;
            match stream
                .get_last_raw_message_by_subject(&self.subject(key))
                .await
            {
                Ok(message) => Ok(Some(message)),
                Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(None),
                Err(error) => Err(async_nats::Error::from(error)),
            }
        };
        match tokio::time::timeout(OPERATION_TIMEOUT, asked).await {
            Ok(read) => read.map_err(BucketError::Read),
            Err(elapsed) => Err(BucketError::Read(elapsed.into())),
        }
    }

    /// Whether the bucket may be on several servers, of which one may lag behind.
    pub(crate) fn is_in_cluster(&self) -> bool {
        self.bus.client.server_info().cluster.is_some()
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
        let subject = format!("$JS.API.DIRECT.GET.KV_{}", self.name);
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

    /// Without a connection an operation fails at once instead of waiting for one: whoever asks has somebody waiting.
    fn require_connection(&self) -> Result<(), BucketError> {
        if self.bus.is_connected() {
            Ok(())
        } else {
            Err(BucketError::Disconnected)
        }
    }

    pub(crate) fn subject(&self, key: &str) -> String {
        format!("$KV.{}.{key}", self.name)
    }
}

/// Lets a key live for so long, in whole seconds.
pub(crate) fn ttl_header(ttl: Duration) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("Nats-TTL", format!("{}s", ttl.as_secs().max(1)));
    headers
}

/// Deletes a key and leaves a trace of it for a while.
pub(crate) fn deletion() -> HeaderMap {
    let mut headers = ttl_header(MARKER_TTL);
    headers.insert("KV-Operation", "DEL");
    headers
}

/// Lets a write succeed only if the last one of its key is this one; 0: if there is none.
pub(crate) fn expect_last(headers: &mut HeaderMap, revision: u64) {
    headers.insert("Nats-Expected-Last-Subject-Sequence", revision.to_string());
}

/// The key's full subject, as a direct get tells it.
pub(crate) fn message_subject(message: &async_nats::Message) -> Option<&str> {
    Some(message.headers.as_ref()?.get("Nats-Subject")?.as_str())
}

/// The place of a message among all writes to its bucket.
pub(crate) fn revision(message: &async_nats::Message) -> Option<u64> {
    let headers = message.headers.as_ref()?;
    headers.get("Nats-Sequence")?.as_str().parse().ok()
}

/// What a message does to its key, other than putting a value: a deletion by us, or a marker of the server's.
pub(crate) fn operation(headers: Option<&HeaderMap>) -> Option<&str> {
    let headers = headers?;
    headers
        .get("KV-Operation")
        .or_else(|| headers.get("Nats-Marker-Reason"))
        .map(|value| value.as_str())
}
