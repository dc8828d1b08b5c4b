use messaging_domain::Timestamp;
use mongodb::bson::{doc, serialize_to_bson};
use mongodb::error::{Error as DriverError, Result as DriverResult};

use super::ImportMode;
use crate::contract::{ATTEMPTS_MAX, allowed, conflict};
use crate::error::{Trouble, is_duplicate_key, sorted};
use crate::model::{StoredContract, date};
use crate::{NewContract, PutContractError, Store, StoreError};

/// A contract of the other system, with its times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedContract {
    /// The contract.
    pub contract: NewContract,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

/// What importing a contract did, or would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContractImport {
    /// There was none of this id.
    Created,
    /// It took the place of one that was changed earlier.
    Updated,
    /// The one that is there says the same, or was changed later.
    Unchanged,
}

impl Store {
    /// Puts a contract with its times, unless the one that is there was changed at the same time or later.
    ///
    /// # Errors
    /// Each [`PutContractError`]; the contract that is there stays then.
    pub async fn import_contract(
        &self,
        contract: &ImportedContract,
        mode: ImportMode,
    ) -> Result<ContractImport, PutContractError> {
        let imported = self.mongo().fenced(self.try_import(contract, mode));
        imported.await.map_err(PutContractError::Store)?
    }

    async fn try_import(
        &self,
        imported: &ImportedContract,
        mode: ImportMode,
    ) -> DriverResult<Result<ContractImport, PutContractError>> {
        for _ in 0..ATTEMPTS_MAX {
            let stored = self.stored_contract(&imported.contract.id).await?;
            let Some(stored) = stored else {
                if mode == ImportMode::Look || self.insert_contract(imported).await? {
                    return Ok(Ok(ContractImport::Created));
                }
                continue;
            };
            if says_the_same(&stored, &imported.contract)
                || stored.updated_at >= date(imported.updated_at)
            {
                return Ok(Ok(ContractImport::Unchanged));
            }
            if let Some(conflict) = conflict(&stored, &imported.contract) {
                return Ok(Err(conflict));
            }
            if mode == ImportMode::Look || self.replace_contract(&stored, imported).await? {
                return Ok(Ok(ContractImport::Updated));
            }
        }
        let contended: StoreError = sorted(Trouble::Contended.into());
        Ok(Err(PutContractError::Store(contended)))
    }

    /// Whether there was none in the way.
    async fn insert_contract(&self, imported: &ImportedContract) -> DriverResult<bool> {
        let ImportedContract {
            contract,
            created_at,
            updated_at,
        } = imported;
        let document = StoredContract {
            id: contract.id.clone(),
            client: contract.parties.client.clone(),
            freelancer: contract.parties.freelancer.clone(),
            title: contract.title.clone(),
            milestones: contract.milestones.clone(),
            created_at: date(*created_at),
            updated_at: date(*updated_at),
            open: Vec::new(),
        };
        let contracts = &self.mongo().collections().await?.contracts;
        match contracts.insert_one(document).await {
            Ok(_) => Ok(true),
            Err(error) if is_duplicate_key(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Whether the stored one was still as it was looked at.
    async fn replace_contract(
        &self,
        stored: &StoredContract,
        imported: &ImportedContract,
    ) -> DriverResult<bool> {
        let ImportedContract {
            contract,
            updated_at,
            ..
        } = imported;
        let mut as_seen = allowed(contract);
        as_seen.insert("updatedAt", stored.updated_at);
        let update = doc! { "$set": {
            "client": contract.parties.client.as_str(),
            "freelancer": contract.parties.freelancer.as_str(),
            "title": contract.title.as_deref(),
            "milestones": serialize_to_bson(&contract.milestones).map_err(DriverError::from)?,
            "updatedAt": date(*updated_at),
        } };
        let contracts = &self.mongo().collections().await?.contracts;
        let replaced = contracts.update_one(as_seen, update).await?;
        Ok(replaced.matched_count == 1)
    }
}

fn says_the_same(stored: &StoredContract, contract: &NewContract) -> bool {
    stored.parties() == contract.parties
        && stored.title == contract.title
        && stored.milestones == contract.milestones
}
