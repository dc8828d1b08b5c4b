use futures_util::TryStreamExt;
use messaging_domain::{UserId, limits::CONVERSATIONS_PAGE_MAX};
use messaging_wire::{Conversation, ConversationsPage};
use mongodb::bson::{DateTime, doc};
use mongodb::error::Result as DriverResult;

use crate::conversation::seen_by;
use crate::cursor::Cursor;
use crate::head::last_messages;
use crate::model::StoredConversation;
use crate::{Store, StoreError};

impl Store {
    /// One page of a user's conversations, those with the latest message first, from where a cursor points.
    ///
    /// A page holds at most [`CONVERSATIONS_PAGE_MAX`]. A conversation that gets a message while somebody pages moves to the
    /// front; none is missed or seen twice otherwise.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn conversations(
        &self,
        user: &UserId,
        limit: u32,
        cursor: Option<Cursor>,
    ) -> Result<ConversationsPage, StoreError> {
        self.mongo().fenced(self.page(user, limit, cursor)).await
    }

    async fn page(
        &self,
        user: &UserId,
        limit: u32,
        cursor: Option<Cursor>,
    ) -> DriverResult<ConversationsPage> {
        let limit = limit.clamp(1, CONVERSATIONS_PAGE_MAX) as usize;
        // The same condition as the list index has: it holds only conversations with a message.
        let mut filter = doc! { "users": user.as_str(), "lastSeq": { "$gte": 1 } };
        if let Some(Cursor { updated_at, id }) = cursor {
            filter.insert("updatedAt", doc! { "$lte": updated_at });
            filter.insert(
                "$or",
                [
                    doc! { "updatedAt": { "$lt": updated_at } },
                    doc! { "_id": { "$lt": id } },
                ]
                .to_vec(),
            );
        }
        let conversations = &self.mongo().collections().await?.conversations;
        let mut stored: Vec<StoredConversation> = conversations
            .find(filter)
            .sort(doc! { "updatedAt": -1, "_id": -1 })
            .limit(limit as i64 + 1)
            .await?
            .try_collect()
            .await?;
        let has_more = stored.len() > limit;
        stored.truncate(limit);
        let next_cursor = stored.last().filter(|_| has_more).map(|last| {
            Cursor {
                updated_at: last.updated_at.unwrap_or(DateTime::from_millis(0)),
                id: last.id,
            }
            .to_string()
        });
        Ok(ConversationsPage {
            items: self.views(user, stored).await?,
            next_cursor,
        })
    }

    async fn views(
        &self,
        user: &UserId,
        stored: Vec<StoredConversation>,
    ) -> DriverResult<Vec<Conversation>> {
        let ids: Vec<_> = stored.iter().map(|stored| stored.id).collect();
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut last = last_messages(self.mongo(), ids).await?;
        let views = stored.into_iter().filter_map(|stored| {
            let key = stored.key();
            let viewer = key.parties().party_of(user)?;
            Some(seen_by(viewer, &key, &stored, last.remove(&stored.id)?))
        });
        Ok(views.collect())
    }
}
