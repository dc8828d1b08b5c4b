use messaging_domain::{Content, ConversationId, MessageId, UserId};
use messaging_wire::Message;

use super::{Fields, Messaging, Refusal};

impl Messaging {
    /// Gives a message of the caller's another text, and tells those who joined the conversation.
    ///
    /// # Errors
    /// [`Refusal`].
    #[tracing::instrument(target = "messaging_trace", level = "trace", skip_all)]
    pub(crate) async fn edit_message(
        &self,
        user: &UserId,
        conversation: ConversationId,
        message: MessageId,
        content: &str,
    ) -> Result<Message, Refusal> {
        let mut fields = Fields::new();
        // Whether it may be empty depends on the message's attachments, of which the store knows.
        let content = fields.take("content", Content::parse_optional(content));
        let content = fields.finish(content)?;
        let (key, _) = self.conversation_of(user, conversation).await?;
        let edited = self
            .store
            .edit_message(&key, message, user, &content)
            .await?;
        self.announcer.announce_change(&edited).await;
        Ok(edited.message)
    }

    /// Empties a message of the caller's, and tells those who joined the conversation.
    ///
    /// # Errors
    /// [`Refusal`].
    #[tracing::instrument(target = "messaging_trace", level = "trace", skip_all)]
    pub(crate) async fn delete_message(
        &self,
        user: &UserId,
        conversation: ConversationId,
        message: MessageId,
    ) -> Result<Message, Refusal> {
        let (key, _) = self.conversation_of(user, conversation).await?;
        let deleted = self.store.delete_message(&key, message, user).await?;
        self.announcer.announce_change(&deleted).await;
        Ok(deleted.message)
    }
}
