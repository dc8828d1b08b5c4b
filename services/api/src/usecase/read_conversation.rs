use messaging_domain::{ConversationId, Parties, UserId};
use messaging_wire::Conversation;

use super::{Messaging, Refusal};

impl Messaging {
    /// A conversation as one of its participants sees it.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for whoever is no participant, and as long as there is no message.
    #[tracing::instrument(target = "messaging_trace", level = "trace", skip_all)]
    pub(crate) async fn read_conversation(
        &self,
        user: &UserId,
        id: ConversationId,
    ) -> Result<Conversation, Refusal> {
        self.view_conversation(user, id)
            .await
            .map(|(conversation, _)| conversation)
    }

    /// As [`Messaging::read_conversation`], and returns the parties too.
    ///
    /// # Errors
    /// As there.
    #[tracing::instrument(target = "messaging_trace", level = "trace", skip_all)]
    pub(crate) async fn view_conversation(
        &self,
        user: &UserId,
        id: ConversationId,
    ) -> Result<(Conversation, Parties), Refusal> {
        let (key, party) = self.conversation_of(user, id).await?;
        let conversation = self
            .store
            .conversation(&key, party)
            .await?
            .ok_or(Refusal::NotFound)?;
        Ok((conversation, key.parties().clone()))
    }
}
