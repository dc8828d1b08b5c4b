use std::path::{Path, PathBuf};

use jsonwebtoken::Algorithm;
use thiserror::Error;

use crate::jwks::{BadKeySet, read_file};
use crate::key::{BadKey, Key};

/// A key file that cannot be used.
#[derive(Debug, Error)]
pub enum KeyError {
    /// It cannot be read.
    #[error("{} cannot be read", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It holds no key for an algorithm that is to be accepted.
    #[error("{} holds no public key in PEM for {algorithm:?}", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// The algorithm.
        algorithm: Algorithm,
        /// Why.
        #[source]
        source: BadKey,
    },
    /// It holds no set of keys.
    #[error("{} holds no usable key set", path.display())]
    Set {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: BadKeySet,
    },
}

/// How many of the algorithms a PEM file has to serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Coverage {
    /// Each, as there is no other key.
    All,
    /// At least one, as a key set has the others.
    Any,
}

/// Reads the key of a PEM file, once for each of the algorithms.
pub(crate) fn read_pem(
    path: &Path,
    algorithms: &[Algorithm],
    coverage: Coverage,
) -> Result<Vec<Key>, KeyError> {
    let pem = read_file(path).map_err(|source| KeyError::Read {
        path: path.to_owned(),
        source,
    })?;
    let mut keys = Vec::new();
    let mut fault = None;
    for &algorithm in algorithms {
        match Key::pem(&pem, algorithm) {
            Ok(key) => keys.push(key),
            Err(source) => {
                fault.get_or_insert(KeyError::Pem {
                    path: path.to_owned(),
                    algorithm,
                    source,
                });
            }
        }
    }
    match fault {
        Some(fault) if coverage == Coverage::All || keys.is_empty() => Err(fault),
        _ => Ok(keys),
    }
}
