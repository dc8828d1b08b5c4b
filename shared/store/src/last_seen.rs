use std::collections::HashMap;

use futures_util::TryStreamExt;
use messaging_domain::{Timestamp, UserId};
use mongodb::Collection;
use mongodb::bson::{DateTime, doc};
use mongodb::error::Result as DriverResult;
use serde::{Deserialize, Serialize};

use crate::model::{date, timestamp};
use crate::{Store, StoreError};

/// A user in collection `lastSeen`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct StoredLastSeen {
    #[serde(rename = "_id")]
    user: UserId,
    at: DateTime,
}

impl Store {
    /// Notes when a user's last connection closed. An earlier time than the one noted changes nothing.
    ///
    /// # Errors
    /// When MongoDB does not answer.
    pub async fn note_last_seen(&self, user: &UserId, at: Timestamp) -> Result<(), StoreError> {
        let noting = async {
            self.last_seen_collection()
                .await?
                .update_one(
                    doc! { "_id": user.as_str() },
                    doc! { "$max": { "at": date(at) } },
                )
                .upsert(true)
                .await
        };
        self.mongo().fenced(noting).await.map(drop)
    }

    /// When the last connections of these users closed; those who were never seen are left out.
    ///
    /// # Errors
    /// When MongoDB does not answer.
    pub async fn last_seen(
        &self,
        users: &[&UserId],
    ) -> Result<HashMap<UserId, Timestamp>, StoreError> {
        if users.is_empty() {
            return Ok(HashMap::new());
        }
        let ids: Vec<&str> = users.iter().map(|user| user.as_str()).collect();
        let reading = async {
            self.last_seen_collection()
                .await?
                .find(doc! { "_id": { "$in": ids } })
                .await?
                .map_ok(|seen| (seen.user, timestamp(seen.at)))
                .try_collect()
                .await
        };
        self.mongo().fenced(reading).await
    }

    async fn last_seen_collection(&self) -> DriverResult<Collection<StoredLastSeen>> {
        let database = &self.mongo().collections().await?.database;
        Ok(database.collection("lastSeen"))
    }
}
