use messaging_domain::{Party, unread_count};
use messaging_wire::ReadReceipt;
use mongodb::bson::doc;
use mongodb::error::Result as DriverResult;
use mongodb::options::ReturnDocument;

use crate::error::Trouble;
use crate::head::last_message;
use crate::model::{Head, StoredConversation, date, mark_field, number, object_id};
use crate::{ConversationKey, Store, StoreError};

/// What marking as read did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarkedRead {
    /// How far the reader has read, as it stands now.
    pub receipt: ReadReceipt,
    /// Whether that is further than before.
    pub grew: bool,
}

impl Store {
    /// Marks a conversation as read by one party up to a `seq`, or all of it.
    ///
    /// A mark never passes the last message and never shrinks.
    ///
    /// # Errors
    /// When MongoDB does not answer.
    pub async fn mark_read(
        &self,
        key: &ConversationKey,
        reader: Party,
        up_to: Option<u64>,
    ) -> Result<MarkedRead, StoreError> {
        self.mongo()
            .fenced(self.move_mark(key, reader, up_to))
            .await
    }

    async fn move_mark(
        &self,
        key: &ConversationKey,
        reader: Party,
        up_to: Option<u64>,
    ) -> DriverResult<MarkedRead> {
        // The head comes from the log, since the summary may be behind it: one seek, as for the message marked.
        let head = last_message(self.mongo(), key.id())
            .await?
            .map_or(Head::NONE, |last| last.head());
        let seq = up_to.map_or(head.seq, |up_to| up_to.min(head.seq));
        let moved = match self.count_at(key, head, seq).await? {
            Some(target) => self.grow_mark(key, reader, target).await?,
            None => None,
        };
        let grew = moved.is_some();
        let stored = match moved {
            Some(stored) => stored,
            None => self.stored_conversation(key).await?,
        };
        let mark = stored.mark(reader);
        let receipt = ReadReceipt {
            conversation_id: key.id(),
            user_id: key.parties().user(reader).clone(),
            read_seq: mark.seq,
            unread_count: unread_count(head.counts, reader, mark),
            read_at: mark.at,
        };
        Ok(MarkedRead { receipt, grew })
    }

    /// The point in the log at a `seq`; none before the first message.
    pub(crate) async fn count_at(
        &self,
        key: &ConversationKey,
        head: Head,
        seq: u64,
    ) -> DriverResult<Option<Head>> {
        if seq == 0 {
            return Ok(None);
        }
        if seq == head.seq {
            return Ok(Some(head));
        }
        let messages = &self.mongo().collections().await?.messages;
        let message = messages
            .find_one(doc! { "c": object_id(key.id()), "seq": number(seq) })
            .await?;
        message
            .map(|message| Some(message.head()))
            .ok_or_else(|| Trouble::Missing.into())
    }

    async fn grow_mark(
        &self,
        key: &ConversationKey,
        reader: Party,
        target: Head,
    ) -> DriverResult<Option<StoredConversation>> {
        let field = mark_field(reader);
        let (seq, other_count) = (number(target.seq), number(target.counts.of(reader.other())));
        let behind = doc! { "_id": object_id(key.id()), format!("{field}.seq"): { "$lt": seq } };
        let now = date(self.now());
        let mark = doc! {
            "$set": { field: { "seq": seq, "n": other_count, "at": now }, "readAt": now },
        };
        let conversations = &self.mongo().collections().await?.conversations;
        conversations
            .find_one_and_update(behind, mark)
            .return_document(ReturnDocument::After)
            .await
    }
}
