use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use jsonwebtoken::Algorithm;
use messaging_lifecycle::chain;
use messaging_settings::Settings;

use crate::jwks::JwksUrl;
use crate::own_keys::{OwnKeys, first_set};

/// The variables of which one gives the keys of asymmetric algorithms.
const PUBLIC_KEY_VARIABLES: [&str; 3] = ["JWT_PUBLIC_KEY_FILE", "JWT_JWKS_FILE", "JWT_JWKS_URL"];

/// The shortest secret that is accepted, in bytes: the output size of SHA-256 (RFC 7518, section 3.2).
const SECRET_BYTES_MIN: usize = 32;

/// A shared secret for HMAC; it never shows in logs.
#[derive(Clone, PartialEq, Eq)]
pub struct JwtSecret(String);

impl JwtSecret {
    /// Reads `JWT_SECRET` and its least length, `JWT_SECRET_BYTES_MIN`; notes a fault if it is too short.
    pub fn read(settings: &mut Settings) -> Option<Self> {
        let bytes_min = settings.within("JWT_SECRET_BYTES_MIN", 1..=1024, SECRET_BYTES_MIN);
        let secret = settings.text("JWT_SECRET")?.to_owned();
        if secret.len() < bytes_min {
            settings.fault(
                "JWT_SECRET",
                format!("must have at least {bytes_min} bytes"),
            );
        } else if secret.len() < SECRET_BYTES_MIN {
            settings.warning(
                "JWT_SECRET",
                format!("is shorter than {SECRET_BYTES_MIN} bytes: tokens can be forged by trying"),
            );
        }
        Some(Self(secret))
    }

    /// A secret that was made up by the process itself.
    pub const fn new(secret: String) -> Self {
        Self(secret)
    }

    pub(crate) const fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for JwtSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JwtSecret(…)")
    }
}

/// How tokens are checked.
#[derive(Debug, Clone)]
pub struct AuthConfig {
    /// `JWT_ALGORITHMS`: the algorithms that are accepted; default HS256.
    pub(crate) algorithms: Vec<Algorithm>,
    /// `JWT_SECRET`: the key of HMAC algorithms.
    pub(crate) secret: Option<JwtSecret>,
    /// `JWT_PUBLIC_KEY_FILE`: a PEM file with the key of asymmetric algorithms.
    pub(crate) public_key_file: Option<PathBuf>,
    /// `JWT_JWKS_FILE` or `JWT_JWKS_URL`: the keys of asymmetric algorithms as their owner publishes them.
    pub(crate) jwks: Option<JwksConfig>,
    /// `JWT_ISSUER`: the `iss` that is required; default: any.
    pub(crate) issuer: Option<String>,
    /// `JWT_AUDIENCE`: the `aud` that is required; default: any.
    pub(crate) audience: Option<String>,
}

/// Where a key set is, and how old it may be.
#[derive(Debug, Clone)]
pub(crate) struct JwksConfig {
    pub(crate) location: JwksLocation,
    /// `JWT_JWKS_REFRESH_SECONDS`: how often a URL is fetched without a reason; default 300.
    pub(crate) refresh: Duration,
}

/// Where a key set is.
#[derive(Debug, Clone)]
pub(crate) enum JwksLocation {
    /// `JWT_JWKS_FILE`.
    File(PathBuf),
    /// `JWT_JWKS_URL`.
    Url(JwksUrl),
}

impl AuthConfig {
    /// Reads the settings and notes what is wrong with them, `JWT_EXPIRATION` included, by which only tools mint tokens.
    pub fn read(settings: &mut Settings) -> Self {
        settings.optional::<crate::Duration>("JWT_EXPIRATION");
        let config = Self {
            algorithms: read_algorithms(settings),
            secret: JwtSecret::read(settings),
            public_key_file: settings.optional("JWT_PUBLIC_KEY_FILE"),
            jwks: JwksConfig::read(settings),
            issuer: settings.optional("JWT_ISSUER"),
            audience: settings.optional("JWT_AUDIENCE"),
        };
        config.note_what_is_missing(settings);
        if !config.asymmetric().is_empty() {
            config.note_bad_files(settings);
        }
        config
    }

    fn note_bad_files(&self, settings: &mut Settings) {
        if let Err(error) = OwnKeys::load(self) {
            settings.fault("JWT_PUBLIC_KEY_FILE", chain(&error));
        }
        if let Err(error) = first_set(self) {
            settings.fault("JWT_JWKS_FILE", chain(&error));
        }
    }

    fn note_what_is_missing(&self, settings: &mut Settings) {
        let needs_secret = self.algorithms.iter().any(|algorithm| is_hmac(*algorithm));
        let needs_public_key = !self.asymmetric().is_empty();
        if needs_secret && self.secret.is_none() {
            settings.fault(
                "JWT_SECRET",
                format!(
                    "is not set; tokens are checked with it (at least {SECRET_BYTES_MIN} bytes)"
                ),
            );
        }
        let is_set = |variable| settings.text(variable).is_some();
        let set = PUBLIC_KEY_VARIABLES.map(|variable| is_set(variable).then_some(variable));
        if needs_public_key && set == [None; 3] {
            settings.fault(
                "JWT_PUBLIC_KEY_FILE",
                "is not set, nor is JWT_JWKS_FILE or JWT_JWKS_URL, and JWT_ALGORITHMS names an asymmetric algorithm",
            );
        }
        if !needs_public_key && !self.algorithms.is_empty() {
            for variable in set.into_iter().flatten() {
                settings.fault(
                    variable,
                    "is set, and JWT_ALGORITHMS names no asymmetric algorithm",
                );
            }
        }
    }

    /// Checks tokens by HS256 with this secret, and nothing else of them than the standard claims.
    pub fn hs256(secret: JwtSecret) -> Self {
        Self {
            algorithms: vec![Algorithm::HS256],
            secret: Some(secret),
            public_key_file: None,
            jwks: None,
            issuer: None,
            audience: None,
        }
    }
}

impl JwksConfig {
    fn read(settings: &mut Settings) -> Option<Self> {
        let refresh = settings.within("JWT_JWKS_REFRESH_SECONDS", 1..=86_400, 300);
        let file: Option<PathBuf> = settings.optional("JWT_JWKS_FILE");
        let url: Option<JwksUrl> = settings.optional("JWT_JWKS_URL");
        let location = match (file, url) {
            (Some(_), Some(_)) => {
                settings.fault(
                    "JWT_JWKS_URL",
                    "is set, and so is JWT_JWKS_FILE: there can be one key set only",
                );
                return None;
            }
            (Some(file), None) => JwksLocation::File(file),
            (None, Some(url)) => JwksLocation::Url(url),
            (None, None) => return None,
        };
        Some(Self {
            location,
            refresh: Duration::from_secs(refresh),
        })
    }
}

pub(crate) const fn is_hmac(algorithm: Algorithm) -> bool {
    matches!(
        algorithm,
        Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512
    )
}

fn read_algorithms(settings: &mut Settings) -> Vec<Algorithm> {
    let text = settings
        .text("JWT_ALGORITHMS")
        .unwrap_or("HS256")
        .to_owned();
    let mut algorithms = Vec::new();
    for name in text
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
    {
        match name.parse() {
            Ok(algorithm) => algorithms.push(algorithm),
            Err(_) => settings.fault(
                "JWT_ALGORITHMS",
                format!("names the unknown algorithm {name:?}"),
            ),
        }
    }
    if text.split(',').all(|name| name.trim().is_empty()) {
        settings.fault("JWT_ALGORITHMS", "names no algorithm");
    }
    algorithms
}
