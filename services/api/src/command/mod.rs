//! What gateways ask for over the bus.

mod metrics;

use bytes::Bytes;
use messaging_bus::CommandHandler;
use messaging_domain::{ConversationId, MessageId, UserId};
use messaging_wire::command::{
    HistoryAfter, PresenceChanged, Probe, Reply, Retell, UserCommand, View, Viewed, name,
};
use messaging_wire::request::{
    CreateMessage, DeleteMessage, EditMessage, GetPresence, MarkAsRead, SendMessage,
};
use messaging_wire::{Conversation, ErrorCode, Fault, Message, PresenceItem, parse_json};
use serde::Serialize;
use serde::de::DeserializeOwned;

pub(crate) use metrics::CommandMetrics;

use crate::republish::Republisher;
use crate::usecase::{Created, Fields, Messaging, Refusal};

/// Answers the commands.
pub(crate) struct Commands {
    messaging: Messaging,
    republisher: Republisher,
    metrics: CommandMetrics,
}

impl Commands {
    pub(crate) const fn new(
        messaging: Messaging,
        republisher: Republisher,
        metrics: CommandMetrics,
    ) -> Self {
        Self {
            messaging,
            republisher,
            metrics,
        }
    }

    /// Does what a client's event says; the answer is the acknowledgement.
    async fn client_event(&self, name: &str, payload: &[u8]) -> Result<Bytes, Fault> {
        let command: UserCommand<'_> = serde_json::from_slice(payload).map_err(not_ours)?;
        let (user, data) = (&command.user, command.data.get());
        match name {
            name::SEND_MESSAGE => self.send_message(user, parse(data)?).await,
            name::CREATE_MESSAGE => self.create_message(user, parse(data)?).await,
            name::EDIT_MESSAGE => self.edit_message(user, &parse(data)?).await,
            name::DELETE_MESSAGE => self.delete_message(user, &parse(data)?).await,
            name::MARK_AS_READ => self.mark_as_read(user, &parse(data)?).await,
            name::GET_PRESENCE => self.presence(user, &parse(data)?).await,
            _ => Err(Fault::new(
                ErrorCode::UnknownEvent,
                "there is no such event",
            )),
        }
    }

    async fn send_message(&self, user: &UserId, request: SendMessage) -> Result<Bytes, Fault> {
        let (conversation, draft) = request.into_parts();
        let sent = self
            .messaging
            .send_message(user, &conversation, &draft)
            .await
            .map_err(Refusal::into_fault)?;
        Ok(acknowledge(&SentAck {
            message: &sent.message,
            conversation: None,
            duplicate: sent.duplicate,
        }))
    }

    async fn create_message(&self, user: &UserId, request: CreateMessage) -> Result<Bytes, Fault> {
        let Created { sent, conversation } = self
            .messaging
            .create_message_and_view(user, request)
            .await
            .map_err(Refusal::into_fault)?;
        let conversation = Some(&conversation);
        Ok(acknowledge(&SentAck {
            message: &sent.message,
            conversation,
            duplicate: sent.duplicate,
        }))
    }

    async fn edit_message(&self, user: &UserId, request: &EditMessage) -> Result<Bytes, Fault> {
        let (conversation, message) = place(&request.conversation_id, &request.message_id)?;
        let edited = self
            .messaging
            .edit_message(user, conversation, message, &request.content)
            .await
            .map_err(Refusal::into_fault)?;
        Ok(acknowledge(&ChangedAck { message: &edited }))
    }

    async fn delete_message(&self, user: &UserId, request: &DeleteMessage) -> Result<Bytes, Fault> {
        let (conversation, message) = place(&request.conversation_id, &request.message_id)?;
        let deleted = self
            .messaging
            .delete_message(user, conversation, message)
            .await
            .map_err(Refusal::into_fault)?;
        Ok(acknowledge(&ChangedAck { message: &deleted }))
    }

    async fn mark_as_read(&self, user: &UserId, request: &MarkAsRead) -> Result<Bytes, Fault> {
        let mut fields = Fields::new();
        let id = fields.parse("conversationId", &request.conversation_id);
        let id = fields.finish(id).map_err(Refusal::into_fault)?;
        let receipt = self
            .messaging
            .mark_as_read(user, id, request.up_to_seq)
            .await
            .map_err(Refusal::into_fault)?;
        Ok(acknowledge(&receipt))
    }

    async fn presence(&self, user: &UserId, request: &GetPresence) -> Result<Bytes, Fault> {
        let items = self
            .messaging
            .query_presence(user, &request.user_ids)
            .await
            .map_err(Refusal::into_fault)?;
        Ok(acknowledge(&PresenceAck { items: &items }))
    }

    async fn view(&self, payload: &[u8]) -> Result<Viewed<messaging_wire::Conversation>, Fault> {
        let View { user, conversation } = serde_json::from_slice(payload).map_err(not_ours)?;
        let (conversation, parties) = self
            .messaging
            .view_conversation(&user, conversation)
            .await
            .map_err(Refusal::into_fault)?;
        Ok(Viewed {
            last_seq: conversation.last_seq,
            conversation,
            parties,
        })
    }

    async fn history(&self, payload: &[u8]) -> Result<messaging_wire::command::Missed, Fault> {
        let query: HistoryAfter = serde_json::from_slice(payload).map_err(not_ours)?;
        self.messaging
            .missed_messages(&query)
            .await
            .map_err(Refusal::into_fault)
    }

    async fn retell(&self, payload: &[u8]) -> Result<(), Fault> {
        let query: Retell = serde_json::from_slice(payload).map_err(not_ours)?;
        self.republisher.retell(query.since).await
    }

    async fn presence_changed(&self, payload: &[u8]) -> Result<(), Fault> {
        let change: PresenceChanged = serde_json::from_slice(payload).map_err(not_ours)?;
        self.messaging
            .announce_presence(change)
            .await
            .map_err(Refusal::into_fault)
    }

    async fn probe(&self, payload: &[u8]) -> Result<(), Fault> {
        let Probe { gateway, number } = serde_json::from_slice(payload).map_err(not_ours)?;
        let gateway = gateway
            .parse()
            .map_err(|error| Fault::invalid_field("gateway", error))?;
        self.messaging
            .answer_probe(gateway, number)
            .await
            .map_err(Refusal::into_fault)
    }
}

impl CommandHandler for Commands {
    async fn handle(&self, name: &str, payload: &[u8]) -> Bytes {
        let timer = self.metrics.start(name);
        let (answer, outcome) = match name {
            name::VIEW => reply(self.view(payload).await),
            name::HISTORY => reply(self.history(payload).await),
            name::RETELL => reply(self.retell(payload).await),
            name::PRESENCE_CHANGED => reply(self.presence_changed(payload).await),
            name::PROBE => reply(self.probe(payload).await),
            event => match self.client_event(event, payload).await {
                Ok(acknowledgement) => (acknowledgement, None),
                Err(fault) => (refusal(&fault), Some(fault.code)),
            },
        };
        timer.finish(outcome);
        answer
    }

    fn overloaded(&self) -> Bytes {
        refusal(&Fault::unavailable())
    }
}

/// An acknowledgement of success: `ok`, and what the event adds.
#[derive(Serialize)]
struct Acknowledgement<'a, T> {
    ok: bool,
    #[serde(flatten)]
    values: &'a T,
}

#[derive(Serialize)]
struct SentAck<'a> {
    message: &'a Message,
    #[serde(skip_serializing_if = "Option::is_none")]
    conversation: Option<&'a Conversation>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    duplicate: bool,
}

#[derive(Serialize)]
struct ChangedAck<'a> {
    message: &'a Message,
}

#[derive(Serialize)]
struct PresenceAck<'a> {
    items: &'a [PresenceItem],
}

fn acknowledge<T: Serialize>(values: &T) -> Bytes {
    write(&Acknowledgement { ok: true, values })
}

/// An acknowledgement of failure, or the refusal of a command of the gateway's own: both have `error`.
#[derive(Serialize)]
struct RefusedAck<'a> {
    ok: bool,
    error: &'a Fault,
}

fn refusal(fault: &Fault) -> Bytes {
    write(&RefusedAck {
        ok: false,
        error: fault,
    })
}

fn reply<T: Serialize>(result: Result<T, Fault>) -> (Bytes, Option<ErrorCode>) {
    match result {
        Ok(value) => (write(&Reply::Ok(value)), None),
        Err(fault) => {
            let code = fault.code;
            (write(&Reply::<T>::Error(fault)), Some(code))
        }
    }
}

fn write<T: Serialize>(value: &T) -> Bytes {
    serde_json::to_vec(value)
        .expect("answers are plain JSON")
        .into()
}

fn place(conversation: &str, message: &str) -> Result<(ConversationId, MessageId), Fault> {
    let mut fields = Fields::new();
    let conversation = fields.parse("conversationId", conversation);
    let message = fields.parse("messageId", message);
    fields
        .finish(conversation.zip(message))
        .map_err(Refusal::into_fault)
}

fn parse<T: DeserializeOwned>(data: &str) -> Result<T, Fault> {
    parse_json(data.as_bytes(), "data")
}

/// A command that no gateway of this release sends.
fn not_ours(error: serde_json::Error) -> Fault {
    tracing::error!(%error, "a command cannot be read: gateway and API are of different releases");
    Fault::internal()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_known_by_its_beginning() {
        let refused = refusal(&Fault::unavailable());
        assert!(refused.starts_with(br#"{"ok":false"#));
    }
}
