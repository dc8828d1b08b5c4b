use messaging_domain::{Timestamp, TokenMark, UserId};
use serde::{Deserialize, Serialize};

/// What a caller is to the host platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// A user who pays.
    Client,
    /// A user who works.
    Freelancer,
    /// A person who runs the platform.
    Admin,
    /// A program of the platform.
    Service,
}

impl Role {
    /// The word for it in a token.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Freelancer => "freelancer",
            Self::Admin => "admin",
            Self::Service => "service",
        }
    }

    /// Whether this role may put contracts and see each one.
    pub const fn manages_contracts(self) -> bool {
        matches!(self, Self::Admin | Self::Service)
    }
}

impl std::str::FromStr for Role {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "client" => Ok(Self::Client),
            "freelancer" => Ok(Self::Freelancer),
            "admin" => Ok(Self::Admin),
            "service" => Ok(Self::Service),
            _ => Err("must be client, freelancer, admin or service"),
        }
    }
}

/// Who a valid token says is calling, and until when it says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The user: claim `sub`.
    pub user: UserId,
    /// The user's role, if the token has one that is known here; a role of the host's own grants nothing.
    pub role: Option<Role>,
    /// When the token stops being valid: claim `exp`.
    pub expires_at: Timestamp,
    /// By what it can be told later whether the token was revoked: claims `iat` and `jti`.
    pub mark: TokenMark,
}

/// The claims that are minted.
#[derive(Debug, Serialize)]
pub(crate) struct Claims {
    pub(crate) sub: UserId,
    pub(crate) exp: i64,
    pub(crate) iat: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) role: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
}

/// The claims that a token shows, as far as they matter beyond its validity.
///
/// What other claims hold is the host's business, and so is a `role` that is no text.
#[derive(Debug, Deserialize)]
pub(crate) struct ShownClaims {
    sub: UserId,
    /// A JSON number that may have a fraction (RFC 7519, section 2).
    exp: f64,
    #[serde(default)]
    iat: serde_json::Value,
    #[serde(default)]
    jti: serde_json::Value,
    #[serde(default)]
    role: serde_json::Value,
}

impl From<ShownClaims> for Identity {
    fn from(claims: ShownClaims) -> Self {
        Self {
            user: claims.sub,
            role: claims.role.as_str().and_then(|role| role.parse().ok()),
            expires_at: Timestamp::from_millis(millis(claims.exp)),
            mark: TokenMark {
                issued_at: claims.iat.as_f64().map(whole),
                id: claims.jti.as_str().and_then(|id| id.parse().ok()),
            },
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a cast of a float saturates, and the time is held within its limits"
)]
fn millis(seconds: f64) -> i64 {
    (seconds * 1_000.0) as i64
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a cast of a float saturates, and it is only compared"
)]
fn whole(seconds: f64) -> i64 {
    seconds.floor() as i64
}
