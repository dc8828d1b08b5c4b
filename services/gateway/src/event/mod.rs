//! What a client's events do, a file for each kind.

mod conversation_catch_up;
mod create_message;
mod forward;
mod join;
mod leave;
pub(crate) mod refresh_token;
mod typing;

use std::sync::Arc;

use messaging_telemetry::trace_span;
use messaging_wire::event::{EXCEPTION, Exception};
use messaging_wire::{ErrorCode, Fault, parse_json};
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use tracing::Instrument;

use crate::app::Gateway;
use crate::application::ClientEvent;
use crate::client::Client;
use crate::connection::{AckId, Class, Connection, EventFrame};

/// The events that clients may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    Join,
    Leave,
    Send,
    /// An API replica does it and answers.
    Forward(&'static str),
    Create,
    Typing,
    RefreshToken,
}

impl Kind {
    fn of(name: &str) -> Option<Self> {
        use messaging_wire::command::name::{
            DELETE_MESSAGE, EDIT_MESSAGE, GET_PRESENCE, MARK_AS_READ,
        };
        Some(match name {
            "join_conversation" => Self::Join,
            "leave_conversation" => Self::Leave,
            "send_message" => Self::Send,
            "create_message" => Self::Create,
            "edit_message" => Self::Forward(EDIT_MESSAGE),
            "delete_message" => Self::Forward(DELETE_MESSAGE),
            "typing" => Self::Typing,
            "mark_as_read" => Self::Forward(MARK_AS_READ),
            "get_presence" => Self::Forward(GET_PRESENCE),
            "refresh_token" => Self::RefreshToken,
            _ => return None,
        })
    }
}

/// Where the answer to an event goes. Dropping it without an answer leaves the client waiting, so each path must use it.
struct Answer<'a> {
    connection: &'a Arc<Connection>,
    event: &'a str,
    ack: Option<AckId>,
}

impl Answer<'_> {
    /// Acknowledges success with these members, as the inside of a JSON object; none is an empty text.
    fn done(&self, members: &str) {
        let Some(ack) = &self.ack else { return };
        let comma = if members.is_empty() { "" } else { "," };
        self.connection
            .acknowledge(ack, &format!(r#"{{"ok":true{comma}{members}}}"#));
    }

    /// Passes on an acknowledgement as an API replica wrote it.
    fn pass_on(&self, json: &str) {
        match &self.ack {
            Some(ack) => self.connection.acknowledge(ack, json),
            None => {
                if let Ok(Refused { ok: false, error }) = serde_json::from_str(json) {
                    self.refused(error);
                }
            }
        }
    }

    /// Tells that the event was refused: by its acknowledgement, or else by an `exception`.
    fn refused(&self, fault: Fault) {
        match &self.ack {
            Some(ack) => {
                let error = serde_json::to_string(&fault).expect("its fields are plain");
                self.connection
                    .acknowledge(ack, &format!(r#"{{"ok":false,"error":{error}}}"#));
            }
            None => {
                let Fault {
                    code,
                    message,
                    errors,
                } = fault;
                let exception = Exception {
                    event: Some(self.event.to_owned()),
                    code,
                    message,
                    errors,
                };
                let json = serde_json::to_string(&exception).expect("its fields are plain");
                self.connection
                    .send(&EventFrame::new(EXCEPTION, json), Class::Durable);
            }
        }
    }
}

/// An acknowledgement of failure.
#[derive(serde::Deserialize)]
struct Refused {
    ok: bool,
    error: Fault,
}

impl Gateway {
    /// Acts on one event of a client.
    pub(crate) async fn handle(&self, client: &Arc<Client>, event: ClientEvent) {
        let answer = Answer {
            connection: &client.connection,
            event: &event.name,
            ack: event.ack.clone(),
        };
        if let Err(fault) = self.try_handle(client, &event, &answer).await {
            answer.refused(fault);
        }
    }

    async fn try_handle(
        &self,
        client: &Arc<Client>,
        event: &ClientEvent,
        answer: &Answer<'_>,
    ) -> Result<(), Fault> {
        client.admit_event()?;
        let kind = Kind::of(&event.name)
            .ok_or_else(|| Fault::new(ErrorCode::UnknownEvent, "there is no such event"))?;
        // The name is one of ours.
        let name = event.name.as_str();
        let span = trace_span!("client_event", otel.kind = "server", name);
        let data = event
            .args
            .first()
            .ok_or_else(|| Fault::invalid_field("data", "must be an object"))?;
        let handled = async {
            match kind {
                Kind::Join => self.join(client, &parse(data)?, answer).await,
                Kind::Leave => self.leave(client, &parse(data)?, answer).await,
                Kind::Forward(command) => self.forward(client, command, data, answer).await,
                Kind::Send => self.send_message(client, data, answer).await,
                Kind::Create => self.create_message(client, data, answer).await,
                Kind::Typing => self.typing(client, &parse(data)?, answer).await,
                Kind::RefreshToken => self.refresh_token(client, &parse(data)?, answer).await,
            }
        };
        handled.instrument(span).await
    }
}

/// Reads the data of an event.
fn parse<T: DeserializeOwned>(data: &RawValue) -> Result<T, Fault> {
    parse_json(data.get().as_bytes(), "data")
}

/// Reads an id out of the data of an event.
fn parse_id<T>(field: &str, text: &str) -> Result<T, Fault>
where
    T: std::str::FromStr,
    T::Err: std::fmt::Display,
{
    text.parse()
        .map_err(|error| Fault::invalid_field(field, error))
}
