use std::collections::HashSet;

use messaging_domain::{ContractId, Parties, UserId};
use messaging_wire::{Contract, Milestone};
use mongodb::bson::{Document, doc, serialize_to_bson};
use mongodb::error::{Error as DriverError, Result as DriverResult};
use mongodb::options::ReturnDocument;
use thiserror::Error;

use crate::error::{Trouble, is_duplicate_key, sorted};
use crate::model::{StoredContract, date, timestamp};
use crate::{Store, StoreError};

/// A contract as the host platform puts it. Its milestones' ids differ and its parties are two users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewContract {
    /// Its id.
    pub id: ContractId,
    /// Its two users.
    pub parties: Parties,
    /// Its title.
    pub title: Option<String>,
    /// Its milestones, in the order to show them.
    pub milestones: Vec<Milestone>,
}

/// What putting a contract did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PutContract {
    /// There was none of this id.
    Created(Contract),
    /// It took the place of another one.
    Replaced(Contract),
}

/// Why a contract was not put; nothing has changed then, unless the store was unavailable.
#[derive(Debug, Clone, Error)]
pub enum PutContractError {
    /// It would change a party although there is a conversation.
    #[error("a party of a contract with a conversation cannot change")]
    PartyChanged,
    /// It would drop a milestone that has a conversation.
    #[error("a milestone with a conversation cannot be dropped")]
    MilestoneInUse,
    /// The database.
    #[error(transparent)]
    Store(StoreError),
}

/// How often a put is evaluated anew because the contract changed under it.
pub(crate) const ATTEMPTS_MAX: usize = 8;

impl Store {
    /// Puts a contract in the place of the one with its id, whole, unless that would orphan a conversation.
    ///
    /// One atomic update decides: its filter holds the rule, so a first message cannot slip in between.
    ///
    /// # Errors
    /// Each [`PutContractError`].
    pub async fn put_contract(
        &self,
        contract: NewContract,
    ) -> Result<PutContract, PutContractError> {
        let outcome = self.mongo().fenced(self.try_put(&contract)).await;
        outcome.map_err(PutContractError::Store)?
    }

    /// A contract.
    ///
    /// # Errors
    /// When MongoDB does not answer.
    pub async fn contract(&self, id: &ContractId) -> Result<Option<Contract>, StoreError> {
        let stored = self.mongo().fenced(self.stored_contract(id)).await?;
        Ok(stored.map(StoredContract::into_wire))
    }

    pub(crate) async fn stored_contract(
        &self,
        id: &ContractId,
    ) -> DriverResult<Option<StoredContract>> {
        self.mongo()
            .collections()
            .await?
            .contracts
            .find_one(doc! { "_id": id.as_str() })
            .await
    }

    async fn try_put(
        &self,
        contract: &NewContract,
    ) -> DriverResult<Result<PutContract, PutContractError>> {
        let contracts = &self.mongo().collections().await?.contracts;
        let now = self.now();
        let update = doc! {
            "$set": {
                "client": contract.parties.client.as_str(),
                "freelancer": contract.parties.freelancer.as_str(),
                "title": contract.title.as_deref(),
                "milestones": serialize_to_bson(&contract.milestones).map_err(DriverError::from)?,
                "updatedAt": date(now),
            },
            "$setOnInsert": { "createdAt": date(now), "open": [] },
        };
        for _ in 0..ATTEMPTS_MAX {
            let put = contracts
                .find_one_and_update(allowed(contract), update.clone())
                .upsert(true)
                .return_document(ReturnDocument::Before)
                .await;
            match put {
                Ok(None) => return Ok(Ok(PutContract::Created(written(contract, now, now)))),
                Ok(Some(before)) => {
                    let created_at = timestamp(before.created_at);
                    return Ok(Ok(PutContract::Replaced(written(
                        contract, created_at, now,
                    ))));
                }
                Err(error) if is_duplicate_key(&error) => {}
                Err(error) => return Err(error),
            }
            // The contract exists and the filter did not let it pass; or it came into being just now, and the next attempt
            // finds it.
            if let Some(stored) = self.stored_contract(&contract.id).await?
                && let Some(conflict) = conflict(&stored, contract)
            {
                return Ok(Err(conflict));
            }
        }
        Ok(Err(PutContractError::Store(sorted(
            Trouble::Contended.into(),
        ))))
    }
}

/// The contract of this id, provided that the new one may take its place.
pub(crate) fn allowed(contract: &NewContract) -> Document {
    let mut kept = vec![""];
    kept.extend(
        contract
            .milestones
            .iter()
            .map(|milestone| milestone.id.as_str()),
    );
    doc! {
        "_id": contract.id.as_str(),
        "$or": [
            { "open": { "$size": 0 } },
            {
                "client": contract.parties.client.as_str(),
                "freelancer": contract.parties.freelancer.as_str(),
                "open": { "$not": { "$elemMatch": { "$nin": kept } } },
            },
        ],
    }
}

/// The same rule as [`allowed`], to say which part of it a contract breaks.
pub(crate) fn conflict(
    stored: &StoredContract,
    contract: &NewContract,
) -> Option<PutContractError> {
    if stored.open.is_empty() {
        return None;
    }
    if stored.parties() != contract.parties {
        return Some(PutContractError::PartyChanged);
    }
    let kept: HashSet<&str> = contract
        .milestones
        .iter()
        .map(|milestone| milestone.id.as_str())
        .collect();
    let is_dropped = |open: &String| !open.is_empty() && !kept.contains(open.as_str());
    stored
        .open
        .iter()
        .any(is_dropped)
        .then_some(PutContractError::MilestoneInUse)
}

fn written(
    contract: &NewContract,
    created_at: messaging_domain::Timestamp,
    updated_at: messaging_domain::Timestamp,
) -> Contract {
    let Parties { client, freelancer } = contract.parties.clone();
    let (client_id, freelancer_id): (UserId, UserId) = (client, freelancer);
    Contract {
        id: contract.id.clone(),
        client_id,
        freelancer_id,
        title: contract.title.clone(),
        milestones: contract.milestones.clone(),
        created_at,
        updated_at,
    }
}
