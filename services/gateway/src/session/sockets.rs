use std::borrow::Borrow;
use std::collections::HashSet;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use parking_lot::Mutex;

use crate::connection::Connection;

const SHARDS: usize = 16;

/// All connections of a process that the application has let in. A clone is another handle on them.
#[derive(Debug, Clone, Default)]
pub struct Sockets(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    refuses_new: AtomicBool,
    count: AtomicUsize,
    shards: [Mutex<HashSet<ById>>; SHARDS],
}

/// A connection that is found by its id.
#[derive(Debug)]
struct ById(Arc<Connection>);

impl Sockets {
    /// No connection yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.count.load(Ordering::Relaxed)
    }

    /// All of them at the moment.
    pub fn connections(&self) -> Vec<Arc<Connection>> {
        let mut connections = Vec::with_capacity(self.count());
        for shard in &self.0.shards {
            connections.extend(
                shard
                    .lock()
                    .iter()
                    .map(|ById(connection)| Arc::clone(connection)),
            );
        }
        connections
    }

    /// The one with this id.
    pub fn find(&self, id: &str) -> Option<Arc<Connection>> {
        self.shard(id)
            .lock()
            .get(id)
            .map(|ById(connection)| Arc::clone(connection))
    }

    /// From now on new ones are refused with 503; those that are there stay.
    pub fn refuse_new(&self) {
        self.0.refuses_new.store(true, Ordering::SeqCst);
    }

    /// Whether new ones are refused.
    pub fn refuses_new(&self) -> bool {
        self.0.refuses_new.load(Ordering::SeqCst)
    }

    /// Adds one, in the place of another one with its id: a recovered connection may come before the one that it follows is gone.
    pub(crate) fn insert(&self, connection: &Arc<Connection>) {
        let mut shard = self.shard(connection.id()).lock();
        if shard.replace(ById(Arc::clone(connection))).is_none() {
            self.0.count.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn remove(&self, connection: &Arc<Connection>) {
        let mut shard = self.shard(connection.id()).lock();
        let is_there = shard
            .get(connection.id())
            .is_some_and(|ById(there)| Arc::ptr_eq(there, connection));
        if is_there {
            shard.remove(connection.id());
            self.0.count.fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn shard(&self, id: &str) -> &Mutex<HashSet<ById>> {
        // Ids are random, so any character spreads them.
        let last = id.as_bytes().last().copied().unwrap_or_default();
        &self.0.shards[usize::from(last) % SHARDS]
    }
}

impl Borrow<str> for ById {
    fn borrow(&self) -> &str {
        self.0.id()
    }
}

impl Hash for ById {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.id().hash(state);
    }
}

impl PartialEq for ById {
    fn eq(&self, other: &Self) -> bool {
        self.0.id() == other.0.id()
    }
}

impl Eq for ById {}
