use std::collections::{HashMap, HashSet};

use futures_util::TryStreamExt;
use messaging_domain::{Party, Timestamp, unread_count};
use messaging_wire::ReadReceipt;
use mongodb::bson::doc;
use mongodb::bson::oid::ObjectId;
use mongodb::error::Result as DriverResult;

use crate::change::Changed;
use crate::commit::Committed;
use crate::model::{StoredConversation, StoredMessage, date};
use crate::summary::{Summary, write_summaries};
use crate::{ConversationKey, Store, StoreError};

/// How many milliseconds the clock of a replica may be ahead for its messages to be found.
///
/// Ids that an import has kept may hold any time. One far ahead must not look like the latest until then.
const AHEAD_MAX: i64 = 3_600_000;

impl Store {
    /// The messages that any replica stored since a time, the latest `limit` of them; those of a conversation by `seq`.
    ///
    /// For publishing anew what a dead replica may have stored and not published. Brings the summaries of those conversations
    /// up to them as well. Goes by the clocks of the replicas, in whole seconds: ask from a little earlier than needed. A clock
    /// that is more than an hour ahead is not believed.
    ///
    /// # Errors
    /// When MongoDB does not answer.
    pub async fn recent(&self, since: Timestamp, limit: u32) -> Result<Vec<Committed>, StoreError> {
        self.mongo().fenced(self.stored_since(since, limit)).await
    }

    /// The messages that were edited or deleted since a time, the latest `limit` of them, the earliest change first; each as it is
    /// now.
    ///
    /// Goes by the clocks of the replicas: ask from a little earlier than needed.
    ///
    /// # Errors
    /// When MongoDB does not answer.
    pub async fn recent_changes(
        &self,
        since: Timestamp,
        limit: u32,
    ) -> Result<Vec<Changed>, StoreError> {
        self.mongo().fenced(self.changed_since(since, limit)).await
    }

    async fn changed_since(&self, since: Timestamp, limit: u32) -> DriverResult<Vec<Changed>> {
        let collections = self.mongo().collections().await?;
        let found: Vec<StoredMessage> = collections
            .messages
            .find(doc! { "changedAt": { "$gte": date(since) } })
            .sort(doc! { "changedAt": -1 })
            .limit(i64::from(limit.max(1)))
            .await?
            .try_collect()
            .await?;
        let ids = found.iter().map(|message| message.c);
        let conversations = self.conversations_by_id(ids.collect()).await?;
        let changed = found.into_iter().rev().filter_map(|message| {
            let (key, _) = conversations.get(&message.c)?;
            Some(Changed {
                version: message.changes,
                message: message.into_wire(key),
            })
        });
        Ok(changed.collect())
    }

    /// How far those have read who read further since a time; of at most `limit` conversations, those that were read last.
    ///
    /// Goes by the clocks of the replicas: ask from a little earlier than needed.
    ///
    /// # Errors
    /// When MongoDB does not answer.
    pub async fn recent_reads(
        &self,
        since: Timestamp,
        limit: u32,
    ) -> Result<Vec<ReadReceipt>, StoreError> {
        self.mongo().fenced(self.read_since(since, limit)).await
    }

    async fn read_since(&self, since: Timestamp, limit: u32) -> DriverResult<Vec<ReadReceipt>> {
        let conversations: Vec<StoredConversation> = self
            .mongo()
            .collections()
            .await?
            .conversations
            .find(doc! { "readAt": { "$gte": date(since) } })
            .sort(doc! { "readAt": -1 })
            .limit(i64::from(limit.max(1)))
            .await?
            .try_collect()
            .await?;
        let marks = conversations.iter().flat_map(|stored| {
            [Party::Client, Party::Freelancer].map(|reader| (stored, reader, stored.mark(reader)))
        });
        let late = marks.filter(|(.., mark)| mark.at.is_some_and(|at| at >= since));
        let receipts = late.map(|(stored, reader, mark)| {
            let key = stored.key();
            ReadReceipt {
                conversation_id: key.id(),
                user_id: key.parties().user(reader).clone(),
                read_seq: mark.seq,
                unread_count: unread_count(stored.head().counts, reader, mark),
                read_at: mark.at,
            }
        });
        Ok(receipts.collect())
    }

    async fn conversations_by_id(
        &self,
        ids: HashSet<ObjectId>,
    ) -> DriverResult<HashMap<ObjectId, (ConversationKey, StoredConversation)>> {
        let ids: Vec<ObjectId> = ids.into_iter().collect();
        let conversations: Vec<StoredConversation> = self
            .mongo()
            .collections()
            .await?
            .conversations
            .find(doc! { "_id": { "$in": ids } })
            .await?
            .try_collect()
            .await?;
        Ok(conversations
            .into_iter()
            .map(|stored| (stored.id, (stored.key(), stored)))
            .collect())
    }

    async fn stored_since(&self, since: Timestamp, limit: u32) -> DriverResult<Vec<Committed>> {
        let collections = self.mongo().collections().await?;
        let until = Timestamp::from_millis(self.now().millis() + AHEAD_MAX);
        let mut found: Vec<StoredMessage> = collections
            .messages
            .find(doc! { "_id": { "$gte": first_id_at(since), "$lt": first_id_at(until) } })
            .sort(doc! { "_id": -1 })
            .limit(i64::from(limit.max(1)))
            .await?
            .try_collect()
            .await?;
        found.sort_by_key(|message| (message.c, message.seq));
        let stretches = || found.chunk_by(|one, next| one.c == next.c);
        write_summaries(self.mongo(), stretches().filter_map(Summary::after)).await?;

        let ids = stretches().filter_map(|stretch| Some(stretch.first()?.c));
        let conversations = self.conversations_by_id(ids.collect()).await?;
        let committed = found.into_iter().filter_map(|message| {
            let (key, conversation) = conversations.get(&message.c)?;
            committed_as(message, key, conversation)
        });
        Ok(committed.collect())
    }
}

/// A stored message as the hook gets it; none if its sender is no party, which no store has written.
pub(crate) fn committed_as(
    message: StoredMessage,
    key: &ConversationKey,
    conversation: &StoredConversation,
) -> Option<Committed> {
    let recipient = message.sender_party(key)?.other();
    let recipient_unread = unread_count(message.counts(), recipient, conversation.mark(recipient));
    Some(Committed {
        message: message.into_wire(key),
        parties: key.parties().clone(),
        recipient_unread,
        committed_at: None,
        trace: None,
    })
}

/// The smallest id that a message stored in this second or later can have.
fn first_id_at(time: Timestamp) -> ObjectId {
    let seconds = u32::try_from(time.millis().div_euclid(1000).max(0)).unwrap_or(u32::MAX);
    let mut bytes = [0; 12];
    bytes[..4].copy_from_slice(&seconds.to_be_bytes());
    ObjectId::from_bytes(bytes)
}
