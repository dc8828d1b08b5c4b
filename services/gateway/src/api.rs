use std::time::Duration;

use bytes::Bytes;
use messaging_bus::presence::{LeaseKind, LeaseTable};
use messaging_bus::{Bus, RequestError, Route};
use messaging_domain::{ConversationId, Timestamp, UserId};
use messaging_wire::Fault;
use messaging_wire::command::{
    HistoryAfter, Missed, PresenceChanged, Reply, Retell, UserCommand, View, Viewed, name,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

/// How long to wait for an API replica. It gives up on MongoDB after 4 s, and so has the time to say so.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(6);

/// The API replicas, as the gateway sees them.
#[derive(Clone)]
pub(crate) struct ApiClient {
    bus: Bus,
    leases: LeaseTable,
}

impl ApiClient {
    pub(crate) const fn new(bus: Bus, leases: LeaseTable) -> Self {
        Self { bus, leases }
    }

    /// Passes a client's event on; the answer is the acknowledgement as the client shall have it.
    pub(crate) async fn client_event(
        &self,
        event: &str,
        user: &UserId,
        data: &RawValue,
    ) -> Result<String, Fault> {
        let command = UserCommand {
            user: user.clone(),
            data,
        };
        acknowledgement(self.request(event, &command).await?)
    }

    /// Passes on an event by which a client sends a message, to the replica that all gateways choose for its conversation.
    ///
    /// One replica alone then numbers the conversation's messages, need not ask MongoDB how far others have come, and stores more
    /// of them at once. Any other can do it as well: one is asked if none can be chosen, or the chosen one is gone.
    pub(crate) async fn message(
        &self,
        event: &str,
        conversation: ConversationId,
        user: &UserId,
        data: &RawValue,
    ) -> Result<String, Fault> {
        let command = payload(&UserCommand {
            user: user.clone(),
            data,
        })?;
        if let Some(replica) = self.leases.choose(LeaseKind::Api, &conversation) {
            let replica = Route::of(&replica);
            let asked = self
                .bus
                .request_at(&replica, event, command.clone(), COMMAND_TIMEOUT);
            match asked.await {
                // It has never reached anybody.
                Err(RequestError::Unserved) => {}
                answer => return acknowledgement(answer.map_err(|error| fault(event, error))?),
            }
        }
        let answer = self.bus.request(event, command, COMMAND_TIMEOUT).await;
        acknowledgement(answer.map_err(|error| fault(event, error))?)
    }

    /// A conversation as a user may see it.
    pub(crate) async fn view(
        &self,
        user: &UserId,
        conversation: ConversationId,
    ) -> Result<Viewed<Box<RawValue>>, Fault> {
        self.query(
            name::VIEW,
            &View {
                user: user.clone(),
                conversation,
            },
        )
        .await
    }

    /// Messages after a `seq`.
    pub(crate) async fn history(
        &self,
        query: &HistoryAfter,
    ) -> Result<Missed<Box<RawValue>>, Fault> {
        self.query(name::HISTORY, query).await
    }

    /// Has what happened since a time published once more.
    pub(crate) async fn retell(&self, since: Timestamp) -> Result<(), Fault> {
        self.query(name::RETELL, &Retell { since }).await
    }

    /// Has everyone concerned told that a user came or went.
    pub(crate) async fn presence_changed(&self, change: &PresenceChanged) -> Result<(), Fault> {
        // Not by a query: before it is said again, it has to be looked whether it still holds.
        let command = name::PRESENCE_CHANGED;
        read(command, &self.request(command, change).await?)
    }

    /// Asks for something that may be done twice.
    async fn query<T: DeserializeOwned>(
        &self,
        command: &str,
        query: &impl Serialize,
    ) -> Result<T, Fault> {
        let answer = self
            .bus
            .query(command, payload(query)?, COMMAND_TIMEOUT)
            .await
            .map_err(|error| fault(command, error))?;
        read(command, &answer)
    }

    async fn request(&self, command: &str, data: &impl Serialize) -> Result<Bytes, Fault> {
        self.bus
            .request(command, payload(data)?, COMMAND_TIMEOUT)
            .await
            .map_err(|error| fault(command, error))
    }
}

fn acknowledgement(answer: Bytes) -> Result<String, Fault> {
    String::from_utf8(answer.into()).map_err(|_| Fault::internal())
}

fn payload(data: &impl Serialize) -> Result<Bytes, Fault> {
    let payload = serde_json::to_vec(data).map_err(|_| Fault::internal())?;
    Ok(payload.into())
}

fn fault(command: &str, error: RequestError) -> Fault {
    if let RequestError::Refused(source) = error {
        tracing::warn!(error = %source, command, "a command was not sent");
    }
    Fault::unavailable()
}

fn read<T: DeserializeOwned>(command: &str, answer: &[u8]) -> Result<T, Fault> {
    match serde_json::from_slice::<Reply<T>>(answer) {
        Ok(reply) => reply.into_result(),
        Err(error) => {
            // An overloaded replica answers every command alike, with an acknowledgement of failure.
            if serde_json::from_slice::<Refused>(answer).is_ok() {
                return Err(Fault::unavailable());
            }
            tracing::error!(%error, command, "an answer cannot be read: gateway and API are of different releases");
            Err(Fault::internal())
        }
    }
}

#[derive(serde::Deserialize)]
struct Refused {
    #[serde(rename = "error")]
    _error: Fault,
}
