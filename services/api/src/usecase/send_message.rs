use messaging_domain::{Party, UserId};
use messaging_store::{Appended, Committed, ConversationKey, NewMessage};
use messaging_wire::Message;
use messaging_wire::request::Draft;

use super::validation::CheckedDraft;
use super::{Fields, Messaging, Refusal};
use crate::announcer::Telling;

/// A message that is stored for good.
#[derive(Debug)]
pub(crate) struct Sent {
    /// The message.
    pub(crate) message: Message,
    /// Whether an earlier send with the same `clientMessageId` stored it.
    pub(crate) duplicate: bool,
}

impl Messaging {
    /// Sends a message to a conversation of the sender's.
    ///
    /// # Errors
    /// [`Refusal`]. When it is `Store` with an unavailable store, the message may have been stored all the same: a retry with the
    /// same `clientMessageId` tells.
    #[tracing::instrument(target = "messaging_trace", level = "trace", skip_all)]
    pub(crate) async fn send_message(
        &self,
        sender: &UserId,
        conversation: &str,
        draft: &Draft,
    ) -> Result<Sent, Refusal> {
        let mut fields = Fields::new();
        let id = fields.parse("conversationId", conversation);
        let draft = fields.draft(draft);
        let (id, draft) = fields.finish(id.zip(draft))?;
        let (key, party) = self.conversation_of(sender, id).await?;
        self.append(&key, party, draft).await
    }

    /// Appends a checked draft, and has a duplicate told of again, so that a retry heals what a crash left untold.
    pub(super) async fn append(
        &self,
        key: &ConversationKey,
        party: Party,
        draft: CheckedDraft,
    ) -> Result<Sent, Refusal> {
        let appended = self.append_with_files(key, party, draft).await?;
        let duplicate = appended.duplicate;
        let mut message = appended.message;
        if duplicate {
            let committed = Committed {
                message,
                parties: key.parties().clone(),
                recipient_unread: appended.recipient_unread,
                committed_at: None,
                trace: None,
            };
            self.announcer
                .announce_message(&committed, Telling::Repeat)
                .await;
            message = committed.message;
        }
        Ok(Sent { message, duplicate })
    }

    async fn append_with_files(
        &self,
        key: &ConversationKey,
        party: Party,
        draft: CheckedDraft,
    ) -> Result<Appended, Refusal> {
        let sender = key.parties().user(party);
        let files = &draft.attachments;
        if let Some(attachments) = self.store.attach(key.id(), sender, files).await? {
            let message = NewMessage {
                content: draft.content,
                attachments,
                client_message_id: draft.client_message_id,
            };
            return Ok(self.store.append(key, party, message).await?);
        }
        // A repeated send is answered even if the message was deleted meanwhile, and its files with it.
        let name = draft.client_message_id.ok_or(Refusal::NotFound)?;
        self.store
            .find_appended(key, party, &name, &draft.content, files)
            .await?
            .ok_or(Refusal::NotFound)
    }
}
