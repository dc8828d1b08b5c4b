use futures_util::TryStreamExt;
use messaging_domain::UserId;
use mongodb::bson::{Bson, Document, deserialize_from_document, doc};
use mongodb::error::Result as DriverResult;
use serde::Deserialize;

use crate::{Store, StoreError};

#[derive(Deserialize)]
struct Counterpart {
    #[serde(rename = "_id")]
    user: UserId,
}

impl Store {
    /// Users who share a contract with a user, each once, in no order, at most `limit` of them.
    ///
    /// # Errors
    /// When MongoDB does not answer.
    pub async fn counterparts(
        &self,
        user: &UserId,
        limit: usize,
    ) -> Result<Vec<UserId>, StoreError> {
        let of_user =
            doc! { "$or": [{ "client": user.as_str() }, { "freelancer": user.as_str() }] };
        self.mongo()
            .fenced(self.distinct_counterparts(user, of_user, limit))
            .await
    }

    /// Those of some users who share a contract with a user.
    ///
    /// # Errors
    /// When MongoDB does not answer.
    pub async fn counterparts_among(
        &self,
        user: &UserId,
        others: &[UserId],
    ) -> Result<Vec<UserId>, StoreError> {
        if others.is_empty() {
            return Ok(Vec::new());
        }
        let among: Vec<&str> = others.iter().map(UserId::as_str).collect();
        let shared = doc! { "$or": [
            { "client": user.as_str(), "freelancer": { "$in": &among } },
            { "freelancer": user.as_str(), "client": { "$in": &among } },
        ] };
        self.mongo()
            .fenced(self.distinct_counterparts(user, shared, others.len()))
            .await
    }

    async fn distinct_counterparts(
        &self,
        user: &UserId,
        filter: Document,
        limit: usize,
    ) -> DriverResult<Vec<UserId>> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        let is_client = doc! { "$eq": ["$client", { "$literal": user.as_str() }] };
        let other = doc! { "$cond": [is_client, "$freelancer", "$client"] };
        let pipeline = [
            doc! { "$match": filter },
            doc! { "$group": { "_id": other } },
            doc! { "$limit": Bson::Int64(i64::try_from(limit).unwrap_or(i64::MAX)) },
        ];
        let found: Vec<Document> = self
            .mongo()
            .collections()
            .await?
            .contracts
            .aggregate(pipeline)
            .await?
            .try_collect()
            .await?;
        let mut users = Vec::with_capacity(found.len());
        for counterpart in found {
            let counterpart: Counterpart = deserialize_from_document(counterpart)?;
            users.push(counterpart.user);
        }
        Ok(users)
    }
}
