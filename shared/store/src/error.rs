use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use mongodb::error::{Error as DriverError, ErrorKind, InsertManyError, WriteFailure};
use thiserror::Error;

/// Why a call of the store failed.
#[derive(Debug, Clone, Error)]
pub enum StoreError {
    /// MongoDB does not answer, or not in time. Trying again later may work.
    ///
    /// A write that ends so may or may not have happened.
    #[error("the database is unavailable")]
    Unavailable {
        /// What went wrong.
        #[source]
        source: Cause,
    },
    /// MongoDB refused a command, or holds what no store of this version has written. Trying again does not help.
    #[error("the database refused or returned something unexpected")]
    Internal {
        /// What went wrong.
        #[source]
        source: Cause,
    },
}

/// A lower-level error, kept for the log and shared by all whom it struck.
#[derive(Debug, Clone)]
pub struct Cause(Arc<dyn StdError + Send + Sync>);

impl Cause {
    pub(crate) fn new(error: impl StdError + Send + Sync + 'static) -> Self {
        Self(Arc::new(error))
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl StdError for Cause {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source()
    }
}

/// What goes wrong on this side of the driver.
#[derive(Debug, Clone, Copy, Error)]
pub(crate) enum Trouble {
    #[error("no answer within {0:?}")]
    Deadline(Duration),
    #[error("the committer has ended")]
    CommitterEnded,
    #[error("the server is no writable primary")]
    NotWritable,
    #[error("gave up after too many concurrent changes")]
    Contended,
    #[error("a document that must exist is missing")]
    Missing,
}

/// Why an insert of many was not carried out as asked.
#[derive(Debug, Error)]
#[error("an insert failed with code {code}: {message}")]
struct InsertFailed {
    code: i32,
    message: String,
}

impl InsertFailed {
    fn of(error: &InsertManyError) -> Self {
        let concern = error
            .write_concern_error
            .as_ref()
            .map(|error| (error.code, &error.message));
        let mut writes = error
            .write_errors
            .iter()
            .flatten()
            .map(|error| (error.code, &error.message));
        let first = concern.or_else(|| writes.next());
        let (code, message) = first.map_or((0, String::new()), |(code, message)| {
            (code, message.clone())
        });
        Self { code, message }
    }
}

impl StoreError {
    pub(crate) fn unavailable(trouble: Trouble) -> Self {
        Self::Unavailable {
            source: Cause::new(trouble),
        }
    }
}

impl From<Trouble> for DriverError {
    fn from(trouble: Trouble) -> Self {
        Self::custom(trouble)
    }
}

/// Sorts a driver's error into what a caller can act on.
///
/// A function and not a `From`, which would put the driver's type into the public interface.
pub(crate) fn sorted(error: DriverError) -> StoreError {
    if let Some(trouble) = error.get_custom::<Trouble>() {
        return match trouble {
            Trouble::Missing => StoreError::Internal {
                source: Cause::new(*trouble),
            },
            Trouble::Deadline(_)
            | Trouble::CommitterEnded
            | Trouble::NotWritable
            | Trouble::Contended => StoreError::unavailable(*trouble),
        };
    }
    let source = match error.kind.as_ref() {
        // The driver's own text lists each id that was inserted.
        ErrorKind::InsertMany(error) => Cause::new(InsertFailed::of(error)),
        _ => Cause::new(error.clone()),
    };
    if is_passing(&error) {
        StoreError::Unavailable { source }
    } else {
        StoreError::Internal { source }
    }
}

/// Whether an insert or upsert found its unique key taken.
pub(crate) fn is_duplicate_key(error: &DriverError) -> bool {
    match error.kind.as_ref() {
        ErrorKind::Write(WriteFailure::WriteError(error)) => error.code == DUPLICATE_KEY,
        ErrorKind::Command(error) => error.code == DUPLICATE_KEY,
        _ => false,
    }
}

/// Where an ordered insert stopped at a taken key; none if anything else went wrong, or may have.
pub(crate) fn collision_index(error: &DriverError) -> Option<usize> {
    let ErrorKind::InsertMany(error) = error.kind.as_ref() else {
        return None;
    };
    match (&error.write_concern_error, error.write_errors.as_deref()) {
        (None, Some([error])) if error.code == DUPLICATE_KEY => Some(error.index),
        _ => None,
    }
}

/// The server's code for a key that a unique index has already.
const DUPLICATE_KEY: i32 = 11_000;

fn is_passing(error: &DriverError) -> bool {
    match error.kind.as_ref() {
        ErrorKind::Io(_)
        | ErrorKind::ServerSelection { .. }
        | ErrorKind::ConnectionPoolCleared { .. }
        | ErrorKind::DnsResolve { .. }
        | ErrorKind::Write(WriteFailure::WriteConcernError(_)) => true,
        ErrorKind::InsertMany(error) => error.write_concern_error.is_some(),
        ErrorKind::Command(command) => PASSING_CODES.contains(&command.code),
        _ => error.contains_label("RetryableWriteError"),
    }
}

/// Codes of a server that is shutting down, being elected, cut off or overtaxed, from its `error_codes.yml`.
const PASSING_CODES: &[i32] = &[
    6, 7, 24, 50, 64, 89, 91, 100, 112, 133, 134, 189, 262, 317, 358, 384, 9001, 10_107, 11_600,
    11_601, 11_602, 13_388, 13_435, 13_436,
];
