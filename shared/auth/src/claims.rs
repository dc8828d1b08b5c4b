use messaging_domain::{Timestamp, UserId};
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
}

/// The claims as a token carries them.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Claims {
    pub(crate) sub: UserId,
    pub(crate) exp: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) iat: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) role: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
}
