use std::sync::Arc;

use messaging_domain::ConversationId;
use messaging_wire::Fault;
use messaging_wire::command::name;
use messaging_wire::request::CreateMessage;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Answer, parse};
use crate::app::Gateway;
use crate::client::Client;

/// The part of the answer that the gateway looks at.
#[derive(Deserialize)]
struct Created {
    ok: bool,
    conversation: Option<Head>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head {
    last_seq: u64,
}

impl Gateway {
    /// `create_message`: sends the message and joins its conversation.
    pub(super) async fn create_message(
        &self,
        client: &Arc<Client>,
        data: &RawValue,
        answer: &Answer<'_>,
    ) -> Result<(), Fault> {
        let request: CreateMessage = parse(data)?;
        // An id that is no id names no conversation: the API replica says so.
        let Some(conversation) = conversation_of(&request) else {
            return self
                .forward(client, name::CREATE_MESSAGE, data, answer)
                .await;
        };
        if client.joined_since(conversation).is_some() {
            let command = name::CREATE_MESSAGE;
            return self
                .forward_message(client, (command, conversation), data, answer)
                .await;
        }
        self.begin_join(client, conversation).await?;
        let acknowledgement = match self
            .api
            .message(name::CREATE_MESSAGE, conversation, &client.user, data)
            .await
        {
            Ok(acknowledgement) => acknowledgement,
            Err(fault) => {
                self.end_membership(client, conversation).await;
                return Err(fault);
            }
        };
        match serde_json::from_str(&acknowledgement) {
            Ok(Created {
                ok: true,
                conversation: Some(head),
            }) => {
                // The message is stored: there is no way back. A record that lacks it counts as stale until it is written.
                let _stale = self
                    .note_membership(client, conversation, head.last_seq)
                    .await;
                client.note_joined(conversation, head.last_seq);
                answer.pass_on(&acknowledgement);
                self.go_live(client, conversation, head.last_seq).await;
            }
            _ => {
                self.end_membership(client, conversation).await;
                answer.pass_on(&acknowledgement);
            }
        }
        Ok(())
    }
}

fn conversation_of(request: &CreateMessage) -> Option<ConversationId> {
    let contract = request.contract_id.parse().ok()?;
    let milestone = match &request.milestone_id {
        Some(milestone) => Some(milestone.parse().ok()?),
        None => None,
    };
    Some(ConversationId::derive(&contract, milestone.as_ref()))
}
