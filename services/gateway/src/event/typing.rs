use std::sync::Arc;

use messaging_bus::{ConversationEvent, Topic, TypingSignal};
use messaging_domain::ConversationId;
use messaging_wire::Fault;
use messaging_wire::request::Typing;

use super::{Answer, parse_id};
use crate::app::Gateway;
use crate::client::Client;

impl Gateway {
    /// `typing`: tells who has joined. It is stored nowhere and may be lost, as the next one comes soon.
    pub(super) async fn typing(
        &self,
        client: &Arc<Client>,
        request: &Typing,
        answer: &Answer<'_>,
    ) -> Result<(), Fault> {
        let conversation = parse_id("conversationId", &request.conversation_id)?;
        self.require_participant(client, conversation).await?;
        client.note_typing(conversation, request.is_typing);
        self.signal_typing(client, conversation, request.is_typing)
            .await;
        answer.done("");
        Ok(())
    }

    /// Tells that a client does not type any more, if it did.
    pub(crate) async fn stop_typing(&self, client: &Client, conversation: ConversationId) {
        if client.note_typing(conversation, false) {
            self.signal_typing(client, conversation, false).await;
        }
    }

    async fn signal_typing(&self, client: &Client, conversation: ConversationId, is_typing: bool) {
        let signal = TypingSignal {
            user_id: client.user.clone(),
            connection_id: client.connection.id().to_owned(),
            is_typing,
        };
        let payload = ConversationEvent::Typing(signal).encode();
        if let Err(error) = self
            .bus
            .publish(&Topic::Conversation(conversation), payload)
            .await
        {
            tracing::debug!(%error, "a typing signal was not published");
        }
    }

    /// Lets only participants pass. Who they are never changes, so it is asked once and remembered for a while.
    async fn require_participant(
        &self,
        client: &Client,
        conversation: ConversationId,
    ) -> Result<(), Fault> {
        let parties = match self.parties.get(&conversation) {
            Some(parties) => parties,
            None => {
                let parties = Arc::new(self.api.view(&client.user, conversation).await?.parties);
                self.parties.insert(conversation, Arc::clone(&parties));
                parties
            }
        };
        if parties.party_of(&client.user).is_some() {
            Ok(())
        } else {
            Err(Fault::not_found())
        }
    }
}
