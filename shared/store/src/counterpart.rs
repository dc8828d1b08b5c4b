use std::collections::HashMap;

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

/// The parties of a contract.
#[derive(Deserialize)]
struct Pair {
    client: UserId,
    freelancer: UserId,
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
        self.mongo()
            .fenced(self.distinct_counterparts(user, of_user(user), limit))
            .await
    }

    /// As [`counterparts`](Self::counterparts) of each of some users, by one query if all of them together have no more than `limit`;
    /// those who have none are left out.
    ///
    /// # Errors
    /// When MongoDB does not answer.
    pub async fn counterparts_of_each(
        &self,
        users: &[&UserId],
        limit: usize,
    ) -> Result<HashMap<UserId, Vec<UserId>>, StoreError> {
        let pairs = self.mongo().fenced(self.parties_of_any(users, limit));
        let pairs = pairs.await?;
        let mut counterparts: HashMap<UserId, Vec<UserId>> = HashMap::new();
        if pairs.len() < limit {
            for Pair { client, freelancer } in pairs {
                for (user, other) in [(&client, &freelancer), (&freelancer, &client)] {
                    if users.contains(&user) {
                        let others = counterparts.entry(user.clone()).or_default();
                        others.push(other.clone());
                    }
                }
            }
            // Two can be each other's client.
            for others in counterparts.values_mut() {
                others.sort_unstable();
                others.dedup();
            }
        } else {
            for user in users {
                let others = self.counterparts(user, limit).await?;
                counterparts.insert((*user).clone(), others);
            }
        }
        Ok(counterparts)
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
            doc! { "$limit": limit_of(limit) },
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

    /// The parties of contracts, each two once, of whom one is among the users; at most `limit`.
    async fn parties_of_any(&self, users: &[&UserId], limit: usize) -> DriverResult<Vec<Pair>> {
        let any = doc! { "$in": users.iter().map(|user| user.as_str()).collect::<Vec<_>>() };
        let pipeline = [
            doc! { "$match": { "$or": [{ "client": &any }, { "freelancer": &any }] } },
            doc! { "$group": { "_id": { "client": "$client", "freelancer": "$freelancer" } } },
            doc! { "$limit": limit_of(limit) },
            doc! { "$replaceRoot": { "newRoot": "$_id" } },
        ];
        let contracts = &self.mongo().collections().await?.contracts;
        let pairs = contracts.aggregate(pipeline).with_type::<Pair>().await?;
        pairs.try_collect().await
    }
}

fn of_user(user: &UserId) -> Document {
    doc! { "$or": [{ "client": user.as_str() }, { "freelancer": user.as_str() }] }
}

fn limit_of(limit: usize) -> Bson {
    Bson::Int64(i64::try_from(limit).unwrap_or(i64::MAX))
}
