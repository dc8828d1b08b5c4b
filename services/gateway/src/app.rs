use std::pin::pin;
use std::sync::Arc;

use messaging_auth::{Identity, Verifier};
use messaging_bus::{Bus, Topic};
use messaging_domain::{ConversationId, Parties, UserId};
use messaging_lifecycle::now;
use messaging_wire::event::{CONNECTED, Connected};
use messaging_wire::{ErrorCode, Fault};
use moka::sync::Cache;
use serde::Deserialize;
use serde_json::value::RawValue;
use thiserror::Error;
use tokio::time::Instant;

use crate::api::ApiClient;
use crate::application::{Application, ClientEvent, OpenRequest};
use crate::client::Client;
use crate::client_metrics::{ClientMetrics, Connect};
use crate::config::ConnectionLimits;
use crate::connection::{Class, CloseReason, Connection, EventFrame};
use crate::event::refresh_token::{refused, unauthorized};
use crate::expiry::{Expiry, end_revoked};
use crate::hub::{Rooms, Users};
use crate::interest::Interest;
use crate::presence::{Admission, Presence, Replaced};
use crate::recovery::{Claim, Recovery, Stored, Wanted};
use crate::refill::Refill;
use crate::turnstile::Turnstile;

/// Why a gateway cannot run with these settings, whatever NATS does.
#[derive(Debug, Error)]
pub enum GatewayError {
    /// The gateway's name.
    #[error("GATEWAY_ID cannot be used")]
    Name(#[source] messaging_bus::presence::InstanceError),
    /// The NATS client takes no subscription.
    #[error("the gateway cannot listen to the others")]
    Subscribe(#[source] messaging_bus::SubscribeError),
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
    pub(crate) recovery: Recovery,
    pub(crate) expiry: Expiry,
    pub(crate) way_in: Turnstile,
    pub(crate) way_out: Turnstile,
    pub(crate) limits: ConnectionLimits,
    pub(crate) metrics: ClientMetrics,
    /// The participants of conversations that someone here asked about.
    pub(crate) parties: Cache<ConversationId, Arc<Parties>>,
}

/// The CONNECT payload of Socket.IO, as far as it is known here. What is of another type counts as not there: it may be anything.
#[derive(Default, Deserialize)]
struct Auth<'a> {
    #[serde(borrow, default)]
    token: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pid: Option<&'a RawValue>,
    #[serde(borrow, default)]
    offset: Option<&'a RawValue>,
}

impl<'a> Auth<'a> {
    fn of(request: &'a OpenRequest) -> Self {
        let auth = request.auth.as_ref();
        auth.and_then(|auth| serde_json::from_str(auth.get()).ok())
            .unwrap_or_default()
    }
}

fn text(json: Option<&RawValue>) -> Option<String> {
    json.and_then(|json| serde_json::from_str(json.get()).ok())
}

impl Gateway {
    async fn identify(&self, request: &OpenRequest, auth: &Auth<'_>) -> Result<Identity, Fault> {
        let of_auth = text(auth.token);
        let credentials = &request.credentials;
        let token = of_auth
            .as_ref()
            .or(credentials.authorization.as_ref())
            .or(credentials.subprotocol_token.as_ref())
            .or(credentials.query_token.as_ref())
            .ok_or_else(unauthorized)?;
        self.verifier.verify(token).await.map_err(refused)
    }

    /// Takes over the session that a client says it had, if it was this user's and can be gone on with.
    async fn claim(&self, user: &UserId, auth: &Auth<'_>) -> Option<Claim> {
        let (session, offset) = (text(auth.pid)?, text(auth.offset));
        let wanted = Wanted {
            session: &session,
            offset: offset.as_deref(),
        };
        self.recovery.claim(user, wanted).await
    }

    /// Counts a connection of a user and begins to listen for him.
    pub(crate) async fn admit(
        &self,
        user: &UserId,
        replaced: Option<&Replaced>,
    ) -> Result<(), Fault> {
        if self.presence.open(user, replaced).await == Admission::LimitReached {
            return Err(Fault::new(
                ErrorCode::LimitReached,
                "the user has too many connections",
            ));
        }
        if let Err(fault) = self.interest.acquire(Topic::User(user.clone())).await {
            self.presence.close(user).await;
            return Err(fault);
        }
        Ok(())
    }

    fn let_in(
        &self,
        connection: &Arc<Connection>,
        identity: Identity,
        stored: Option<Stored>,
    ) -> Arc<Client> {
        let Identity {
            user,
            expires_at,
            mark,
            ..
        } = identity;
        self.users.add(&user, connection, now());
        let token = (expires_at, mark);
        let client = Client::new(connection, user, token, self.limits.rate, stored);
        self.expiry.watch(&client);
        self.close_if_void(&client);
        self.recovery.keep(&client);
        client
    }

    async fn try_open(
        &self,
        connection: &Arc<Connection>,
        request: &OpenRequest,
    ) -> Result<(Arc<Client>, Connect), Fault> {
        let auth = Auth::of(request);
        // Strangers take no turns.
        let identity = self.identify(request, &auth).await?;
        let opening = pin!(async {
            // Who has gone while he waited may be somewhere else by now, and must not be called back from there.
            if connection.closed() {
                return Err(Fault::unavailable());
            }
            match self.claim(&identity.user, &auth).await {
                Some(claim) => {
                    let client = self.reopen(connection, identity, claim).await;
                    client.map(|client| (client, Connect::Recovered))
                }
                None => {
                    let client = self.open_anew(connection, identity).await;
                    client.map(|client| (client, Connect::Opened))
                }
            }
        });
        self.way_in.pass(opening).await
    }

    /// Ends a connection whose token was revoked between when it was checked and when it was watched over.
    pub(crate) fn close_if_void(&self, client: &Client) {
        if client.is_void(self.verifier.revocations()) {
            end_revoked(client);
        }
    }

    async fn open_anew(
        &self,
        connection: &Arc<Connection>,
        identity: Identity,
    ) -> Result<Arc<Client>, Fault> {
        let (admitted, stored) = tokio::join!(
            self.admit(&identity.user, None),
            self.recovery.begin(connection, &identity.user)
        );
        if let Err(fault) = admitted {
            if let Some(stored) = stored {
                self.recovery.discard(connection, stored);
            }
            return Err(fault);
        }
        let client = self.let_in(connection, identity, stored);
        let connected = Connected {
            user_id: client.user.clone(),
            connection_id: connection.id().to_owned(),
            server_time: now(),
        };
        let json = serde_json::to_string(&connected).expect("its fields are plain");
        connection.send(&EventFrame::new(CONNECTED, json), Class::Durable);
        Ok(client)
    }

    /// Lets a connection go on where another one was. What it missed follows the answer that it is open.
    async fn reopen(
        &self,
        connection: &Arc<Connection>,
        identity: Identity,
        mut claim: Claim,
    ) -> Result<Arc<Client>, Fault> {
        let admitted = self.admit(&identity.user, claim.replaced.as_ref());
        if let Err(fault) = admitted.await {
            self.recovery.give_back(claim);
            return Err(fault);
        }
        self.recovery.resume(connection, &mut claim);
        let client = self.let_in(connection, identity, Some(claim.stored));
        for (conversation, at) in claim.positions {
            client.owe(conversation, at);
            if let Err(fault) = self.rejoin(&client, conversation).await {
                self.close_client(&client, CloseReason::Internal).await;
                return Err(fault);
            }
        }
        Ok(client)
    }

    pub(crate) async fn close_client(&self, client: &Arc<Client>, reason: CloseReason) {
        self.recovery.release(client, reason);
        self.expiry.forget(client);
        for conversation in client.typing() {
            self.stop_typing(client, conversation).await;
        }
        for conversation in client.joined() {
            self.leave_room(client, conversation).await;
        }
        self.forget_user(client).await;
    }

    /// Listens no more for a client's user on its behalf, and counts it no more.
    pub(crate) async fn forget_user(&self, client: &Client) {
        self.users.remove(&client.user, &client.connection);
        self.interest
            .release(&Topic::User(client.user.clone()))
            .await;
        self.presence.close(&client.user).await;
        client.set_gone();
    }
}

impl Application for Gateway {
    type Session = Client;

    async fn open(
        &self,
        connection: &Arc<Connection>,
        request: OpenRequest,
    ) -> Result<Arc<Client>, Fault> {
        let began = Instant::now();
        let (opened, connect) = match self.try_open(connection, &request).await {
            Ok((client, connect)) => (Ok(client), connect),
            Err(fault) => {
                let connect = Connect::Refused(fault.code);
                (Err(fault), connect)
            }
        };
        self.metrics.connected(connect, began);
        opened
    }

    async fn opened(&self, client: &Arc<Client>) {
        for (conversation, at) in client.take_owed() {
            client.note_joined(conversation, at);
            self.give_missed(client, conversation, at).await;
        }
    }

    async fn event(&self, client: &Arc<Client>, event: ClientEvent) {
        self.handle(client, event).await;
    }

    async fn closed(&self, client: Arc<Client>, reason: CloseReason) {
        tracing::debug!(user.id = %client.user, reason = reason.as_str(), "a connection has ended");
        let closing = pin!(self.close_client(&client, reason));
        // Its successor waits for it.
        if reason == CloseReason::Superseded {
            return closing.await;
        }
        self.way_out.pass(closing).await;
    }

    const MOVES: bool = true;

    async fn describe(&self, client: &Arc<Client>) -> Option<Box<RawValue>> {
        self.describe_client(client)
    }

    async fn hand_over(&self, client: Arc<Client>) -> Option<Box<RawValue>> {
        self.give_client(client).await
    }

    async fn prepare(
        &self,
        connection: &Arc<Connection>,
        described: &RawValue,
    ) -> Result<Arc<Client>, Fault> {
        self.expect_client(connection, described).await
    }

    async fn take_over(&self, client: &Arc<Client>, state: &RawValue) -> Result<(), Fault> {
        self.take_client(client, state).await
    }
}
