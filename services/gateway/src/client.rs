use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use messaging_domain::{Bucket, ConversationId, Rate, Timestamp, UserId};
use messaging_wire::{ErrorCode, Fault};
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::connection::Connection;

/// A connection that was let in, and what it has done since.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) connection: Arc<Connection>,
    pub(crate) user: UserId,
    expires_at: AtomicI64,
    opened: Instant,
    rate: Option<Rate>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    bucket: Bucket,
    /// The conversations it has joined or is joining, and after which `seq` it has all of each.
    joined: HashMap<ConversationId, u64>,
    /// The conversations it types in.
    typing: HashSet<ConversationId>,
}

/// The most conversations that one connection is remembered to type in; the signals of others lapse.
const TYPING_MAX: usize = 16;

impl Client {
    pub(crate) fn new(
        connection: &Arc<Connection>,
        user: UserId,
        expires_at: Timestamp,
        rate: Option<Rate>,
    ) -> Arc<Self> {
        Arc::new(Self {
            connection: Arc::clone(connection),
            user,
            expires_at: AtomicI64::new(expires_at.millis()),
            opened: Instant::now(),
            rate,
            state: Mutex::default(),
        })
    }

    /// Until when it may stay.
    pub(crate) fn expires_at(&self) -> Timestamp {
        Timestamp::from_millis(self.expires_at.load(Ordering::Relaxed))
    }

    pub(crate) fn set_expires_at(&self, at: Timestamp) {
        self.expires_at.store(at.millis(), Ordering::Relaxed);
    }

    /// Counts an event against the client's rate.
    pub(crate) fn admit_event(&self) -> Result<(), Fault> {
        let Some(rate) = self.rate else { return Ok(()) };
        let now = self.opened.elapsed();
        rate.admit(&mut self.state.lock().bucket, now)
            .map_err(|wait| {
                let message = format!(
                    "too many events on this connection; wait {} ms",
                    wait.as_millis().max(1)
                );
                Fault::new(ErrorCode::RateLimited, message)
            })
    }

    /// After which `seq` it has all of a conversation, if it has joined it.
    pub(crate) fn joined_since(&self, conversation: ConversationId) -> Option<u64> {
        self.state.lock().joined.get(&conversation).copied()
    }

    pub(crate) fn joined_count(&self) -> usize {
        self.state.lock().joined.len()
    }

    pub(crate) fn note_joined(&self, conversation: ConversationId, since: u64) {
        self.state.lock().joined.insert(conversation, since);
    }

    /// Returns whether it had joined.
    pub(crate) fn forget_joined(&self, conversation: ConversationId) -> bool {
        self.state.lock().joined.remove(&conversation).is_some()
    }

    pub(crate) fn joined(&self) -> Vec<ConversationId> {
        self.state.lock().joined.keys().copied().collect()
    }

    /// Notes that it types, or not; returns whether it did before.
    pub(crate) fn note_typing(&self, conversation: ConversationId, is_typing: bool) -> bool {
        let typing = &mut self.state.lock().typing;
        if !is_typing {
            return typing.remove(&conversation);
        }
        if typing.len() < TYPING_MAX {
            !typing.insert(conversation)
        } else {
            typing.contains(&conversation)
        }
    }

    pub(crate) fn typing(&self) -> Vec<ConversationId> {
        self.state.lock().typing.iter().copied().collect()
    }
}
