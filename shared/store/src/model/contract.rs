use messaging_domain::{ContractId, Parties, UserId};
use messaging_wire::{Contract, Milestone};
use mongodb::bson::DateTime;
use serde::{Deserialize, Serialize};

use super::timestamp;

/// A contract in collection `contracts`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StoredContract {
    #[serde(rename = "_id")]
    pub(crate) id: ContractId,
    pub(crate) client: UserId,
    pub(crate) freelancer: UserId,
    #[serde(default)]
    pub(crate) title: Option<String>,
    pub(crate) milestones: Vec<Milestone>,
    pub(crate) created_at: DateTime,
    pub(crate) updated_at: DateTime,
    /// The milestones that have a conversation; the empty text stands for the contract's own.
    pub(crate) open: Vec<String>,
}

impl StoredContract {
    pub(crate) fn parties(&self) -> Parties {
        Parties {
            client: self.client.clone(),
            freelancer: self.freelancer.clone(),
        }
    }

    pub(crate) fn into_wire(self) -> Contract {
        Contract {
            id: self.id,
            client_id: self.client,
            freelancer_id: self.freelancer,
            title: self.title,
            milestones: self.milestones,
            created_at: timestamp(self.created_at),
            updated_at: timestamp(self.updated_at),
        }
    }
}
