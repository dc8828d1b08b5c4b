use jsonwebtoken::{Algorithm, AlgorithmFamily};

use crate::AuthConfig;
use crate::config::JwksLocation;
use crate::jwks::{KeySet, read_file};
use crate::key::Key;
use crate::pem::{Coverage, KeyError, read_pem};

/// The keys that do not change while the process runs: the secret and that of the PEM file.
#[derive(Debug)]
pub(crate) struct OwnKeys(Vec<Key>);

impl OwnKeys {
    pub(crate) fn load(config: &AuthConfig) -> Result<Self, KeyError> {
        let mut keys = Vec::new();
        if let Some(secret) = &config.secret {
            keys.push(Key::hmac(secret, &config.algorithms));
        }
        if let Some(path) = &config.public_key_file {
            let coverage = match config.jwks {
                Some(_) => Coverage::Any,
                None => Coverage::All,
            };
            keys.extend(read_pem(path, &config.asymmetric(), coverage)?);
        }
        Ok(Self(keys))
    }

    /// The one for an algorithm.
    pub(crate) fn find(&self, algorithm: Algorithm) -> Option<&Key> {
        self.0.iter().find(|key| key.serves(algorithm))
    }
}

/// The keys that a set has at the start: those of a file, and none yet of a URL.
pub(crate) fn first_set(config: &AuthConfig) -> Result<KeySet, KeyError> {
    let Some(JwksLocation::File(path)) = config.jwks.as_ref().map(|jwks| &jwks.location) else {
        return Ok(KeySet::default());
    };
    let document = read_file(path).map_err(|source| KeyError::Read {
        path: path.clone(),
        source,
    })?;
    KeySet::read(&document, &config.asymmetric()).map_err(|source| KeyError::Set {
        path: path.clone(),
        source,
    })
}

impl AuthConfig {
    /// The algorithms of public keys.
    pub(crate) fn asymmetric(&self) -> Vec<Algorithm> {
        let algorithms = self.algorithms.iter().copied();
        algorithms
            .filter(|algorithm| algorithm.family() != AlgorithmFamily::Hmac)
            .collect()
    }
}
