use std::collections::HashMap;

use futures_util::TryStreamExt;
use messaging_domain::{Timestamp, UserId};
use mongodb::Collection;
use mongodb::bson::{DateTime, doc};
use mongodb::error::Result as DriverResult;
use mongodb::options::Acknowledgment;
use serde::{Deserialize, Serialize};

use crate::model::{date, timestamp};
use crate::updates::run_updates;
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
    /// Notes when the last connections of some users closed, in one command. An earlier time than the one noted changes nothing.
    ///
    /// # Errors
    /// When MongoDB does not answer, or has not taken all of them; it may be tried again.
    pub async fn note_last_seen(&self, seen: &[(&UserId, Timestamp)]) -> Result<(), StoreError> {
        let update = |(user, at): &(&UserId, Timestamp)| {
            doc! {
                "q": { "_id": user.as_str() },
                "u": { "$max": { "at": date(*at) } },
                "upsert": true,
            }
        };
        let updates = seen.iter().map(update).collect();
        let noting = run_updates(self.mongo(), "lastSeen", updates, Acknowledgment::Majority);
        self.mongo().fenced(noting).await
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
