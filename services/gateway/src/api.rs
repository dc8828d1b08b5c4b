use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use messaging_bus::presence::{Instance, LeaseKind, LeaseTable};
use messaging_bus::{Bus, RequestError, Route};
use messaging_domain::{ConversationId, Timestamp, UserId};
use messaging_wire::command::{
    HistoryAfter, Missed, PresenceChanged, Probe, Reply, Retell, UserCommand, View, Viewed, name,
};
use messaging_wire::{ErrorCode, Fault};
use parking_lot::Mutex;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use tokio::time::Instant;

#[cfg(test)]
mod tests;

/// How long to wait for an API replica. It gives up on MongoDB after 4 s, and so has the time to say so.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(6);

/// How long a replica that could not store a message is not chosen.
const PASSED_OVER_FOR: Duration = Duration::from_secs(5);

/// The API replicas, as the gateway sees them.
#[derive(Clone)]
pub(crate) struct ApiClient {
    bus: Bus,
    leases: LeaseTable,
    passed_over: PassedOver,
}

/// Replicas that live and did not do what they were asked, each until it is chosen again.
#[derive(Clone, Default)]
struct PassedOver(Arc<Mutex<HashMap<Instance, Instant>>>);

impl PassedOver {
    fn add(&self, replica: Instance) {
        let now = Instant::now();
        let mut until = self.0.lock();
        until.retain(|_, until| *until > now);
        until.insert(replica, now + PASSED_OVER_FOR);
    }

    fn has(&self, replica: &Instance) -> bool {
        let until = self.0.lock();
        until
            .get(replica)
            .is_some_and(|until| *until > Instant::now())
    }
}

impl ApiClient {
    pub(crate) fn new(bus: Bus, leases: LeaseTable) -> Self {
        Self {
            bus,
            leases,
            passed_over: PassedOver::default(),
        }
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
    /// of them at once. Any other can do it as well. One that could not, as it has lost MongoDB or has too much to do, is passed over
    /// for a while: who tries again comes to another.
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
        let (chosen, answer) = self.request_chosen(&conversation, event, command).await;
        let could_not = match &answer {
            Ok(acknowledgement) => is_unavailable(acknowledgement),
            Err(error) => matches!(error, RequestError::Timeout),
        };
        if let Some(replica) = chosen.filter(|_| could_not) {
            tracing::debug!(%replica, "an API replica could not store a message and is passed over for a while");
            self.passed_over.add(replica);
        }
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

    /// Has a probe sent the way of a message; it comes back as an event.
    pub(crate) async fn probe(&self, gateway: &Route, number: u64) -> Result<(), Fault> {
        let gateway = gateway.to_string();
        let answer = self
            .request(name::PROBE, &Probe { gateway, number })
            .await?;
        read(name::PROBE, &answer)
    }

    /// Has everyone concerned told that a user came or went.
    pub(crate) async fn presence_changed(&self, change: &PresenceChanged) -> Result<(), Fault> {
        // Not by a query: before it is said again, it has to be looked whether it still holds. And all that concerns a user to one
        // replica, which tells it in order.
        let command = name::PRESENCE_CHANGED;
        let asked = self.request_chosen(&change.user, command, payload(change)?);
        let (_, answer) = asked.await;
        read(command, &answer.map_err(|error| fault(command, error))?)
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

    /// Asks the replica that all gateways choose for a key, or any if none can be chosen or the chosen one is gone; also says which was
    /// chosen and asked.
    async fn request_chosen(
        &self,
        key: &impl Hash,
        command: &str,
        payload: Bytes,
    ) -> (Option<Instance>, Result<Bytes, RequestError>) {
        let is_well = |replica: &Instance| !self.passed_over.has(replica);
        if let Some(replica) = self.leases.choose(LeaseKind::Api, key, is_well) {
            let route = Route::of(&replica);
            let asked = self
                .bus
                .request_at(&route, command, payload.clone(), COMMAND_TIMEOUT);
            match asked.await {
                // It has never reached anybody.
                Err(RequestError::Unserved) => {}
                answer => return (Some(replica), answer),
            }
        }
        let answer = self.bus.request(command, payload, COMMAND_TIMEOUT).await;
        (None, answer)
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

/// Whether an acknowledgement says that the replica could not do it.
fn is_unavailable(acknowledgement: &[u8]) -> bool {
    // Most say that it is done, and are not read here.
    acknowledgement.starts_with(br#"{"ok":false"#)
        && serde_json::from_slice::<Refused>(acknowledgement)
            .is_ok_and(|refused| refused.error.code == ErrorCode::Unavailable)
}

#[derive(serde::Deserialize)]
struct Refused {
    error: Fault,
}
