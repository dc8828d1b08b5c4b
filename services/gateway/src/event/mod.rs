//! What a client's events do, a file for each kind.

mod conversation_catch_up;
mod create_message;
mod forward;
mod join;
mod leave;
pub(crate) mod refresh_token;
mod typing;

use std::sync::{Arc, OnceLock};

use messaging_telemetry::trace_span;
use messaging_wire::command::name::{
    CREATE_MESSAGE, DELETE_MESSAGE, EDIT_MESSAGE, GET_PRESENCE, MARK_AS_READ, SEND_MESSAGE,
};
use messaging_wire::event::{EXCEPTION, Exception};
use messaging_wire::{ErrorCode, Fault, parse_json};
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use tokio::time::Instant;
use tracing::Instrument;

use crate::app::Gateway;
use crate::application::ClientEvent;
use crate::client::Client;
use crate::client_metrics::Outcome;
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
        Some(match name {
            "join_conversation" => Self::Join,
            "leave_conversation" => Self::Leave,
            SEND_MESSAGE => Self::Send,
            CREATE_MESSAGE => Self::Create,
            EDIT_MESSAGE => Self::Forward(EDIT_MESSAGE),
            DELETE_MESSAGE => Self::Forward(DELETE_MESSAGE),
            "typing" => Self::Typing,
            MARK_AS_READ => Self::Forward(MARK_AS_READ),
            GET_PRESENCE => Self::Forward(GET_PRESENCE),
            "refresh_token" => Self::RefreshToken,
            _ => return None,
        })
    }

    /// The word for it in metrics: that of the event.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Join => "join_conversation",
            Self::Leave => "leave_conversation",
            Self::Send => SEND_MESSAGE,
            Self::Forward(command) => command,
            Self::Create => CREATE_MESSAGE,
            Self::Typing => "typing",
            Self::RefreshToken => "refresh_token",
        }
    }
}

/// Where the answer to an event goes. Dropping it without an answer leaves the client waiting, so each path must use it.
struct Answer<'a> {
    connection: &'a Arc<Connection>,
    event: &'a str,
    ack: Option<AckId>,
    /// How it was refused, if it was.
    refused: OnceLock<Outcome>,
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
        // Most say that it is done, and are not read here. A test of the API holds how a refusal begins.
        let refusal = json.starts_with(r#"{"ok":false"#).then_some(json);
        let refusal = refusal.and_then(|json| serde_json::from_str::<Refused>(json).ok());
        match (&self.ack, refusal) {
            (Some(ack), refusal) => {
                if let Some(Refused { error }) = refusal {
                    self.note_refusal(error.code);
                }
                self.connection.acknowledge(ack, json);
            }
            (None, Some(Refused { error })) => self.refused(error),
            (None, None) => {}
        }
    }

    fn note_refusal(&self, code: ErrorCode) {
        // Each event is answered once.
        let _already = self.refused.set(Outcome::of(code));
    }

    /// Tells that the event was refused: by its acknowledgement, or else by an `exception`.
    fn refused(&self, fault: Fault) {
        self.note_refusal(fault.code);
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
    error: Fault,
}

impl Gateway {
    /// Acts on one event of a client.
    pub(crate) async fn handle(&self, client: &Arc<Client>, event: ClientEvent) {
        let answer = Answer {
            connection: &client.connection,
            event: &event.name,
            ack: event.ack.clone(),
            refused: OnceLock::new(),
        };
        let (kind, began) = (Kind::of(&event.name), Instant::now());
        if let Err(fault) = self.try_handle(client, kind, &event, &answer).await {
            answer.refused(fault);
        }
        let outcome = answer.refused.get().copied().unwrap_or(Outcome::Ok);
        let name = kind.map_or("unknown", Kind::as_str);
        self.metrics.answered(name, outcome, began);
    }

    async fn try_handle(
        &self,
        client: &Arc<Client>,
        kind: Option<Kind>,
        event: &ClientEvent,
        answer: &Answer<'_>,
    ) -> Result<(), Fault> {
        client.admit_event()?;
        let kind =
            kind.ok_or_else(|| Fault::new(ErrorCode::UnknownEvent, "there is no such event"))?;
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
