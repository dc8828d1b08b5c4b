use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use thiserror::Error;

use crate::key::{BadKey, Key};

/// The longest `kid` that is remembered, in bytes.
const KID_BYTES_MAX: usize = 256;

/// A public key as a set has it. A secret, `oct`, has none of these members and is no key to us: who can read a set could sign by it.
#[derive(Debug, Deserialize)]
pub(super) struct Jwk {
    pub(super) kid: Option<String>,
    kty: String,
    alg: Option<String>,
    r#use: Option<String>,
    key_ops: Option<Vec<String>>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

/// Why a key of a set is left out.
#[derive(Debug, Error)]
pub(super) enum LeftOut {
    /// It is for encryption, say.
    #[error("it is not for signatures")]
    Use,
    /// Its `kty` and `crv` name no kind of key that is known here.
    #[error("its kind is not known")]
    Kind,
    /// Its `alg` is of another kind, or is not to be accepted, or no algorithm of its kind is.
    #[error("it serves none of the algorithms that are accepted")]
    Algorithm,
    /// A part of it is missing.
    #[error("a part of it is missing")]
    Incomplete,
    /// Its parts make no key.
    #[error("its parts make no key")]
    Bad(#[from] BadKey),
    /// Nobody needs that.
    #[error("its kid is too long")]
    Kid,
}

impl Jwk {
    /// The key, for those of the accepted algorithms that it may serve: its `alg` alone if it has one, else those of its kind.
    pub(super) fn key(&self, accepted: &[Algorithm]) -> Result<Key, LeftOut> {
        if self
            .kid
            .as_ref()
            .is_some_and(|kid| kid.len() > KID_BYTES_MAX)
        {
            return Err(LeftOut::Kid);
        }
        let is_for_signatures = self.r#use.as_deref().is_none_or(|r#use| r#use == "sig");
        let verifies = |operations: &Vec<String>| operations.iter().any(|name| name == "verify");
        if !is_for_signatures || !self.key_ops.as_ref().is_none_or(verifies) {
            return Err(LeftOut::Use);
        }
        let algorithms: Vec<_> = self
            .kind()?
            .iter()
            .copied()
            .filter(|algorithm| accepted.contains(algorithm) && self.is_for(*algorithm))
            .collect();
        if algorithms.is_empty() {
            return Err(LeftOut::Algorithm);
        }
        Ok(Key::public(self.decoding()?, &algorithms)?)
    }

    /// All algorithms of its kind; an elliptic curve has one each.
    fn kind(&self) -> Result<&'static [Algorithm], LeftOut> {
        match (self.kty.as_str(), self.crv.as_deref()) {
            ("RSA", _) => Ok(&RSA),
            ("EC", Some("P-256")) => Ok(&[Algorithm::ES256]),
            ("EC", Some("P-384")) => Ok(&[Algorithm::ES384]),
            ("OKP", Some("Ed25519")) => Ok(&[Algorithm::EdDSA]),
            _ => Err(LeftOut::Kind),
        }
    }

    fn is_for(&self, algorithm: Algorithm) -> bool {
        self.alg
            .as_ref()
            .is_none_or(|name| name.parse() == Ok(algorithm))
    }

    fn decoding(&self) -> Result<DecodingKey, LeftOut> {
        let decoding = match (self.kty.as_str(), &self.n, &self.e, &self.x, &self.y) {
            ("RSA", Some(n), Some(e), ..) => DecodingKey::from_rsa_components(n, e),
            ("EC", .., Some(x), Some(y)) => DecodingKey::from_ec_components(x, y),
            ("OKP", .., Some(x), _) => DecodingKey::from_ed_components(x),
            _ => return Err(LeftOut::Incomplete),
        };
        Ok(decoding.map_err(BadKey::Unreadable)?)
    }
}

/// RSASSA-PKCS1-v1_5 and RSASSA-PSS.
const RSA: [Algorithm; 6] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
];
