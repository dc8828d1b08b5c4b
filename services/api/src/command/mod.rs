//! What gateways ask for over the bus.

mod metrics;

use bytes::Bytes;
use messaging_bus::CommandHandler;
use messaging_domain::UserId;
use messaging_wire::command::{
    HistoryAfter, PresenceChanged, Reply, UserCommand, View, Viewed, name,
};
use messaging_wire::request::{CreateMessage, GetPresence, MarkAsRead, SendMessage};
use messaging_wire::{ErrorCode, Fault};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

pub(crate) use metrics::CommandMetrics;

use crate::usecase::{Fields, Messaging, Refusal};

/// Answers the commands.
pub(crate) struct Commands {
    messaging: Messaging,
    metrics: CommandMetrics,
}

impl Commands {
    pub(crate) const fn new(messaging: Messaging, metrics: CommandMetrics) -> Self {
        Self { messaging, metrics }
    }

    async fn client_event(&self, name: &str, payload: &[u8]) -> Result<serde_json::Value, Fault> {
        let command: UserCommand<'_> = serde_json::from_slice(payload).map_err(not_ours)?;
        let (user, data) = (&command.user, command.data.get());
        match name {
            name::SEND_MESSAGE => self.send_message(user, &parse(data)?).await,
            name::CREATE_MESSAGE => self.create_message(user, &parse(data)?).await,
            name::MARK_AS_READ => self.mark_as_read(user, &parse(data)?).await,
            name::GET_PRESENCE => self.presence(user, &parse(data)?).await,
            _ => Err(Fault::new(
                ErrorCode::UnknownEvent,
                "there is no such event",
            )),
        }
    }

    async fn send_message(
        &self,
        user: &UserId,
        request: &SendMessage,
    ) -> Result<serde_json::Value, Fault> {
        let sent = self
            .messaging
            .send_message(user, request)
            .await
            .map_err(Refusal::into_fault)?;
        Ok(acknowledgement(
            json!({ "message": sent.message }),
            sent.duplicate,
        ))
    }

    async fn create_message(
        &self,
        user: &UserId,
        request: &CreateMessage,
    ) -> Result<serde_json::Value, Fault> {
        let created = self
            .messaging
            .create_message_and_view(user, request)
            .await
            .map_err(Refusal::into_fault)?;
        let values =
            json!({ "message": created.sent.message, "conversation": created.conversation });
        Ok(acknowledgement(values, created.sent.duplicate))
    }

    async fn mark_as_read(
        &self,
        user: &UserId,
        request: &MarkAsRead,
    ) -> Result<serde_json::Value, Fault> {
        let mut fields = Fields::new();
        let id = fields.parse("conversationId", &request.conversation_id);
        let id = fields.finish(id).map_err(Refusal::into_fault)?;
        let receipt = self
            .messaging
            .mark_as_read(user, id, request.up_to_seq)
            .await
            .map_err(Refusal::into_fault)?;
        let values = json!({ "readSeq": receipt.read_seq, "unreadCount": receipt.unread_count, "readAt": receipt.read_at });
        Ok(acknowledgement(values, false))
    }

    async fn presence(
        &self,
        user: &UserId,
        request: &GetPresence,
    ) -> Result<serde_json::Value, Fault> {
        let items = self
            .messaging
            .query_presence(user, &request.user_ids)
            .await
            .map_err(Refusal::into_fault)?;
        Ok(acknowledgement(json!({ "items": items }), false))
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

    async fn presence_changed(&self, payload: &[u8]) -> Result<(), Fault> {
        let change: PresenceChanged = serde_json::from_slice(payload).map_err(not_ours)?;
        self.messaging
            .announce_presence(change)
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
            name::PRESENCE_CHANGED => reply(self.presence_changed(payload).await),
            event => match self.client_event(event, payload).await {
                Ok(values) => (write(&values), None),
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

/// An acknowledgement of success: `ok`, what the event adds, and `duplicate` where it was one.
fn acknowledgement(mut values: serde_json::Value, duplicate: bool) -> serde_json::Value {
    values["ok"] = true.into();
    if duplicate {
        values["duplicate"] = true.into();
    }
    values
}

/// An acknowledgement of failure. It serves as the answer to a command of the gateway's own as well: both have `error`.
fn refusal(fault: &Fault) -> Bytes {
    write(&json!({ "ok": false, "error": fault }))
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

fn parse<T: DeserializeOwned>(data: &str) -> Result<T, Fault> {
    let mut reader = serde_json::Deserializer::from_str(data);
    serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        let message = format!("is not valid: {}", error.into_inner());
        Fault::invalid_field(if path == "." { "data".to_owned() } else { path }, message)
    })
}

/// A command that no gateway of this release sends.
fn not_ours(error: serde_json::Error) -> Fault {
    tracing::error!(%error, "a command cannot be read: gateway and API are of different releases");
    Fault::internal()
}
