use futures_util::TryStreamExt;
use messaging_domain::SearchQuery;
use messaging_wire::Message;
use mongodb::bson::{Bson, doc};
use mongodb::error::Result as DriverResult;

use crate::model::{StoredMessage, object_id};
use crate::{ConversationKey, Store, StoreError};

/// Messages that are fetched at a time.
const BATCH_MESSAGES: u32 = 500;

impl Store {
    /// The newest messages of a conversation that have every word of a query, deleted ones left out, newest first.
    ///
    /// It reads the log backwards until it has found enough or has come to its beginning. A search thus sees whatever was
    /// acknowledged, and costs the writers nothing, where an index of words would take some thirty entries for each message.
    /// A conversation has two participants; one of a hundred thousand messages is still read within the deadline.
    ///
    /// # Errors
    /// When MongoDB does not answer, or not in time.
    pub async fn search(
        &self,
        key: &ConversationKey,
        query: &SearchQuery,
        limit: u32,
    ) -> Result<Vec<Message>, StoreError> {
        self.mongo()
            .fenced(self.search_log(key, query, limit as usize))
            .await
    }

    async fn search_log(
        &self,
        key: &ConversationKey,
        query: &SearchQuery,
        limit: usize,
    ) -> DriverResult<Vec<Message>> {
        let messages = &self.mongo().collections().await?.messages;
        let mut log = messages
            .find(doc! { "c": object_id(key.id()), "deletedAt": Bson::Null })
            .sort(doc! { "seq": -1 })
            .batch_size(BATCH_MESSAGES)
            .await?;
        let mut found: Vec<StoredMessage> = Vec::new();
        while found.len() < limit {
            let Some(message) = log.try_next().await? else {
                break;
            };
            if query.matches(&message.content) {
                found.push(message);
            }
            // Buffered messages make no pause by themselves, and others are waiting for this thread.
            tokio::task::consume_budget().await;
        }
        Ok(found
            .into_iter()
            .map(|message| message.into_wire(key))
            .collect())
    }
}
