use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use messaging_domain::Timestamp;
use thiserror::Error;

use crate::claims::Claims;
use crate::config::is_hmac;
use crate::{AuthConfig, Identity};

/// The longest token that is looked at, in bytes; a longer one is invalid.
const TOKEN_BYTES_MAX: usize = 8 * 1024;

/// Why a token is not accepted. None of it tells what the token held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TokenError {
    /// It was valid once.
    #[error("the token has expired")]
    Expired,
    /// Anything else: shape, algorithm, signature, claims.
    #[error("the token is not valid")]
    Invalid,
}

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
    Parse {
        /// The file.
        path: PathBuf,
        /// The algorithm.
        algorithm: Algorithm,
        /// Why.
        #[source]
        source: jsonwebtoken::errors::Error,
    },
}

/// Checks tokens. A clone shares the keys.
///
/// Each key is tied to its algorithm when the verifier is made, so a token cannot have a public key taken for an HMAC secret.
#[derive(Clone)]
pub struct Verifier {
    keys: Arc<[(Algorithm, DecodingKey, Validation)]>,
}

impl Verifier {
    /// Loads the keys.
    ///
    /// # Errors
    /// [`KeyError`] for a key file that cannot be used.
    pub fn new(config: &AuthConfig) -> Result<Self, KeyError> {
        let mut keys = Vec::new();
        for &algorithm in &config.algorithms {
            if let Some(key) = key_for(algorithm, config)? {
                keys.push((algorithm, key, validation(algorithm, config)));
            }
        }
        Ok(Self { keys: keys.into() })
    }

    /// The identity that a token proves at this moment.
    ///
    /// # Errors
    /// [`TokenError::Expired`] for a token that is right but for its `exp`; [`TokenError::Invalid`] for each other fault.
    pub fn verify(&self, token: &str) -> Result<Identity, TokenError> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(TokenError::Invalid);
        }
        let algorithm = jsonwebtoken::decode_header(token)
            .map_err(|_| TokenError::Invalid)?
            .alg;
        let (_, key, validation) = self
            .keys
            .iter()
            .find(|(known, ..)| *known == algorithm)
            .ok_or(TokenError::Invalid)?;
        let claims = jsonwebtoken::decode::<Claims>(token, key, validation)
            .map_err(|error| match error.kind() {
                ErrorKind::ExpiredSignature => TokenError::Expired,
                _ => TokenError::Invalid,
            })?
            .claims;
        Ok(Identity {
            user: claims.sub,
            role: claims.role.and_then(|role| role.parse().ok()),
            expires_at: Timestamp::from_millis(claims.exp.saturating_mul(1000)),
        })
    }
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list()
            .entries(self.keys.iter().map(|(algorithm, ..)| algorithm))
            .finish()
    }
}

fn key_for(algorithm: Algorithm, config: &AuthConfig) -> Result<Option<DecodingKey>, KeyError> {
    if is_hmac(algorithm) {
        return Ok(config
            .secret
            .as_ref()
            .map(|secret| DecodingKey::from_secret(secret.bytes())));
    }
    let Some(path) = &config.public_key_file else {
        return Ok(None);
    };
    let pem = fs::read(path).map_err(|source| KeyError::Read {
        path: path.clone(),
        source,
    })?;
    let key = match algorithm {
        Algorithm::ES256 | Algorithm::ES384 => DecodingKey::from_ec_pem(&pem),
        Algorithm::EdDSA => DecodingKey::from_ed_pem(&pem),
        _ => DecodingKey::from_rsa_pem(&pem),
    };
    key.map(Some).map_err(|source| KeyError::Parse {
        path: path.clone(),
        algorithm,
        source,
    })
}

fn validation(algorithm: Algorithm, config: &AuthConfig) -> Validation {
    let mut validation = Validation::new(algorithm);
    validation.leeway = 0;
    validation.validate_nbf = true;
    validation.set_required_spec_claims(&["exp", "sub"]);
    match &config.issuer {
        Some(issuer) => {
            validation.set_issuer(&[issuer]);
            validation.required_spec_claims.insert("iss".to_owned());
        }
        None => validation.iss = None,
    }
    match &config.audience {
        Some(audience) => {
            validation.set_audience(&[audience]);
            validation.required_spec_claims.insert("aud".to_owned());
        }
        None => validation.validate_aud = false,
    }
    validation
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::{EncodingKey, Header};
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::JwtSecret;

    const SECRET: &str = "0123456789abcdef0123456789abcdef";

    fn signed(algorithm: Algorithm, secret: &str, claims: &serde_json::Value) -> String {
        jsonwebtoken::encode(
            &Header::new(algorithm),
            claims,
            &EncodingKey::from_secret(secret.as_bytes()),
        )
        .expect("signs")
    }

    fn check(token: &str, expected: Result<&str, TokenError>) {
        let verifier = Verifier::new(&AuthConfig::hs256(JwtSecret::new(SECRET.to_owned())))
            .expect("no file to read");
        let user = verifier
            .verify(token)
            .map(|identity| identity.user.to_string());
        assert_eq!(user.as_deref(), expected.as_ref().copied(), "{token}");
    }

    #[test]
    fn a_token_proves_its_subject() {
        check(
            &signed(
                Algorithm::HS256,
                SECRET,
                &json!({"sub": "u-1", "exp": 4_000_000_000_i64, "role": "client"}),
            ),
            Ok("u-1"),
        );
        check(
            &signed(
                Algorithm::HS256,
                SECRET,
                &json!({"sub": "u-1", "exp": 4_000_000_000_i64, "aud": "anyone", "iss": "anyone", "role": "gardener"}),
            ),
            Ok("u-1"),
        );
    }

    #[test]
    fn an_expired_token_is_told_apart() {
        check(
            &signed(
                Algorithm::HS256,
                SECRET,
                &json!({"sub": "u-1", "exp": 1_000_000_000}),
            ),
            Err(TokenError::Expired),
        );
    }

    #[test]
    fn what_is_wrong_in_any_other_way_is_invalid() {
        let good = json!({"sub": "u-1", "exp": 4_000_000_000_i64});
        let none = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJzdWIiOiJ1LTEiLCJleHAiOjQwMDAwMDAwMDB9.";
        for token in [
            String::new(),
            "a.b.c".to_owned(),
            none.to_owned(),
            "x".repeat(TOKEN_BYTES_MAX + 1),
            signed(
                Algorithm::HS256,
                "another secret, of 32 bytes as well",
                &good,
            ),
            signed(Algorithm::HS512, SECRET, &good),
            signed(Algorithm::HS256, SECRET, &json!({"exp": 4_000_000_000_i64})),
            signed(Algorithm::HS256, SECRET, &json!({"sub": "u-1"})),
            signed(
                Algorithm::HS256,
                SECRET,
                &json!({"sub": "u 1", "exp": 4_000_000_000_i64}),
            ),
            signed(
                Algorithm::HS256,
                SECRET,
                &json!({"sub": "u-1", "exp": 4_000_000_000_i64, "nbf": 3_900_000_000_i64}),
            ),
        ] {
            check(&token, Err(TokenError::Invalid));
        }
    }

    fn verified(token: &str) -> Result<Identity, TokenError> {
        let config = AuthConfig::hs256(JwtSecret::new(SECRET.to_owned()));
        Verifier::new(&config)
            .expect("no file to read")
            .verify(token)
    }

    proptest! {
        #[test]
        fn any_text_is_refused(token in r"(eyJhbGciOiJIUzI1NiJ9|[A-Za-z0-9_=-]{0,40}|.{0,9})(\.[A-Za-z0-9_=-]{0,40}){0,4}") {
            prop_assert!(verified(&token).is_err());
        }

        #[test]
        fn signed_claims_of_any_kind_are_taken_or_refused(
            sub in r#""[a-z0-9 ]{0,70}"|[0-9]{1,3}|null|\{\}"#,
            exp in r#"-?[0-9]{1,25}|[0-9]\.[0-9]e[0-9]{1,3}|"[0-9]{1,9}"|null"#,
            more in r#"|,"role":("admin"|"[a-z]{0,5}"|7)|,"nbf":[0-9]{1,25}|,"aud":(\["x"\]|"x")|,"exp":1"#,
        ) {
            let claims = format!(r#"{{"sub":{sub},"exp":{exp}{more}}}"#);
            // What no reader of numbers takes cannot be signed by this one either.
            if let Ok(claims) = serde_json::from_str(&claims)
                && let Ok(identity) = verified(&signed(Algorithm::HS256, SECRET, &claims))
            {
                let subject = claims["sub"].as_str();
                prop_assert_eq!(subject, Some(identity.user.as_str()));
            }
        }
    }
}
