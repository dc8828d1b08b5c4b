use jsonwebtoken::Algorithm;
use serde::Deserialize;
use thiserror::Error;

use super::jwk::Jwk;
use super::{DOCUMENT_BYTES_MAX, KEYS_MAX};
use crate::key::Key;

/// The usable keys of a set.
#[derive(Debug, Default)]
pub(crate) struct KeySet {
    keys: Vec<SetKey>,
}

#[derive(Debug, PartialEq)]
struct SetKey {
    kid: Option<String>,
    key: Key,
}

/// Why a document is no set that could be used.
#[derive(Debug, Error)]
pub enum BadKeySet {
    /// It is too long to be looked at.
    #[error("it has more than {DOCUMENT_BYTES_MAX} bytes")]
    TooLong,
    /// It is no JSON object with `keys`.
    #[error("it is no JSON Web Key Set")]
    Shape(#[source] serde_json::Error),
    /// It has too many keys.
    #[error("it has more than {KEYS_MAX} keys")]
    TooManyKeys,
    /// No key in it could prove a token.
    #[error("it has no public key for any of the accepted algorithms")]
    NoUsableKey,
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<serde_json::Value>,
}

impl KeySet {
    /// Reads the keys that serve any of the accepted algorithms; others, and what is no key at all, are left out.
    pub(crate) fn read(document: &[u8], accepted: &[Algorithm]) -> Result<Self, BadKeySet> {
        if document.len() > DOCUMENT_BYTES_MAX {
            return Err(BadKeySet::TooLong);
        }
        let Document { keys } = serde_json::from_slice(document).map_err(BadKeySet::Shape)?;
        if keys.len() > KEYS_MAX {
            return Err(BadKeySet::TooManyKeys);
        }
        let keys: Vec<SetKey> = keys
            .into_iter()
            .filter_map(|key| SetKey::read(key, accepted))
            .collect();
        if keys.is_empty() {
            return Err(BadKeySet::NoUsableKey);
        }
        Ok(Self { keys })
    }

    /// The one key that a token can mean: of its `kid`, or any without one, and serving its algorithm.
    ///
    /// Where several fit, the token does not say which, and none is tried.
    pub(crate) fn find(&self, kid: Option<&str>, algorithm: Algorithm) -> Option<&Key> {
        let mut fitting = self.keys.iter().filter(|key| {
            key.key.serves(algorithm) && (kid.is_none() || key.kid.as_deref() == kid)
        });
        let found = fitting.next()?;
        fitting.next().is_none().then_some(&found.key)
    }

    /// Whether any key has this name.
    pub(crate) fn names(&self, kid: &str) -> bool {
        self.keys.iter().any(|key| key.kid.as_deref() == Some(kid))
    }

    /// How many keys it has.
    pub(crate) const fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether it has none, as before the first one was read.
    pub(crate) const fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The `kid`s of its keys and the algorithms that they serve, for a log.
    pub(crate) fn summary(&self) -> Vec<String> {
        let describe = |key: &SetKey| {
            let kid = key.kid.as_deref().unwrap_or("(no kid)");
            format!("{kid}: {:?}", key.key.algorithms())
        };
        self.keys.iter().map(describe).collect()
    }
}

impl PartialEq for KeySet {
    /// The same keys, in whatever order.
    fn eq(&self, other: &Self) -> bool {
        let within = |some: &Self, all: &Self| some.keys.iter().all(|key| all.keys.contains(key));
        self.len() == other.len() && within(self, other) && within(other, self)
    }
}

impl SetKey {
    fn read(key: serde_json::Value, accepted: &[Algorithm]) -> Option<Self> {
        let jwk: Jwk = match serde_json::from_value(key) {
            Ok(jwk) => jwk,
            Err(error) => {
                tracing::debug!(%error, "what is no key is left out of a key set");
                return None;
            }
        };
        match jwk.key(accepted) {
            Ok(key) => Some(Self { kid: jwk.kid, key }),
            Err(error) => {
                let error = messaging_lifecycle::chain(&error);
                tracing::debug!(kid = jwk.kid, error, "a key is left out of a key set");
                None
            }
        }
    }
}
