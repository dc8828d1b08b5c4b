use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::client::Client;

/// Locks that the clients are spread over.
const SHARD_COUNT: usize = 64;

/// The clients of this gateway that can be recovered, by the names of their sessions.
pub(super) struct Clients {
    shards: Box<[Shard]>,
}

type Shard = Mutex<HashMap<Box<str>, Arc<Client>>>;

impl Clients {
    pub(super) fn new() -> Self {
        Self {
            shards: (0..SHARD_COUNT).map(|_| Shard::default()).collect(),
        }
    }

    /// Adds one; it takes the place of another one of its session.
    pub(super) fn insert(&self, client: &Arc<Client>) {
        if let Some(recoverable) = client.connection.recoverable() {
            let session = recoverable.session.clone();
            let mut shard = self.shard(&session).lock();
            shard.insert(session, Arc::clone(client));
        }
    }

    /// Takes one away, and only this one.
    pub(super) fn remove(&self, client: &Arc<Client>) {
        if let Some(recoverable) = client.connection.recoverable() {
            let mut shard = self.shard(&recoverable.session).lock();
            let there = shard.get(&*recoverable.session);
            if there.is_some_and(|there| Arc::ptr_eq(there, client)) {
                shard.remove(&*recoverable.session);
            }
        }
    }

    pub(super) fn find(&self, session: &str) -> Option<Arc<Client>> {
        self.shard(session).lock().get(session).cloned()
    }

    /// All for which something holds.
    pub(super) fn filter(&self, wants: impl Fn(&Client) -> bool) -> Vec<Arc<Client>> {
        let mut found = Vec::new();
        for shard in &self.shards {
            let shard = shard.lock();
            found.extend(shard.values().filter(|client| wants(client)).cloned());
        }
        found
    }

    fn shard(&self, session: &str) -> &Shard {
        // Names are random, so any character spreads them.
        let last = session.as_bytes().last().copied().unwrap_or_default();
        &self.shards[usize::from(last) % SHARD_COUNT]
    }
}
