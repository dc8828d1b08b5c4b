use std::sync::Arc;
use std::time::Duration;

use messaging_lifecycle::Tasks;
use prometheus::Registry;
use thiserror::Error;

use crate::config::{JwksConfig, JwksLocation, is_hmac};
use crate::jwks::{Client, JwksMetrics, KeySet, Refresher, Schedule, Source, WatchedKeys};
use crate::key::Key;
use crate::own_keys::{OwnKeys, first_set};
use crate::pem::KeyError;
use crate::rules::Rules;
use crate::token_head::TokenHead;
use crate::{AuthConfig, Identity, Revocations};

/// At most so often, after a burst, is a key set read because of a `kid` that is not known.
const ASK_INTERVAL: Duration = Duration::from_secs(10);

/// How often a file is looked at.
const FILE_INTERVAL: Duration = Duration::from_secs(1);

/// Why a token is not accepted. None of it tells what the token held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TokenError {
    /// It was valid once.
    #[error("the token has expired")]
    Expired,
    /// It would be valid if its user or itself had not been revoked.
    #[error("the token has been revoked")]
    Revoked,
    /// Anything else: shape, algorithm, key, signature, claims.
    #[error("the token is not valid")]
    Invalid,
    /// The key set that it needs has not been had since the process began.
    #[error("there are no keys to check the token with yet")]
    NoKeys,
}

/// Why no token could be checked, whatever becomes of the network.
#[derive(Debug, Error)]
pub enum VerifierError {
    /// Of a key file.
    #[error("a key file cannot be used")]
    Keys(#[from] KeyError),
    /// Of TLS.
    #[error("no TLS connection could be made")]
    Tls(#[source] tokio_rustls::rustls::Error),
    /// A metric is registered twice.
    #[error("the metrics cannot be registered")]
    Metrics(#[from] prometheus::Error),
}

/// Checks tokens. A clone shares the keys.
///
/// Each key is tied to its algorithms when it is made, so a token cannot have a public key taken for an HMAC secret.
#[derive(Clone)]
pub struct Verifier(Arc<Inner>);

struct Inner {
    rules: Rules,
    own: OwnKeys,
    published: Option<Arc<WatchedKeys>>,
    revocations: Revocations,
}

impl Verifier {
    /// Loads the keys; of a key set, goes on doing so until the tasks are asked to stop.
    ///
    /// A URL may be down; [`watch_keys`](Self::watch_keys) tells when it has been there.
    ///
    /// # Errors
    /// [`VerifierError`].
    pub fn start(
        config: &AuthConfig,
        registry: &Registry,
        tasks: &Tasks,
    ) -> Result<Self, VerifierError> {
        let published = match &config.jwks {
            Some(jwks) => Some(watch(config, jwks, registry, tasks)?),
            None => None,
        };
        Ok(Self(Arc::new(Inner {
            rules: Rules::new(config),
            own: OwnKeys::load(config)?,
            published,
            revocations: Revocations::register(registry)?,
        })))
    }

    /// What is revoked; whoever hears of more tells it here.
    pub fn revocations(&self) -> &Revocations {
        &self.0.revocations
    }

    /// Tells at any time whether there are keys to check tokens with, without which nobody should come here yet.
    pub fn watch_keys(&self) -> impl Fn() -> bool + Send + Sync + 'static {
        let published = self.0.published.clone();
        move || {
            published
                .as_ref()
                .is_none_or(|keys| !keys.current().is_empty())
        }
    }

    /// The identity that a token proves at this moment.
    ///
    /// A token whose `kid` is not known waits for newer keys, 2 s at most. Cancel-safe.
    ///
    /// # Errors
    /// [`TokenError::Expired`] for a token that is right but for its `exp`; [`TokenError::Revoked`] for one that is right and was
    /// revoked, as far as is known here; [`TokenError::NoKeys`] while the key set has never
    /// been had; [`TokenError::Invalid`] for each other fault.
    pub async fn verify(&self, token: &str) -> Result<Identity, TokenError> {
        let identity = self.prove(token).await?;
        if self.0.revocations.void(&identity.user, &identity.mark) {
            return Err(TokenError::Revoked);
        }
        Ok(identity)
    }

    async fn prove(&self, token: &str) -> Result<Identity, TokenError> {
        let head = TokenHead::read(token).ok_or(TokenError::Invalid)?;
        if !self.0.rules.accept(head.algorithm) {
            return Err(TokenError::Invalid);
        }
        match (self.own_key(&head), &self.0.published) {
            (Some(key), _) => self.0.rules.prove(token, head.algorithm, key),
            (None, Some(published)) => self.prove_by_published(token, &head, published).await,
            (None, None) => Err(TokenError::Invalid),
        }
    }

    /// The secret or the PEM file's key. A `kid` means a key of the set, where there is one, and otherwise nothing.
    fn own_key(&self, head: &TokenHead) -> Option<&Key> {
        let means_set = self.0.published.is_some() && head.kid.is_some();
        let key = self.0.own.find(head.algorithm)?;
        (is_hmac(head.algorithm) || !means_set).then_some(key)
    }

    async fn prove_by_published(
        &self,
        token: &str,
        head: &TokenHead,
        published: &WatchedKeys,
    ) -> Result<Identity, TokenError> {
        let mut keys = published.current();
        // A forged signature is no reason to ask: whoever forges could spend what is meant for keys that are really new.
        if head.may_mean_newer_than(&keys)
            && let Some(mut waiting) = published.ask()
        {
            while head.may_mean_newer_than(&keys)
                && let Some(newer) = waiting.newer_than(&keys).await
            {
                keys = newer;
            }
        }
        if keys.is_empty() {
            return Err(TokenError::NoKeys);
        }
        let key = keys.find(head.kid.as_deref(), head.algorithm);
        let key = key.ok_or(TokenError::Invalid)?;
        self.0.rules.prove(token, head.algorithm, key)
    }
}

impl TokenHead {
    /// Whether the publisher may have a key for it by now that these do not have.
    fn may_mean_newer_than(&self, keys: &KeySet) -> bool {
        match &self.kid {
            Some(kid) => !keys.names(kid),
            None => keys.is_empty(),
        }
    }
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Verifier")
            .field("rules", &self.0.rules)
            .finish_non_exhaustive()
    }
}

fn watch(
    config: &AuthConfig,
    jwks: &JwksConfig,
    registry: &Registry,
    tasks: &Tasks,
) -> Result<Arc<WatchedKeys>, VerifierError> {
    let (source, refresh) = match &jwks.location {
        JwksLocation::File(path) => (Source::File(path.clone()), FILE_INTERVAL),
        JwksLocation::Url(url) => {
            if !url.is_encrypted() {
                tracing::warn!(%url, "JWT_JWKS_URL is not https: whoever is on the way there can make tokens");
            }
            let client = Client::new(url.clone()).map_err(VerifierError::Tls)?;
            (Source::Url(Box::new(client)), jwks.refresh)
        }
    };
    let schedule = Schedule {
        refresh,
        ask_interval: ASK_INTERVAL,
    };
    let metrics = JwksMetrics::register(registry)?;
    let (keys, accepted) = (first_set(config)?, config.asymmetric());
    Ok(Refresher::start(
        source, keys, &accepted, schedule, metrics, tasks,
    ))
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use jsonwebtoken::{Algorithm, EncodingKey, Header};
    use messaging_domain::{Revocation, Timestamp};
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::JwtSecret;
    use crate::token_head::TOKEN_BYTES_MAX;

    const SECRET: &str = "0123456789abcdef0123456789abcdef";

    fn signed(algorithm: Algorithm, secret: &str, claims: &serde_json::Value) -> String {
        jsonwebtoken::encode(
            &Header::new(algorithm),
            claims,
            &EncodingKey::from_secret(secret.as_bytes()),
        )
        .expect("signs")
    }

    async fn check(token: &str, expected: Result<&str, TokenError>) {
        let config = AuthConfig::hs256(JwtSecret::new(SECRET.to_owned()));
        let verifier = Verifier::start(&config, &Registry::new(), &Tasks::new());
        let proved = verifier.expect("no file to read").verify(token).await;
        let user = proved.map(|identity| identity.user.to_string());
        assert_eq!(user.as_deref(), expected.as_ref().copied(), "{token}");
    }

    #[tokio::test]
    async fn a_token_proves_its_subject() {
        for more in [
            json!({"role": "client"}),
            json!({"aud": "anyone", "iss": "anyone", "role": "gardener"}),
            json!({"exp": 4_000_000_000.5_f64, "iat": 1_000_000_000.25_f64}),
            json!({"role": ["client"], "name": {"first": "Ada"}, "iat": "yesterday"}),
        ] {
            let mut claims = json!({"sub": "u-1", "exp": 4_000_000_000_i64});
            let all = claims.as_object_mut().expect("an object");
            all.extend(more.as_object().expect("an object").clone());
            check(&signed(Algorithm::HS256, SECRET, &claims), Ok("u-1")).await;
        }
    }

    #[tokio::test]
    async fn an_expired_token_is_told_apart() {
        let now = messaging_lifecycle::now().millis() / 1_000;
        for exp in [1_000_000_000, now] {
            let claims = json!({"sub": "u-1", "exp": exp});
            check(
                &signed(Algorithm::HS256, SECRET, &claims),
                Err(TokenError::Expired),
            )
            .await;
        }
    }

    #[tokio::test]
    async fn a_revoked_token_is_told_apart_whatever_its_claims_hold() {
        let config = AuthConfig::hs256(JwtSecret::new(SECRET.to_owned()));
        let verifier = Verifier::start(&config, &Registry::new(), &Tasks::new());
        let verifier = verifier.expect("no file to read");
        for name in ["user.u-1", "token.ai0x"] {
            verifier.revocations().note(&Revocation {
                of: name.parse().expect("a name"),
                before: Timestamp::from_millis(10_000),
                expires_at: Timestamp::from_millis(i64::MAX),
            });
        }
        let proved = async |claims| {
            let token = signed(Algorithm::HS256, SECRET, &claims);
            verifier.verify(&token).await.map(|identity| identity.mark)
        };
        for (user, more, is_void) in [
            ("u-1", json!({}), true),
            ("u-1", json!({"iat": 10}), true),
            ("u-1", json!({"iat": 10.999}), true),
            ("u-1", json!({"iat": "11"}), true),
            ("u-1", json!({"iat": 11}), false),
            ("u-2", json!({"jti": "j-1"}), true),
            ("u-2", json!({"jti": ["j-1"]}), false),
            ("u-2", json!({"jti": "j-2"}), false),
        ] {
            let mut claims = json!({"sub": user, "exp": 4_000_000_000_i64});
            let all = claims.as_object_mut().expect("an object");
            all.extend(more.as_object().expect("an object").clone());
            let found = proved(claims).await;
            assert_eq!(found == Err(TokenError::Revoked), is_void, "{user} {more}");
            assert_eq!(found.is_ok(), !is_void, "{user} {more}");
        }
    }

    #[tokio::test]
    async fn what_is_wrong_in_any_other_way_is_invalid() {
        let good = json!({"sub": "u-1", "exp": 4_000_000_000_i64});
        let none = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJzdWIiOiJ1LTEiLCJleHAiOjQwMDAwMDAwMDB9.";
        let of = |claims| signed(Algorithm::HS256, SECRET, &claims);
        for token in [
            String::new(),
            "a.b.c".to_owned(),
            none.to_owned(),
            "x".repeat(TOKEN_BYTES_MAX + 1),
            of(
                json!({"sub": "u-1", "exp": 4_000_000_000_i64, "name": "x".repeat(TOKEN_BYTES_MAX)}),
            ),
            signed(
                Algorithm::HS256,
                "another secret, of 32 bytes as well",
                &good,
            ),
            signed(Algorithm::HS512, SECRET, &good),
            of(json!({"exp": 4_000_000_000_i64})),
            of(json!({"sub": "u-1"})),
            of(json!({"sub": "u-1", "exp": "4000000000"})),
            of(json!({"sub": "u-1", "exp": -1})),
            of(json!({"sub": "u 1", "exp": 4_000_000_000_i64})),
            of(json!({"sub": "u-1", "exp": 4_000_000_000_i64, "nbf": 3_900_000_000_i64})),
            of(json!({"sub": "u-1", "exp": 4_000_000_000_i64, "nbf": "never"})),
        ] {
            check(&token, Err(TokenError::Invalid)).await;
        }
    }

    #[tokio::test]
    async fn a_token_with_a_critical_extension_is_invalid() {
        let claims = json!({"sub": "u-1", "exp": 4_000_000_000_i64});
        for crit in [vec![], vec!["b64".to_owned()], vec!["exp".to_owned()]] {
            let header = Header {
                crit: Some(crit),
                ..Header::new(Algorithm::HS256)
            };
            let key = EncodingKey::from_secret(SECRET.as_bytes());
            let token = jsonwebtoken::encode(&header, &claims, &key).expect("signs");
            check(&token, Err(TokenError::Invalid)).await;
        }
    }

    fn verified(token: &str) -> Result<Identity, TokenError> {
        let config = AuthConfig::hs256(JwtSecret::new(SECRET.to_owned()));
        let verifier = Verifier::start(&config, &Registry::new(), &Tasks::new());
        let verifier = verifier.expect("no file to read");
        let proved = verifier.verify(token).now_or_never();
        proved.expect("there is no key set to wait for")
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
