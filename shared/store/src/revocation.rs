use futures_util::TryStreamExt;
use messaging_domain::{Revocation, Revoked};
use mongodb::Collection;
use mongodb::bson::{DateTime, Document, deserialize_from_document, doc};
use mongodb::error::Result as DriverResult;
use mongodb::options::ReturnDocument;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::error::is_duplicate_key;
use crate::model::{date, timestamp};
use crate::{Store, StoreError};

/// A revocation in collection `revocations`, which MongoDB removes when its time is over.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StoredRevocation {
    #[serde(rename = "_id")]
    name: String,
    before: DateTime,
    expires_at: DateTime,
}

/// Some of the revocations, by their names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevocationsRead {
    /// In the order of their names.
    pub items: Vec<Revocation>,
    /// The name after which to go on; none at the end.
    pub next: Option<Revoked>,
}

/// Why nothing was revoked.
#[derive(Debug, Clone, Error)]
pub enum RevokeError {
    /// There are as many revocations as there may be.
    #[error("there are too many revocations")]
    Full,
    /// The store failed.
    #[error(transparent)]
    Store(StoreError),
}

impl Store {
    /// Notes a revocation unless there are so many others; returns what is stored now. Of two of one name the later times count.
    ///
    /// Calls that race may exceed the number by as many as they are.
    ///
    /// # Errors
    /// [`RevokeError`]; if the store was unavailable it may have been noted, and noting it again is harmless.
    pub async fn revoke(
        &self,
        revocation: &Revocation,
        others_max: u64,
    ) -> Result<Revocation, RevokeError> {
        let revoked = self.mongo().fenced(self.try_revoke(revocation, others_max));
        let revoked = revoked.await.map_err(RevokeError::Store)?;
        revoked.ok_or(RevokeError::Full)
    }

    /// Removes a revocation; false if there is none.
    ///
    /// # Errors
    /// When MongoDB does not answer; it may have been removed, and removing it again is harmless.
    pub async fn lift_revocation(&self, of: &Revoked) -> Result<bool, StoreError> {
        let lifting = async {
            let filter = doc! { "_id": of.to_string() };
            let lifted = self.revocations().await?.delete_one(filter).await?;
            Ok(lifted.deleted_count > 0)
        };
        self.mongo().fenced(lifting).await
    }

    /// At most `limit` of the revocations that are in force, those after a name.
    ///
    /// # Errors
    /// When MongoDB does not answer.
    pub async fn revocations_after(
        &self,
        after: Option<&Revoked>,
        limit: u32,
    ) -> Result<RevocationsRead, StoreError> {
        let mut after = after.map(ToString::to_string).unwrap_or_default();
        loop {
            let mut filter = self.in_force();
            filter.insert("_id", doc! { "$gt": &after });
            let mut found = self.find_revocations(filter, i64::from(limit) + 1).await?;
            let has_more = found.len() > limit as usize;
            found.truncate(limit as usize);
            let last = found.last().map(|(name, _)| name.clone());
            let items: Vec<Revocation> = found.into_iter().filter_map(|(_, read)| read).collect();
            let next = items
                .last()
                .filter(|_| has_more)
                .map(|last| last.of.clone());
            match last {
                // None of these can be read, and others may be behind them.
                Some(last) if has_more && items.is_empty() => after = last,
                _ => return Ok(RevocationsRead { items, next }),
            }
        }
    }

    /// Those of some revocations that are in force.
    ///
    /// # Errors
    /// When MongoDB does not answer.
    pub async fn revocations_of(&self, names: &[Revoked]) -> Result<Vec<Revocation>, StoreError> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<String> = names.iter().map(ToString::to_string).collect();
        let mut filter = self.in_force();
        filter.insert("_id", doc! { "$in": ids });
        let found = self.find_revocations(filter, names.len() as i64).await?;
        Ok(found.into_iter().filter_map(|(_, read)| read).collect())
    }

    /// MongoDB removes what is over within a minute or so.
    fn in_force(&self) -> Document {
        doc! { "expiresAt": { "$gt": date(self.now()) } }
    }

    /// Names, and what is called so; nothing where another hand has written what is no revocation.
    async fn find_revocations(
        &self,
        filter: Document,
        limit: i64,
    ) -> Result<Vec<(String, Option<Revocation>)>, StoreError> {
        let finding = async {
            let collection = self.revocations().await?.clone_with_type::<Document>();
            let found = collection.find(filter).sort(doc! { "_id": 1 });
            let found: Vec<Document> = found.limit(limit).await?.try_collect().await?;
            Ok(found)
        };
        let found = self.mongo().fenced(finding).await?;
        let named = |document: Document| {
            let name = document.get_str("_id").ok()?.to_owned();
            let stored = deserialize_from_document::<StoredRevocation>(document);
            Some((name, stored.ok().and_then(StoredRevocation::read)))
        };
        Ok(found.into_iter().filter_map(named).collect())
    }

    async fn try_revoke(
        &self,
        revocation: &Revocation,
        others_max: u64,
    ) -> DriverResult<Option<Revocation>> {
        self.ensure_prepared().await?;
        let collection = self.revocations().await?;
        let filter = doc! { "_id": revocation.of.to_string() };
        let times = doc! {
            "before": date(revocation.before),
            "expiresAt": date(revocation.expires_at),
        };
        let update = |may_be_new: bool| {
            let updated = collection.find_one_and_update(filter.clone(), doc! { "$max": &times });
            updated
                .upsert(may_be_new)
                .return_document(ReturnDocument::After)
        };
        if let Some(stored) = update(false).await? {
            return Ok(stored.read());
        }
        if collection.estimated_document_count().await? >= others_max {
            return Ok(None);
        }
        let stored = match update(true).await {
            // Another call has made it at this moment.
            Err(error) if is_duplicate_key(&error) => update(false).await?,
            stored => stored?,
        };
        Ok(Some(
            stored
                .and_then(StoredRevocation::read)
                .unwrap_or_else(|| revocation.clone()),
        ))
    }

    async fn revocations(&self) -> DriverResult<&Collection<StoredRevocation>> {
        Ok(&self.mongo().collections().await?.revocations)
    }
}

impl StoredRevocation {
    /// Nothing for a name that is none of ours.
    fn read(self) -> Option<Revocation> {
        Some(Revocation {
            of: self.name.parse().ok()?,
            before: timestamp(self.before),
            expires_at: timestamp(self.expires_at),
        })
    }
}

impl From<StoreError> for RevokeError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}
