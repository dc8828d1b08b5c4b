//! Keys that sign nothing but the tokens of these tests.

use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

/// A private key, and what it is called.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TestKey {
    pub(crate) kid: &'static str,
    pub(crate) algorithm: Algorithm,
    pem: &'static [u8],
}

macro_rules! test_key {
    ($kid:literal, $algorithm:ident, $file:literal) => {
        TestKey {
            kid: $kid,
            algorithm: Algorithm::$algorithm,
            pem: include_bytes!(concat!("../keys/test-only-", $file, ".pem")),
        }
    };
}

pub(crate) const RSA_1: TestKey = test_key!("rsa-1", RS256, "rsa-1");
pub(crate) const RSA_2: TestKey = test_key!("rsa-2", RS256, "rsa-2");
pub(crate) const RSA_SHORT: TestKey = test_key!("rsa-short", RS256, "rsa-1024");
pub(crate) const P256_1: TestKey = test_key!("p256-1", ES256, "p256-1");
pub(crate) const P256_2: TestKey = test_key!("p256-2", ES256, "p256-2");
pub(crate) const P384: TestKey = test_key!("p384", ES384, "p384");
pub(crate) const ED_1: TestKey = test_key!("ed-1", EdDSA, "ed25519-1");
pub(crate) const ED_2: TestKey = test_key!("ed-2", EdDSA, "ed25519-2");

/// 4 October 2096.
pub(crate) const LATER: i64 = 4_000_000_000;

impl TestKey {
    /// The same key for another algorithm.
    pub(crate) const fn with(self, algorithm: Algorithm) -> Self {
        Self { algorithm, ..self }
    }

    /// The same key by another name.
    pub(crate) const fn named(self, kid: &'static str) -> Self {
        Self { kid, ..self }
    }

    /// Its public half as a set has it, with `alg`, `use` and `kid`.
    pub(crate) fn public(&self) -> Value {
        let jwk = Jwk::from_encoding_key(&self.encoding(), self.algorithm).expect("a key");
        let mut jwk = serde_json::to_value(jwk).expect("JSON");
        jwk["kid"] = json!(self.kid);
        jwk["use"] = json!("sig");
        jwk
    }

    /// Its public half with these members changed; null takes one away.
    pub(crate) fn public_with(&self, changes: &Value) -> Value {
        let mut jwk = self.public();
        let members = jwk.as_object_mut().expect("an object");
        for (name, value) in changes.as_object().expect("an object") {
            match value {
                Value::Null => members.remove(name),
                value => members.insert(name.clone(), value.clone()),
            };
        }
        jwk
    }

    /// A token of user `u-1`, with the key's name.
    pub(crate) fn token(&self) -> String {
        self.sign(Some(self.kid), &json!({"sub": "u-1", "exp": LATER}))
    }

    /// A token of user `u-1` that names no key.
    pub(crate) fn token_without_kid(&self) -> String {
        self.sign(None, &json!({"sub": "u-1", "exp": LATER}))
    }

    pub(crate) fn sign(&self, kid: Option<&str>, claims: &Value) -> String {
        let header = Header {
            kid: kid.map(str::to_owned),
            ..Header::new(self.algorithm)
        };
        jsonwebtoken::encode(&header, claims, &self.encoding()).expect("it signs")
    }

    fn encoding(&self) -> EncodingKey {
        match self.algorithm {
            Algorithm::ES256 | Algorithm::ES384 => EncodingKey::from_ec_pem(self.pem),
            Algorithm::EdDSA => EncodingKey::from_ed_pem(self.pem),
            _ => EncodingKey::from_rsa_pem(self.pem),
        }
        .expect("the test's key can be read")
    }
}

/// A set of these keys.
pub(crate) fn set(keys: &[Value]) -> String {
    json!({ "keys": keys }).to_string()
}

/// A token signed by HMAC with any secret.
pub(crate) fn hmac_token(secret: &[u8], kid: Option<&str>) -> String {
    let header = Header {
        kid: kid.map(str::to_owned),
        ..Header::new(Algorithm::HS256)
    };
    let claims = json!({"sub": "u-1", "exp": LATER});
    jsonwebtoken::encode(&header, &claims, &EncodingKey::from_secret(secret)).expect("it signs")
}
