use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use messaging_auth::Revocations;
use messaging_domain::Timestamp;
use messaging_lifecycle::{Tasks, now};
use messaging_wire::event::TOKEN_EXPIRED;
use parking_lot::Mutex;

use crate::client::Client;
use crate::connection::{Class, CloseReason, EventFrame};

/// How often the connections whose token has expired are looked for.
const CHECK_INTERVAL: Duration = Duration::from_millis(250);

/// How often the connections whose token was revoked are looked for at most.
const REVOCATION_INTERVAL: Duration = Duration::from_millis(50);

/// Ends connections whose token holds no more.
#[derive(Clone, Default)]
pub(crate) struct Expiry {
    watched: Arc<Mutex<BTreeMap<Key, Arc<Client>>>>,
}

/// When a token expires, and the connection's id to tell those apart that expire together.
type Key = (Timestamp, Box<str>);

impl Expiry {
    /// Begins to look, until the tasks are asked to stop.
    pub(crate) fn start(revocations: &Revocations, tasks: &Tasks) -> Self {
        let expiry = Self::default();
        expiry.watch_revocations(revocations, tasks);
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
        let (mut watched, key) = (self.watched.lock(), key(client));
        // A recovered connection has the id of the one before, and often its token, and may come before that one is gone.
        if watched
            .get(&key)
            .is_some_and(|there| std::ptr::eq(&**there, client))
        {
            watched.remove(&key);
        }
    }

    fn watch_revocations(&self, revocations: &Revocations, tasks: &Tasks) {
        let (checking, revocations) = (self.clone(), revocations.clone());
        let mut changes = revocations.changes();
        tasks.spawn_until_stopped("token revocation", async move {
            while changes.changed().await.is_ok() {
                checking.close_revoked(&revocations);
                // What comes in the meantime is looked at together.
                tokio::time::sleep(REVOCATION_INTERVAL).await;
            }
        });
    }

    /// A look at each connection: revocations are rare, and an index of tokens would be paid for by every connection.
    fn close_revoked(&self, revocations: &Revocations) {
        let event = token_expired();
        self.watched.lock().retain(|_, client| {
            let is_void = client.is_void(revocations);
            if is_void {
                end(client, &event, CloseReason::TokenRevoked);
            }
            !is_void
        });
    }

    fn close_expired(&self, now: Timestamp) {
        let event = token_expired();
        let mut watched = self.watched.lock();
        while let Some(next) = watched.first_entry() {
            if next.key().0 > now {
                return;
            }
            let client = next.remove();
            end(&client, &event, CloseReason::TokenExpired);
        }
    }
}

/// Ends a connection whose token was revoked, as if it had expired: whoever has a newer one comes back with it.
pub(crate) fn end_revoked(client: &Client) {
    end(client, &token_expired(), CloseReason::TokenRevoked);
}

fn token_expired() -> EventFrame {
    EventFrame::new(TOKEN_EXPIRED, "{}")
}

fn end(client: &Client, event: &EventFrame, reason: CloseReason) {
    client.connection.send(event, Class::Durable);
    client.connection.close(reason);
}

fn key(client: &Client) -> Key {
    (client.expires_at(), client.connection.id().into())
}

#[cfg(test)]
mod tests {
    use messaging_domain::TokenMark;
    use prometheus::Registry;

    use super::*;
    use crate::connection::{Connection, Dialect, Link, LinkLimits, SocketMetrics};

    fn client(id: &str, expires_at: i64) -> Arc<Client> {
        let metrics = SocketMetrics::register(&Registry::new()).expect("registered once");
        let limits = LinkLimits {
            outbox_bytes_max: 1_000,
        };
        let link = Link::new(limits, Arc::new(metrics));
        let connection = Connection::new(id.into(), Dialect::Plain, link);
        let user = "u".parse().expect("an id");
        Client::new(
            &connection,
            user,
            (Timestamp::from_millis(expires_at), TokenMark::default()),
            None,
            None,
        )
    }

    #[test]
    fn a_connection_that_goes_does_not_take_its_successor_along() {
        let expiry = Expiry::default();
        let (before, after) = (client("same", 1), client("same", 1));
        expiry.watch(&before);
        expiry.watch(&after);
        expiry.forget(&before);
        expiry.close_expired(Timestamp::from_millis(1));
        assert!(after.connection.closed(), "its token has expired");
        expiry.forget(&after);
        assert!(expiry.watched.lock().is_empty());
    }
}
