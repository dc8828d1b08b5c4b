use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use messaging_domain::{ConversationId, Timestamp, UserId};
use parking_lot::Mutex;

use super::notified::Notified;
use crate::connection::{Class, Connection, EventFrame};

const SHARD_COUNT: usize = 64;

/// The connections of each user on this gateway.
#[derive(Debug)]
pub(crate) struct Users {
    shards: Box<[Shard]>,
    hasher: RandomState,
}

type Shard = Mutex<HashMap<UserId, Present>>;

/// A user who is connected here.
#[derive(Debug)]
struct Present {
    connections: Vec<Arc<Connection>>,
    since: Timestamp,
    notified: Notified,
}

impl Users {
    pub(crate) fn new() -> Self {
        Self {
            shards: (0..SHARD_COUNT).map(|_| Shard::default()).collect(),
            hasher: RandomState::new(),
        }
    }

    /// Adds a connection of a user.
    pub(crate) fn add(&self, user: &UserId, connection: &Arc<Connection>, now: Timestamp) {
        let mut shard = self.shard(user).lock();
        let present = shard.entry(user.clone()).or_insert_with(|| Present {
            connections: Vec::with_capacity(1),
            since: now,
            notified: Notified::default(),
        });
        present.connections.push(Arc::clone(connection));
    }

    /// Takes a connection of a user away.
    pub(crate) fn remove(&self, user: &UserId, connection: &Arc<Connection>) {
        if let Entry::Occupied(mut entry) = self.shard(user).lock().entry(user.clone()) {
            let connections = &mut entry.get_mut().connections;
            connections.retain(|other| !Arc::ptr_eq(other, connection));
            if connections.is_empty() {
                entry.remove();
            }
        }
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.shards.iter().all(|shard| shard.lock().is_empty())
    }

    /// Whether a user is to be notified of a message: not if he was, and of one that is told of again only if he may have been.
    pub(crate) fn note_notification(
        &self,
        user: &UserId,
        conversation: ConversationId,
        seq: u64,
        repeat_of: Option<Timestamp>,
    ) -> bool {
        self.note(user, repeat_of, |notified| notified.note(conversation, seq))
    }

    /// Whether a user is to be told how far he has read: not if he was told of that or more, and of what is told of again only if
    /// he may have been.
    pub(crate) fn note_read(
        &self,
        user: &UserId,
        conversation: ConversationId,
        seq: u64,
        repeat_of: Option<Timestamp>,
    ) -> bool {
        self.note(user, repeat_of, |notified| {
            notified.note_read(conversation, seq)
        })
    }

    /// Whether a user is to be told that another one came or went: not if he was, and of what is told of again only if he may have
    /// been and was told of nothing later.
    pub(crate) fn note_presence(
        &self,
        user: &UserId,
        of: &UserId,
        at: Timestamp,
        is_repeat: bool,
    ) -> bool {
        self.note(user, is_repeat.then_some(at), |notified| {
            notified.note_presence(of, at, is_repeat)
        })
    }

    fn note(
        &self,
        user: &UserId,
        repeat_of: Option<Timestamp>,
        note: impl FnOnce(&mut Notified) -> bool,
    ) -> bool {
        let mut shard = self.shard(user).lock();
        let Some(present) = shard.get_mut(user) else {
            return false;
        };
        let was_here = repeat_of.is_none_or(|happened_at| present.since <= happened_at);
        was_here && note(&mut present.notified)
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
        let connections = match self.shard(user).lock().get(user) {
            Some(present) => present.connections.clone(),
            None => return,
        };
        for connection in connections.iter().filter(|connection| wants(connection)) {
            connection.send(frame, class);
        }
    }

    fn shard(&self, user: &UserId) -> &Shard {
        &self.shards[self.hasher.hash_one(user) as usize % SHARD_COUNT]
    }
}
