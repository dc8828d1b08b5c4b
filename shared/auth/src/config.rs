use std::fmt;
use std::path::PathBuf;

use jsonwebtoken::Algorithm;
use messaging_settings::Settings;

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
    /// `JWT_ISSUER`: the `iss` that is required; default: any.
    pub(crate) issuer: Option<String>,
    /// `JWT_AUDIENCE`: the `aud` that is required; default: any.
    pub(crate) audience: Option<String>,
}

impl AuthConfig {
    /// Reads the settings and notes what is wrong with them, `JWT_EXPIRATION` included, by which only tools mint tokens.
    pub fn read(settings: &mut Settings) -> Self {
        settings.optional::<crate::Duration>("JWT_EXPIRATION");
        let algorithms = read_algorithms(settings);
        let secret = JwtSecret::read(settings);
        let public_key_file: Option<PathBuf> = settings.optional("JWT_PUBLIC_KEY_FILE");
        for unsupported in ["JWT_JWKS_FILE", "JWT_JWKS_URL"] {
            if settings.text(unsupported).is_some() {
                settings.fault(
                    unsupported,
                    "is not supported by this version; give a key as JWT_PUBLIC_KEY_FILE",
                );
            }
        }
        let needs_secret = algorithms.iter().any(|algorithm| is_hmac(*algorithm));
        let needs_public_key = algorithms.iter().any(|algorithm| !is_hmac(*algorithm));
        if needs_secret && secret.is_none() {
            settings.fault(
                "JWT_SECRET",
                format!(
                    "is not set; tokens are checked with it (at least {SECRET_BYTES_MIN} bytes)"
                ),
            );
        }
        if needs_public_key && public_key_file.is_none() {
            settings.fault(
                "JWT_PUBLIC_KEY_FILE",
                "is not set, and JWT_ALGORITHMS names an asymmetric algorithm",
            );
        }
        let config = Self {
            algorithms,
            secret,
            public_key_file,
            issuer: settings.optional("JWT_ISSUER"),
            audience: settings.optional("JWT_AUDIENCE"),
        };
        if let Err(error) = crate::Verifier::new(&config) {
            settings.fault("JWT_PUBLIC_KEY_FILE", error.to_string());
        }
        config
    }

    /// Checks tokens by HS256 with this secret, and nothing else of them than the standard claims.
    pub fn hs256(secret: JwtSecret) -> Self {
        Self {
            algorithms: vec![Algorithm::HS256],
            secret: Some(secret),
            public_key_file: None,
            issuer: None,
            audience: None,
        }
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
    algorithms
}
