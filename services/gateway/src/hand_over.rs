//! How a client goes from one gateway to another while it is connected: when its WebSocket comes elsewhere than its polling did.

use std::sync::Arc;

use messaging_bus::presence::Instance;
use messaging_domain::{ConversationId, Timestamp, TokenMark, UserId};
use messaging_lifecycle::now;
use messaging_wire::Fault;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use crate::app::Gateway;
use crate::client::Client;
use crate::connection::{CloseReason, Connection};
use crate::presence::Replaced;
use crate::recovery::Given;

/// What a gateway must know to get ready.
#[derive(Serialize, Deserialize)]
struct Described {
    user: UserId,
    expires_at: Timestamp,
    #[serde(default)]
    mark: TokenMark,
    /// Where the connection is counted until it is handed over.
    gateway: String,
    conversations: Vec<ConversationId>,
}

/// What a gateway must have to go on.
#[derive(Serialize, Deserialize)]
struct HandedOver {
    /// What the connection has joined and where it stands in it.
    places: Vec<Place>,
    typing: Vec<ConversationId>,
    /// How long its events must pause until it may send a whole burst again.
    spent_ms: u64,
    /// Its record, if it can be recovered.
    record: Option<Given>,
}

#[derive(Serialize, Deserialize)]
struct Place {
    conversation: ConversationId,
    /// It has each message up to this one.
    at: u64,
    /// After which `seq` it has all, by its own word when it joined.
    since: u64,
}

impl Gateway {
    /// What another gateway must know before it is given a client.
    pub(crate) fn describe_client(&self, client: &Client) -> Option<Box<RawValue>> {
        let described = Described {
            user: client.user.clone(),
            expires_at: client.expires_at(),
            mark: client.mark(),
            gateway: self.recovery.instance().to_string(),
            conversations: client.joined(),
        };
        to_raw_value(&described).ok()
    }

    /// Lets go of a client, all at once in each room, and says where it stands.
    pub(crate) async fn give_client(&self, client: Arc<Client>) -> Option<Box<RawValue>> {
        self.expiry.forget(&client);
        let record = self.recovery.give(&client).await;
        let mut places = Vec::new();
        let mut is_whole = true;
        for conversation in client.joined() {
            let since = client.joined_since(conversation).unwrap_or(0);
            match self.leave_room(&client, conversation).await {
                Some(at) => places.push(Place {
                    conversation,
                    at,
                    since,
                }),
                // It is not told where it stands, so nobody could go on there.
                None => is_whole = false,
            }
        }
        let handed = HandedOver {
            places,
            typing: client.typing(),
            spent_ms: client.spent_ms(),
            record,
        };
        self.forget_user(&client).await;
        to_raw_value(&handed).ok().filter(|_| is_whole)
    }

    /// Gets ready for a client: what happens from here on is held for it.
    pub(crate) async fn expect_client(
        &self,
        connection: &Arc<Connection>,
        described: &RawValue,
    ) -> Result<Arc<Client>, Fault> {
        let described: Described =
            serde_json::from_str(described.get()).map_err(|_| Fault::internal())?;
        let gateway: Instance = described.gateway.parse().map_err(|_| Fault::internal())?;
        self.admit(&described.user, Some(&Replaced::Connection(gateway)))
            .await?;
        let client = Client::new(
            connection,
            described.user,
            (described.expires_at, described.mark),
            self.limits.rate,
            None,
        );
        self.users.add(&client.user, connection, now());
        self.expiry.watch(&client);
        self.close_if_void(&client);
        for conversation in described.conversations {
            if let Err(fault) = self.rejoin(&client, conversation).await {
                self.close_client(&client, CloseReason::Internal).await;
                return Err(fault);
            }
        }
        Ok(client)
    }

    /// Goes on with a client where the other gateway was.
    pub(crate) async fn take_client(
        &self,
        client: &Arc<Client>,
        handed: &RawValue,
    ) -> Result<(), Fault> {
        let handed: HandedOver =
            serde_json::from_str(handed.get()).map_err(|_| Fault::internal())?;
        if let Some(given) = handed.record {
            // Another one may have taken the client over by now.
            self.recovery.take(client, given).await.map_err(|error| {
                tracing::debug!(%error, "a client that moves cannot be kept for a recovery");
                Fault::unavailable()
            })?;
        }
        client.set_spent_ms(handed.spent_ms);
        for conversation in handed.typing {
            client.note_typing(conversation, true);
        }
        for place in &handed.places {
            if client.joined_since(place.conversation).is_none() {
                self.rejoin(client, place.conversation).await?;
            }
            client.note_joined(place.conversation, place.since);
            self.give_missed(client, place.conversation, place.at).await;
        }
        let is_joined = |conversation: &ConversationId| {
            let mut places = handed.places.iter();
            places.any(|place| place.conversation == *conversation)
        };
        for conversation in client.joined() {
            if !is_joined(&conversation) {
                self.leave_room(client, conversation).await;
            }
        }
        Ok(())
    }
}
