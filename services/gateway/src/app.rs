use std::sync::Arc;

use messaging_auth::{Identity, Verifier};
use messaging_bus::{Bus, Topic};
use messaging_domain::{ConversationId, Parties};
use messaging_lifecycle::now;
use messaging_wire::event::{CONNECTED, Connected};
use messaging_wire::{ErrorCode, Fault};
use moka::sync::Cache;
use serde::Deserialize;
use thiserror::Error;

use crate::api::ApiClient;
use crate::application::{Application, ClientEvent, OpenRequest};
use crate::client::Client;
use crate::config::ConnectionLimits;
use crate::connection::{Class, CloseReason, Connection, EventFrame};
use crate::event::refresh_token::{refused, unauthorized};
use crate::expiry::Expiry;
use crate::hub::{Rooms, Users};
use crate::interest::Interest;
use crate::presence::{Admission, Presence};
use crate::refill::Refill;

/// Why a gateway cannot run with these settings, whatever NATS does.
#[derive(Debug, Error)]
pub enum GatewayError {
    /// The gateway's name.
    #[error("GATEWAY_ID cannot be used")]
    Name(#[source] messaging_bus::presence::InstanceError),
    /// A metric is registered twice.
    #[error("the metrics cannot be registered")]
    Metrics(#[source] prometheus::Error),
}

/// The gateway as its transports see it.
pub(crate) struct Gateway {
    pub(crate) bus: Bus,
    pub(crate) api: ApiClient,
    pub(crate) verifier: Verifier,
    pub(crate) interest: Interest,
    pub(crate) rooms: Arc<Rooms>,
    pub(crate) users: Arc<Users>,
    pub(crate) refill: Refill,
    pub(crate) presence: Presence,
    pub(crate) expiry: Expiry,
    pub(crate) limits: ConnectionLimits,
    /// The participants of conversations that someone here asked about.
    pub(crate) parties: Cache<ConversationId, Arc<Parties>>,
}

/// The CONNECT payload of Socket.IO, as far as it is known here.
#[derive(Deserialize)]
struct Auth {
    #[serde(default)]
    token: Option<String>,
}

impl Gateway {
    async fn identify(&self, request: &OpenRequest) -> Result<Identity, Fault> {
        let payload = request
            .auth
            .as_ref()
            .and_then(|auth| serde_json::from_str::<Auth>(auth.get()).ok());
        let of_auth = payload.and_then(|auth| auth.token);
        let credentials = &request.credentials;
        let token = of_auth
            .as_ref()
            .or(credentials.authorization.as_ref())
            .or(credentials.subprotocol_token.as_ref())
            .or(credentials.query_token.as_ref())
            .ok_or_else(unauthorized)?;
        self.verifier.verify(token).await.map_err(refused)
    }

    async fn close_client(&self, client: &Arc<Client>) {
        self.expiry.forget(client);
        for conversation in client.typing() {
            self.stop_typing(client, conversation).await;
        }
        for conversation in client.joined() {
            self.end_membership(client, conversation).await;
        }
        self.users.remove(&client.user, &client.connection);
        self.interest
            .release(&Topic::User(client.user.clone()))
            .await;
        self.presence.close(&client.user).await;
    }
}

impl Application for Gateway {
    type Session = Client;

    async fn open(
        &self,
        connection: &Arc<Connection>,
        request: OpenRequest,
    ) -> Result<Arc<Client>, Fault> {
        let identity = self.identify(&request).await?;
        let user = identity.user;
        if self.presence.open(&user).await == Admission::LimitReached {
            return Err(Fault::new(
                ErrorCode::LimitReached,
                "the user has too many connections",
            ));
        }
        if let Err(fault) = self.interest.acquire(Topic::User(user.clone())).await {
            self.presence.close(&user).await;
            return Err(fault);
        }
        self.users.add(&user, connection, now());
        let client = Client::new(connection, user, identity.expires_at, self.limits.rate);
        self.expiry.watch(&client);
        let connected = Connected {
            user_id: client.user.clone(),
            connection_id: connection.id().to_owned(),
            server_time: now(),
        };
        let json = serde_json::to_string(&connected).expect("its fields are plain");
        connection.send(&EventFrame::new(CONNECTED, json), Class::Durable);
        Ok(client)
    }

    async fn event(&self, client: &Arc<Client>, event: ClientEvent) {
        self.handle(client, event).await;
    }

    async fn closed(&self, client: Arc<Client>, reason: CloseReason) {
        tracing::debug!(user.id = %client.user, reason = reason.as_str(), "a connection has ended");
        self.close_client(&client).await;
    }
}
