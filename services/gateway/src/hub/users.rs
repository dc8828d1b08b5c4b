use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use messaging_domain::UserId;
use parking_lot::Mutex;

use crate::connection::{Class, Connection, EventFrame};

const SHARD_COUNT: usize = 64;

/// The connections of each user on this gateway.
#[derive(Debug)]
pub(crate) struct Users {
    shards: Box<[Mutex<HashMap<UserId, Vec<Arc<Connection>>>>]>,
    hasher: RandomState,
}

impl Users {
    pub(crate) fn new() -> Self {
        Self {
            shards: (0..SHARD_COUNT).map(|_| Mutex::default()).collect(),
            hasher: RandomState::new(),
        }
    }

    /// Adds a connection of a user.
    pub(crate) fn add(&self, user: &UserId, connection: &Arc<Connection>) {
        self.shard(user)
            .lock()
            .entry(user.clone())
            .or_default()
            .push(Arc::clone(connection));
    }

    /// Takes a connection of a user away.
    pub(crate) fn remove(&self, user: &UserId, connection: &Arc<Connection>) {
        if let Entry::Occupied(mut entry) = self.shard(user).lock().entry(user.clone()) {
            entry
                .get_mut()
                .retain(|other| !Arc::ptr_eq(other, connection));
            if entry.get().is_empty() {
                entry.remove();
            }
        }
    }

    /// Sends an event to those connections of a user for which `wants` holds.
    pub(crate) fn send(
        &self,
        user: &UserId,
        frame: &EventFrame,
        class: Class,
        wants: impl Fn(&Arc<Connection>) -> bool,
    ) {
        // Copied out: what `wants` looks at has locks of its own.
        let connections = self
            .shard(user)
            .lock()
            .get(user)
            .cloned()
            .unwrap_or_default();
        connections
            .iter()
            .filter(|connection| wants(connection))
            .for_each(|connection| connection.send(frame, class));
    }

    fn shard(&self, user: &UserId) -> &Mutex<HashMap<UserId, Vec<Arc<Connection>>>> {
        &self.shards[self.hasher.hash_one(user) as usize % SHARD_COUNT]
    }
}
