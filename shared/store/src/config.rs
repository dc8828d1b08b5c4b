use std::time::Duration;

use futures_util::FutureExt;
use messaging_domain::Timestamp;
use mongodb::options::{ClientOptions, ConnectionString};
use thiserror::Error;

use crate::error::Cause;

/// How to reach MongoDB, and the bounds of the write path.
///
/// It holds a connection string, which may hold a password, so it has no `Debug`.
#[derive(Clone)]
pub struct StoreConfig {
    pub(crate) uri: String,
    pub(crate) database: String,
    /// How long any one call may take before it is [`Unavailable`](crate::StoreError::Unavailable); 4 s.
    pub operation_timeout: Duration,
    /// Most messages that may wait to be stored or be on their way; 10,000.
    pub queue_messages_max: usize,
    /// Most bytes of messages that may wait to be stored or be on their way; 64 MiB.
    pub queue_bytes_max: usize,
    /// Most batches on their way to MongoDB at once; 4.
    pub batches_in_flight_max: usize,
    /// Most messages of one batch; 1,000.
    pub batch_messages_max: usize,
    /// What time it is.
    pub clock: fn() -> Timestamp,
}

/// A setting with which no store can work.
#[derive(Debug, Error)]
pub enum StoreConfigError {
    /// The connection string.
    #[error("the MongoDB connection string is invalid")]
    Uri(#[source] Cause),
    /// The database's name: 1 to 63 characters of `A-Z`, `a-z`, `0-9`, `_` and `-`.
    #[error("the database's name must be 1 to 63 characters of A-Z, a-z, 0-9, _ and -")]
    Database,
    /// A bound of zero, by the setting's name.
    #[error("{0} must be more than zero")]
    Zero(&'static str),
    /// A metric of the same name is in the registry already.
    #[error("the store's metrics cannot be registered")]
    Metrics(#[source] prometheus::Error),
}

const DATABASE_LENGTH_MAX: usize = 63;

impl StoreConfig {
    /// The defaults for one database; nothing is checked before [`Store::new`](crate::Store::new).
    pub fn new(uri: impl Into<String>, database: impl Into<String>) -> Self {
        Self {
            uri: uri.into(),
            database: database.into(),
            operation_timeout: Duration::from_secs(4),
            queue_messages_max: 10_000,
            queue_bytes_max: 64 << 20,
            batches_in_flight_max: 4,
            batch_messages_max: 1_000,
            clock: messaging_lifecycle::now,
        }
    }

    /// Looks for what no store can work with, as far as that takes no network. [`Store::new`](crate::Store::new) does so as well.
    ///
    /// # Errors
    /// The first [`StoreConfigError`] found.
    pub fn check(&self) -> Result<(), StoreConfigError> {
        check_uri(&self.uri).map_err(|error| StoreConfigError::Uri(Cause::new(error)))?;
        let is_name_character =
            |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        if !(1..=DATABASE_LENGTH_MAX).contains(&self.database.len())
            || !self.database.bytes().all(is_name_character)
        {
            return Err(StoreConfigError::Database);
        }
        let bounds = [
            ("operation_timeout", self.operation_timeout.is_zero()),
            ("queue_messages_max", self.queue_messages_max == 0),
            ("queue_bytes_max", self.queue_bytes_max == 0),
            ("batches_in_flight_max", self.batches_in_flight_max == 0),
            ("batch_messages_max", self.batch_messages_max == 0),
        ];
        match bounds.iter().find(|(_, is_zero)| *is_zero) {
            Some((name, _)) => Err(StoreConfigError::Zero(name)),
            None => Ok(()),
        }
    }
}

/// Checks a connection string as far as that takes no network.
fn check_uri(uri: &str) -> mongodb::error::Result<()> {
    ConnectionString::parse(uri)?;
    // Options that contradict each other show only here. Without a DNS name to resolve this is ready at once.
    let is_resolved = !uri.starts_with("mongodb+srv://");
    let options = is_resolved.then(|| ClientOptions::parse(uri).into_future().now_or_never());
    options
        .flatten()
        .map_or(Ok(()), |options| options.map(drop))
}
