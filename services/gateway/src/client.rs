use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use messaging_auth::Revocations;
use messaging_domain::{Bucket, ConversationId, Rate, Timestamp, TokenMark, UserId};
use messaging_wire::{ErrorCode, Fault};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::connection::Connection;
use crate::recovery::Stored;

/// A connection that was let in, and what it has done since.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) connection: Arc<Connection>,
    pub(crate) user: UserId,
    expires_at: AtomicI64,
    opened: Instant,
    rate: Option<Rate>,
    stored: OnceLock<Stored>,
    is_gone: AtomicBool,
    gone: Notify,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Of the token by which it may stay.
    mark: TokenMark,
    bucket: Bucket,
    /// The conversations it has joined or is joining, and after which `seq` it has all of each.
    joined: HashMap<ConversationId, u64>,
    /// The conversations it types in.
    typing: HashSet<ConversationId>,
    /// Where it stands in conversations that it had joined before, and must be given the rest of.
    owed: Vec<(ConversationId, u64)>,
}

/// The most conversations that one connection is remembered to type in; the signals of others lapse.
const TYPING_MAX: usize = 16;

impl Client {
    pub(crate) fn new(
        connection: &Arc<Connection>,
        user: UserId,
        (expires_at, mark): (Timestamp, TokenMark),
        rate: Option<Rate>,
        stored: Option<Stored>,
    ) -> Arc<Self> {
        Arc::new(Self {
            connection: Arc::clone(connection),
            user,
            expires_at: AtomicI64::new(expires_at.millis()),
            opened: Instant::now(),
            rate,
            stored: stored.map(OnceLock::from).unwrap_or_default(),
            is_gone: AtomicBool::new(false),
            gone: Notify::new(),
            state: Mutex::new(State {
                mark,
                ..State::default()
            }),
        })
    }

    /// By what it can be told whether its token was revoked.
    pub(crate) fn mark(&self) -> TokenMark {
        self.state.lock().mark.clone()
    }

    pub(crate) fn set_mark(&self, mark: TokenMark) {
        self.state.lock().mark = mark;
    }

    /// Whether its token was revoked.
    pub(crate) fn is_void(&self, revocations: &Revocations) -> bool {
        revocations.void(&self.user, &self.state.lock().mark)
    }

    /// How far its record is written, if it can be recovered.
    pub(crate) fn stored(&self) -> Option<&Stored> {
        self.stored.get()
    }

    /// Notes the record of a client that has come from another gateway. Only the first call counts.
    pub(crate) fn set_stored(&self, stored: Stored) {
        let _already = self.stored.set(stored);
    }

    /// How long it must pause until it may send a whole burst again.
    pub(crate) fn spent_ms(&self) -> u64 {
        let lacks = self.state.lock().bucket.lacks(self.opened.elapsed());
        u64::try_from(lacks.as_millis()).unwrap_or(u64::MAX)
    }

    /// Counts what it has sent at another gateway.
    pub(crate) fn set_spent_ms(&self, spent: u64) {
        let full_at = self.opened.elapsed() + Duration::from_millis(spent);
        self.state.lock().bucket = Bucket::full_at(full_at);
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

    /// Notes that it stands at a `seq` of a conversation, and must be given the rest before anything else.
    pub(crate) fn owe(&self, conversation: ConversationId, at: u64) {
        self.state.lock().owed.push((conversation, at));
    }

    /// What it must be given, once.
    pub(crate) fn take_owed(&self) -> Vec<(ConversationId, u64)> {
        std::mem::take(&mut self.state.lock().owed)
    }

    /// Notes that it is no longer counted anywhere.
    pub(crate) fn set_gone(&self) {
        self.is_gone.store(true, Ordering::Release);
        self.gone.notify_waiters();
    }

    /// Waits until it is no longer counted anywhere.
    pub(crate) async fn gone(&self) {
        let mut gone = std::pin::pin!(self.gone.notified());
        gone.as_mut().enable();
        if !self.is_gone.load(Ordering::Acquire) {
            gone.await;
        }
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
