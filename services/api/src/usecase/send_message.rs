use messaging_domain::{AttachmentId, Party, UserId};
use messaging_store::{ConversationKey, NewMessage};
use messaging_wire::request::Draft;
use messaging_wire::{Attachment, Message};

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
        let attachments = self.attachments(&draft.attachments)?;
        let message = NewMessage {
            content: draft.content,
            attachments,
            client_message_id: draft.client_message_id,
        };
        let appended = self.store.append(key, party, message).await?;
        if appended.duplicate {
            self.announcer
                .announce_message(
                    &appended.message,
                    key.parties(),
                    appended.recipient_unread,
                    Telling::Repeat,
                )
                .await;
        }
        Ok(Sent {
            message: appended.message,
            duplicate: appended.duplicate,
        })
    }

    /// The uploads behind these ids. No upload has been taken yet, so no id names one.
    #[expect(clippy::unused_self, reason = "uploads are the store's to know")]
    fn attachments(&self, ids: &[AttachmentId]) -> Result<Vec<Attachment>, Refusal> {
        if ids.is_empty() {
            Ok(Vec::new())
        } else {
            Err(Refusal::NotFound)
        }
    }
}
