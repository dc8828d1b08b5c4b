use serde::{Deserialize, Serialize};

use crate::UserId;

/// The side of a contract that a user is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Party {
    /// Who pays.
    Client,
    /// Who works.
    Freelancer,
}

impl Party {
    /// The opposite side.
    pub const fn other(self) -> Self {
        match self {
            Self::Client => Self::Freelancer,
            Self::Freelancer => Self::Client,
        }
    }

    /// The word for it on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Freelancer => "freelancer",
        }
    }
}

/// The two users of a contract, and so of each of its conversations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parties {
    /// Who pays.
    pub client: UserId,
    /// Who works.
    pub freelancer: UserId,
}

impl Parties {
    /// The side that a user is on; none for a stranger.
    pub fn party_of(&self, user: &UserId) -> Option<Party> {
        if *user == self.client {
            Some(Party::Client)
        } else if *user == self.freelancer {
            Some(Party::Freelancer)
        } else {
            None
        }
    }

    /// The user on a side.
    pub const fn user(&self, party: Party) -> &UserId {
        match party {
            Party::Client => &self.client,
            Party::Freelancer => &self.freelancer,
        }
    }
}
