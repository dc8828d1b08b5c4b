//! Keys that others publish and change: JSON Web Key Sets (RFC 7517), by file and by URL.

mod budget;
mod http;
mod jwk;
mod key_set;
mod metrics;
mod refresher;
mod source;
mod url;
mod watched;

pub(crate) use http::Client;
pub use key_set::BadKeySet;
pub(crate) use key_set::KeySet;
pub(crate) use metrics::JwksMetrics;
pub(crate) use refresher::{Refresher, Schedule};
use source::ReadError;
pub(crate) use source::{Source, read_file};
pub(crate) use url::JwksUrl;
pub(crate) use watched::WatchedKeys;

/// The largest document that is read, in bytes.
const DOCUMENT_BYTES_MAX: usize = 256 * 1024;

/// The most keys of a set, those that cannot be used included.
const KEYS_MAX: usize = 100;
