use messaging_domain::{ContractId, ConversationId, MilestoneId, UserId};
use messaging_wire::Conversation;
use messaging_wire::request::CreateMessage;

use super::validation::CheckedDraft;
use super::{Fields, Messaging, Refusal, Sent};

/// A message that is stored for good, and its conversation.
#[derive(Debug)]
pub(crate) struct Created {
    /// The message.
    pub(crate) sent: Sent,
    /// The conversation as the sender sees it, with at least that message.
    pub(crate) conversation: Conversation,
}

impl Messaging {
    /// Sends a message to a contract of the sender's, or to a milestone of it; the first one makes the conversation.
    ///
    /// # Errors
    /// [`Refusal`], as for [`Messaging::send_message`].
    #[tracing::instrument(target = "messaging_trace", level = "trace", skip_all)]
    pub(crate) async fn create_message(
        &self,
        sender: &UserId,
        request: CreateMessage,
    ) -> Result<Sent, Refusal> {
        let (contract, milestone, draft) = request.into_parts();
        let mut fields = Fields::new();
        let contract = fields.parse("contractId", &contract);
        let milestone = fields.parse_optional("milestoneId", milestone.as_deref());
        let draft = fields.draft(&draft);
        let (contract, draft) = fields.finish(contract.zip(draft))?;
        if !draft.attachments.is_empty()
            && !self
                .may_be_sent(sender, &contract, milestone.as_ref(), &draft)
                .await?
        {
            return Err(Refusal::NotFound);
        }
        let key = self
            .store
            .open_conversation(&contract, milestone.as_ref(), sender)
            .await?;
        let party = key.parties().party_of(sender).ok_or(Refusal::NotFound)?;
        self.append(&key, party, draft).await
    }

    /// Whether a draft's files are there, or it was sent before: a conversation must not come into being by a message that
    /// cannot be sent.
    async fn may_be_sent(
        &self,
        sender: &UserId,
        contract: &ContractId,
        milestone: Option<&MilestoneId>,
        draft: &CheckedDraft,
    ) -> Result<bool, Refusal> {
        let conversation = ConversationId::derive(contract, milestone);
        // Where there is one already, the send itself asks for the files.
        if self.store.conversation_key(conversation).await?.is_some() {
            return Ok(true);
        }
        let attached = self
            .store
            .attach(conversation, sender, &draft.attachments)
            .await?;
        Ok(attached.is_some())
    }

    /// As [`Messaging::create_message`], and returns the conversation too.
    ///
    /// # Errors
    /// As there.
    #[tracing::instrument(target = "messaging_trace", level = "trace", skip_all)]
    pub(crate) async fn create_message_and_view(
        &self,
        sender: &UserId,
        request: CreateMessage,
    ) -> Result<Created, Refusal> {
        let sent = self.create_message(sender, request).await?;
        let id: ConversationId = sent.message.conversation_id;
        let conversation = self.read_conversation(sender, id).await?;
        Ok(Created { sent, conversation })
    }
}
