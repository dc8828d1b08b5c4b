use std::borrow::Cow;

use messaging_domain::ConversationId;
use messaging_wire::Fault;
use messaging_wire::command::name;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::Answer;
use crate::app::Gateway;
use crate::client::Client;

/// The part of a message to be sent that the gateway looks at.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct About<'a> {
    #[serde(borrow)]
    conversation_id: Cow<'a, str>,
}

impl Gateway {
    /// `send_message`: what is wrong with it, the API replica says.
    pub(super) async fn send_message(
        &self,
        client: &Client,
        data: &RawValue,
        answer: &Answer<'_>,
    ) -> Result<(), Fault> {
        let about = serde_json::from_str::<About<'_>>(data.get()).ok();
        let Some(conversation) = about.and_then(|about| about.conversation_id.parse().ok()) else {
            return self.forward(client, name::SEND_MESSAGE, data, answer).await;
        };
        let command = name::SEND_MESSAGE;
        self.forward_message(client, (command, conversation), data, answer)
            .await
    }

    /// As [`forward`](Self::forward), by the replica that the conversation's other messages go to.
    pub(super) async fn forward_message(
        &self,
        client: &Client,
        (command, conversation): (&str, ConversationId),
        data: &RawValue,
        answer: &Answer<'_>,
    ) -> Result<(), Fault> {
        let sent = self.api.message(command, conversation, &client.user, data);
        answer.pass_on(&sent.await?);
        Ok(())
    }

    /// Has an API replica do what the event says, and passes its answer on.
    pub(super) async fn forward(
        &self,
        client: &Client,
        command: &str,
        data: &RawValue,
        answer: &Answer<'_>,
    ) -> Result<(), Fault> {
        let acknowledgement = self.api.client_event(command, &client.user, data).await?;
        answer.pass_on(&acknowledgement);
        Ok(())
    }
}
