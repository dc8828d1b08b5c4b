use std::time::Duration;

use bytes::Bytes;
use messaging_bus::{BucketError, Bus, SessionBucket, SessionEntry};

#[cfg(test)]
use crate::simulation::Port;

/// Where the records of all sessions are: in a release there is one place, and nothing to choose.
#[cfg_attr(
    test,
    expect(
        clippy::large_enum_variant,
        reason = "there is one for each gateway, and without the variant of tests nothing to spare"
    )
)]
pub(crate) enum Records {
    Nats(SessionBucket),
    #[cfg(test)]
    Simulated(Port),
}

impl Records {
    pub(crate) fn new(bus: &Bus) -> Self {
        Self::Nats(SessionBucket::new(bus))
    }

    /// As [`SessionBucket::ensure`].
    pub(super) async fn ensure(&self) -> Result<(), BucketError> {
        match self {
            Self::Nats(bucket) => bucket.ensure().await,
            #[cfg(test)]
            Self::Simulated(port) => port.ensure_records().await,
        }
    }

    /// As [`SessionBucket::read`].
    pub(super) async fn read(&self, name: &str) -> Result<Option<SessionEntry>, BucketError> {
        match self {
            Self::Nats(bucket) => bucket.read(name).await,
            #[cfg(test)]
            Self::Simulated(port) => port.read_record(name).await,
        }
    }

    /// As [`SessionBucket::write`].
    pub(super) async fn write(
        &self,
        name: &str,
        value: Bytes,
        last: u64,
        ttl: Duration,
    ) -> Result<u64, BucketError> {
        match self {
            Self::Nats(bucket) => bucket.write(name, value, last, ttl).await,
            #[cfg(test)]
            Self::Simulated(port) => port.write_record(name, Some(value), last, ttl).await,
        }
    }

    /// As [`SessionBucket::delete`].
    pub(super) async fn delete(&self, name: &str, last: u64) -> Result<(), BucketError> {
        match self {
            Self::Nats(bucket) => bucket.delete(name, last).await,
            #[cfg(test)]
            Self::Simulated(port) => port.delete_record(name, last).await,
        }
    }
}
