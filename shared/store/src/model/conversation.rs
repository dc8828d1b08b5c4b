use messaging_domain::{
    ContractId, Counts, MilestoneId, Parties, Party, ReadMark, Timestamp, UserId,
};
use mongodb::bson::DateTime;
use mongodb::bson::oid::ObjectId;
use serde::{Deserialize, Serialize};

use super::{conversation_id, timestamp};
use crate::ConversationKey;

/// A conversation in collection `conversations`: what never changes, a summary of the log, and the read marks.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StoredConversation {
    #[serde(rename = "_id")]
    pub(crate) id: ObjectId,
    pub(crate) contract: ContractId,
    #[serde(default)]
    pub(crate) milestone: Option<MilestoneId>,
    pub(crate) client: UserId,
    pub(crate) freelancer: UserId,
    pub(crate) opened_at: DateTime,
    /// The time of the first message, once there is one.
    #[serde(default)]
    pub(crate) created_at: Option<DateTime>,
    /// The time of the last message, once there is one.
    #[serde(default)]
    pub(crate) updated_at: Option<DateTime>,
    pub(crate) last_seq: u64,
    pub(crate) nc: u64,
    pub(crate) nf: u64,
    #[serde(default)]
    pub(crate) read_client: StoredMark,
    #[serde(default)]
    pub(crate) read_freelancer: StoredMark,
}

/// How far a party has read.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(crate) struct StoredMark {
    pub(crate) seq: u64,
    /// How many messages the other party had sent up to `seq`.
    pub(crate) n: u64,
    #[serde(default)]
    pub(crate) at: Option<DateTime>,
}

/// The last message of a conversation, as far as numbering the next one needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) seq: u64,
    pub(crate) counts: Counts,
    pub(crate) at: Timestamp,
}

impl Head {
    /// Before the first message.
    pub(crate) const NONE: Self = Self {
        seq: 0,
        counts: Counts {
            client: 0,
            freelancer: 0,
        },
        at: Timestamp::from_millis(0),
    };
}

impl StoredConversation {
    pub(crate) fn key(&self) -> ConversationKey {
        let parties = Parties {
            client: self.client.clone(),
            freelancer: self.freelancer.clone(),
        };
        ConversationKey::new(
            conversation_id(self.id),
            self.contract.clone(),
            self.milestone.clone(),
            parties,
        )
    }

    pub(crate) fn head(&self) -> Head {
        Head {
            seq: self.last_seq,
            counts: Counts {
                client: self.nc,
                freelancer: self.nf,
            },
            at: self.updated_at.map_or(Head::NONE.at, timestamp),
        }
    }

    pub(crate) fn mark(&self, party: Party) -> ReadMark {
        let mark = match party {
            Party::Client => self.read_client,
            Party::Freelancer => self.read_freelancer,
        };
        ReadMark {
            seq: mark.seq,
            other_count: mark.n,
            at: mark.at.map(timestamp),
        }
    }
}

/// The field that holds a party's read mark.
pub(crate) const fn mark_field(party: Party) -> &'static str {
    match party {
        Party::Client => "readClient",
        Party::Freelancer => "readFreelancer",
    }
}
