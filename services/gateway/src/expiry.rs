use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use messaging_domain::Timestamp;
use messaging_lifecycle::{Tasks, now};
use messaging_wire::event::TOKEN_EXPIRED;
use parking_lot::Mutex;

use crate::client::Client;
use crate::connection::{Class, CloseReason, EventFrame};

/// How often the connections whose token has expired are looked for.
const CHECK_INTERVAL: Duration = Duration::from_millis(250);

/// Ends connections whose token has expired.
#[derive(Clone, Default)]
pub(crate) struct Expiry {
    watched: Arc<Mutex<BTreeMap<Key, Arc<Client>>>>,
}

/// When a token expires, and the connection's id to tell those apart that expire together.
type Key = (Timestamp, Box<str>);

impl Expiry {
    /// Begins to look, until the tasks are asked to stop.
    pub(crate) fn start(tasks: &Tasks) -> Self {
        let expiry = Self::default();
        let (checking, stopping) = (expiry.clone(), tasks.stopping().clone());
        tasks.spawn("token expiry", async move {
            let mut ticks = tokio::time::interval(CHECK_INTERVAL);
            loop {
                tokio::select! {
                    _ = ticks.tick() => checking.close_expired(now()),
                    () = stopping.cancelled() => return,
                }
            }
        });
        expiry
    }

    /// Watches over a client until its token expires.
    pub(crate) fn watch(&self, client: &Arc<Client>) {
        self.watched.lock().insert(key(client), Arc::clone(client));
    }

    /// Gives a client that is watched over another time.
    pub(crate) fn move_to(&self, client: &Arc<Client>, at: Timestamp) {
        let mut watched = self.watched.lock();
        watched.remove(&key(client));
        client.set_expires_at(at);
        watched.insert(key(client), Arc::clone(client));
    }

    /// Watches over a client no more.
    pub(crate) fn forget(&self, client: &Client) {
        self.watched.lock().remove(&key(client));
    }

    fn close_expired(&self, now: Timestamp) {
        let event = EventFrame::new(TOKEN_EXPIRED, "{}");
        let mut watched = self.watched.lock();
        while let Some(next) = watched.first_entry() {
            if next.key().0 > now {
                return;
            }
            let client = next.remove();
            client.connection.send(&event, Class::Durable);
            client.connection.close(CloseReason::TokenExpired);
        }
    }
}

fn key(client: &Client) -> Key {
    (client.expires_at(), client.connection.id().into())
}
