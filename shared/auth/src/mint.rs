use std::str::FromStr;

use jsonwebtoken::{EncodingKey, Header};
use messaging_domain::{Timestamp, UserId};
use thiserror::Error;

use crate::claims::Claims;
use crate::{JwtSecret, Role};

/// How long a token holds, written as a number and a unit: `90s`, `15m`, `12h`, `7d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Duration {
    seconds: i64,
}

/// A text that is no [`Duration`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("must be a number and a unit, such as 90s, 15m, 12h or 7d")]
pub struct DurationError;

impl Duration {
    /// Its length in seconds.
    pub const fn seconds(self) -> i64 {
        self.seconds
    }
}

impl FromStr for Duration {
    type Err = DurationError;

    fn from_str(text: &str) -> Result<Self, DurationError> {
        let unit = text.chars().last().ok_or(DurationError)?;
        let (digits, unit_seconds) = match unit {
            's' => (&text[..text.len() - 1], 1),
            'm' => (&text[..text.len() - 1], 60),
            'h' => (&text[..text.len() - 1], 3_600),
            'd' => (&text[..text.len() - 1], 86_400),
            '0'..='9' => (text, 1),
            _ => return Err(DurationError),
        };
        let number: u32 = digits.parse().map_err(|_| DurationError)?;
        Ok(Self {
            seconds: i64::from(number) * unit_seconds,
        })
    }
}

/// A token that could not be signed.
#[derive(Debug, Error)]
#[error("the token cannot be signed")]
pub struct MintError(#[source] jsonwebtoken::errors::Error);

/// Signs a token for a user by HS256. For development: in production the host platform signs.
///
/// # Errors
/// [`MintError`] when signing fails.
pub fn mint(
    secret: &JwtSecret,
    user: &UserId,
    role: Option<Role>,
    name: Option<String>,
    now: Timestamp,
    expires_in: Duration,
) -> Result<String, MintError> {
    let issued_at = now.millis() / 1000;
    let claims = Claims {
        sub: user.clone(),
        exp: issued_at + expires_in.seconds,
        iat: issued_at,
        role: role.map(|role| role.as_str().to_owned()),
        name,
    };
    jsonwebtoken::encode(
        &Header::default(),
        &claims,
        &EncodingKey::from_secret(secret.bytes()),
    )
    .map_err(MintError)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_a_number_and_a_unit() {
        for (text, seconds) in [
            ("90s", 90),
            ("15m", 900),
            ("12h", 43_200),
            ("7d", 604_800),
            ("30", 30),
        ] {
            assert_eq!(text.parse(), Ok(Duration { seconds }), "{text}");
        }
        for text in ["", "d", "7w", "-1d", "1.5h", "7 d", "7é"] {
            assert_eq!(text.parse::<Duration>(), Err(DurationError), "{text:?}");
        }
    }
}
