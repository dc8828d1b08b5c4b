use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, DecodingKeyKind};
use thiserror::Error;

use crate::JwtSecret;
use crate::config::is_hmac;

/// The sizes of RSA moduli that are accepted, in bits: the least that RFC 7518, section 3.3, allows, and the most that is computed with.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2_048..=4_096;

/// Bytes of an Ed25519 public key.
const ED25519_BYTES: usize = 32;

/// A key and the algorithms that it serves, which are fixed when it is made.
///
/// A secret serves HMAC and nothing else, a public key never does, whatever a token asks for: there is no constructor that mixes them.
#[derive(Clone)]
pub(crate) struct Key {
    algorithms: Box<[Algorithm]>,
    decoding: DecodingKey,
}

/// Why something is no key that is good for an algorithm.
#[derive(Debug, Error)]
pub enum BadKey {
    /// It does not parse.
    #[error("it cannot be read")]
    Unreadable(#[source] jsonwebtoken::errors::Error),
    /// It is of another kind, or no point of its curve.
    #[error("it is no public key for the algorithm")]
    Kind,
    /// The modulus or the exponent of an RSA key.
    #[error("it is no RSA key of {} to {} bits", RSA_BITS.start(), RSA_BITS.end())]
    Rsa,
    /// Nobody but its owner should have it.
    #[error("it is a private key, not a public one")]
    Private,
}

impl Key {
    /// The shared secret, for those of the algorithms that are HMAC.
    pub(crate) fn hmac(secret: &JwtSecret, algorithms: &[Algorithm]) -> Self {
        let algorithms = algorithms.iter().copied();
        Self {
            algorithms: algorithms.filter(|algorithm| is_hmac(*algorithm)).collect(),
            decoding: DecodingKey::from_secret(secret.bytes()),
        }
    }

    /// The public key of a PEM file, for one algorithm.
    pub(crate) fn pem(pem: &[u8], algorithm: Algorithm) -> Result<Self, BadKey> {
        if pem
            .windows(PRIVATE_KEY.len())
            .any(|part| part == PRIVATE_KEY)
        {
            return Err(BadKey::Private);
        }
        let decoding = match algorithm.family() {
            AlgorithmFamily::Hmac => return Err(BadKey::Kind),
            AlgorithmFamily::Rsa => DecodingKey::from_rsa_pem(pem),
            AlgorithmFamily::Ec => DecodingKey::from_ec_pem(pem),
            AlgorithmFamily::Ed => DecodingKey::from_ed_pem(pem),
        };
        Self::public(decoding.map_err(BadKey::Unreadable)?, &[algorithm])
    }

    /// A public key, for algorithms of its kind.
    pub(crate) fn public(decoding: DecodingKey, algorithms: &[Algorithm]) -> Result<Self, BadKey> {
        for algorithm in algorithms {
            let family = algorithm.family();
            if family == AlgorithmFamily::Hmac || family != decoding.family() {
                return Err(BadKey::Kind);
            }
            match decoding.kind() {
                DecodingKeyKind::RsaModulusExponent { n, e } if !is_rsa(n, e) => {
                    return Err(BadKey::Rsa);
                }
                // jsonwebtoken takes the first 32 bytes of it, and panics where there are fewer.
                DecodingKeyKind::SecretOrDer(point)
                    if family == AlgorithmFamily::Ed && point.len() != ED25519_BYTES =>
                {
                    return Err(BadKey::Kind);
                }
                _ => {}
            }
            // Whether a point is on the curve shows only when the key is used: the signature is wrong, but must be looked at.
            jsonwebtoken::crypto::verify("", b"", &decoding, *algorithm)
                .map_err(BadKey::Unreadable)?;
        }
        Ok(Self {
            algorithms: algorithms.into(),
            decoding,
        })
    }

    pub(crate) fn serves(&self, algorithm: Algorithm) -> bool {
        self.algorithms.contains(&algorithm)
    }

    pub(crate) fn algorithms(&self) -> &[Algorithm] {
        &self.algorithms
    }

    pub(crate) const fn decoding(&self) -> &DecodingKey {
        &self.decoding
    }

    fn material(&self) -> (&[u8], &[u8]) {
        match self.decoding.kind() {
            DecodingKeyKind::SecretOrDer(bytes) => (bytes, &[]),
            DecodingKeyKind::RsaModulusExponent { n, e } => (n, e),
        }
    }
}

/// Begins the end of the first line of each PEM block that is to be kept secret.
const PRIVATE_KEY: &[u8] = b"PRIVATE KEY-----";

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.algorithms == other.algorithms && self.material() == other.material()
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Key").field(&self.algorithms).finish()
    }
}

fn is_rsa(modulus: &[u8], exponent: &[u8]) -> bool {
    let is_odd = |number: &[u8]| number.last().is_some_and(|byte| byte % 2 == 1);
    RSA_BITS.contains(&bits(modulus))
        && (2..=32).contains(&bits(exponent))
        && is_odd(modulus)
        && is_odd(exponent)
}

/// The bits of a number in big-endian bytes, without leading zeros.
fn bits(number: &[u8]) -> usize {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    let Some(first) = number.get(zeros) else {
        return 0;
    };
    (number.len() - zeros) * 8 - usize::try_from(first.leading_zeros()).unwrap_or(8)
}
