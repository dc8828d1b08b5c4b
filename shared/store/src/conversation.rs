use messaging_domain::{Party, unread_count};
use messaging_wire::{Conversation, Participant};
use mongodb::bson::doc;
use mongodb::error::Result as DriverResult;

use crate::error::Trouble;
use crate::head::last_message;
use crate::model::{StoredConversation, StoredMessage, object_id, timestamp};
use crate::{ConversationKey, Store, StoreError};

impl Store {
    /// A conversation as one of its parties sees it; none before its first message.
    ///
    /// # Errors
    /// When MongoDB does not answer.
    pub async fn conversation(
        &self,
        key: &ConversationKey,
        viewer: Party,
    ) -> Result<Option<Conversation>, StoreError> {
        self.mongo().fenced(self.view(key, viewer)).await
    }

    async fn view(
        &self,
        key: &ConversationKey,
        viewer: Party,
    ) -> DriverResult<Option<Conversation>> {
        // The marks first: a head that is read later is never behind them.
        let stored = self.stored_conversation(key).await?;
        let last = last_message(self.mongo(), key.id()).await?;
        Ok(last.map(|last| seen_by(viewer, key, &stored, last)))
    }

    pub(crate) async fn stored_conversation(
        &self,
        key: &ConversationKey,
    ) -> DriverResult<StoredConversation> {
        let conversations = &self.mongo().collections().await?.conversations;
        let stored = conversations
            .find_one(doc! { "_id": object_id(key.id()) })
            .await?;
        stored.ok_or_else(|| Trouble::Missing.into())
    }
}

/// A conversation from its document and the last message in its log.
///
/// What the log knows is taken from the log; the summary may lag behind it, the log never behind anything.
pub(crate) fn seen_by(
    viewer: Party,
    key: &ConversationKey,
    stored: &StoredConversation,
    last: StoredMessage,
) -> Conversation {
    let head = last.head();
    let participant = |party: Party| {
        let mark = stored.mark(party);
        Participant {
            user_id: key.parties().user(party).clone(),
            role: party,
            read_seq: mark.seq,
            unread_count: unread_count(head.counts, party, mark),
            read_at: mark.at,
        }
    };
    Conversation {
        id: key.id(),
        contract_id: key.contract_id().clone(),
        milestone_id: key.milestone_id().cloned(),
        participants: [participant(Party::Client), participant(Party::Freelancer)],
        last_seq: head.seq,
        unread_count: unread_count(head.counts, viewer, stored.mark(viewer)),
        created_at: timestamp(stored.created_at.unwrap_or(stored.opened_at)),
        updated_at: head.at,
        last_message: Some(last.into_wire(key)),
    }
}
