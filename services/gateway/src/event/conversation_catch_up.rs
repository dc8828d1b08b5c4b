use std::sync::Arc;
use std::time::Duration;

use messaging_bus::Topic;
use messaging_domain::ConversationId;
use messaging_wire::command::{HistoryAfter, LogEntry};
use messaging_wire::event::NEW_MESSAGE;
use messaging_wire::{ErrorCode, Fault};
use serde_json::value::RawValue;

use crate::app::Gateway;
use crate::client::Client;
use crate::connection::{CloseReason, EventFrame};
use crate::hub::{JoinStep, Joining};
use crate::refill::Cause;

/// Messages asked for at a time.
const PAGE: u64 = 100;

/// How long a client may take to make room for the next message of a replay.
const ROOM_TIMEOUT: Duration = Duration::from_secs(20);

/// How often what a joining client misses is asked for before it is closed.
const ATTEMPTS_MAX: u32 = 20;
const RETRY_DELAY: Duration = Duration::from_millis(250);

impl Gateway {
    /// Begins to hold the live events of a conversation for a client, before anything is asked about it.
    ///
    /// # Errors
    /// `limit_reached` and `unavailable`; nothing is held then.
    pub(super) async fn begin_join(
        &self,
        client: &Arc<Client>,
        conversation: ConversationId,
    ) -> Result<(), Fault> {
        let limit = self.limits.conversations_per_connection_max;
        if client.joined_count() >= limit {
            let message = format!("a connection can join at most {limit} conversations");
            return Err(Fault::new(ErrorCode::LimitReached, message));
        }
        self.interest
            .acquire(Topic::Conversation(conversation))
            .await?;
        self.rooms
            .begin_join(conversation, &client.connection, &client.user, Joining::New);
        client.note_joined(conversation, u64::MAX);
        Ok(())
    }

    /// Notes for a recovery that a client has joined and has everything up to `at`.
    pub(super) async fn note_membership(
        &self,
        client: &Client,
        conversation: ConversationId,
        at: u64,
    ) -> Result<(), Fault> {
        if let Some(recoverable) = client.connection.recoverable() {
            recoverable.trail.lock().enter(conversation, at);
        }
        self.recovery.store(client).await.map_err(|error| {
            tracing::debug!(%error, "a conversation was not noted for a recovery");
            Fault::unavailable()
        })
    }

    /// Ends a membership, whether or not it has become live.
    pub(super) async fn end_membership(&self, client: &Client, conversation: ConversationId) {
        let was_noted = client
            .connection
            .recoverable()
            .is_some_and(|recoverable| recoverable.trail.lock().leave(conversation));
        if was_noted && let Err(error) = self.recovery.store(client).await {
            // It is tried again; till then the record counts as stale.
            tracing::debug!(%error, "a conversation was not forgotten for a recovery yet");
        }
        self.leave_room(client, conversation).await;
    }

    /// Delivers nothing more of a conversation to a client. Returns up to which `seq` it was given each message, if it was live.
    pub(crate) async fn leave_room(
        &self,
        client: &Client,
        conversation: ConversationId,
    ) -> Option<u64> {
        if !client.forget_joined(conversation) {
            return None;
        }
        let at = self.rooms.leave(conversation, &client.connection);
        self.interest
            .release(&Topic::Conversation(conversation))
            .await;
        at
    }

    /// Lets a client go on in a conversation that it joined before, at another gateway or in another connection: live events
    /// are held from here on, until [`Gateway::give_missed`].
    ///
    /// # Errors
    /// `unavailable`; nothing is held then.
    pub(crate) async fn rejoin(
        &self,
        client: &Client,
        conversation: ConversationId,
    ) -> Result<(), Fault> {
        self.interest
            .acquire(Topic::Conversation(conversation))
            .await?;
        self.rooms.begin_join(
            conversation,
            &client.connection,
            &client.user,
            Joining::Again,
        );
        client.note_joined(conversation, u64::MAX);
        Ok(())
    }

    /// Gives a client that rejoined what it missed after `at`, and lets live events through. It is closed if that cannot be done.
    pub(crate) async fn give_missed(&self, client: &Client, conversation: ConversationId, at: u64) {
        // Whoever brings an offset may have made it up; a room has seen that there are so many messages, or the log has.
        let known = self.rooms.position(conversation);
        let at = if known == Some(at) {
            Some(at)
        } else {
            let is_proven = at == 0 || known.is_some_and(|known| at < known);
            self.give_rest(client, conversation, at, is_proven).await
        };
        match at {
            Some(at) => self.go_live(client, conversation, at).await,
            None => client.connection.close(CloseReason::Internal),
        }
    }

    /// Sends a client all of a conversation after `at`; returns how far it came, or nothing if it must be given up.
    async fn give_rest(
        &self,
        client: &Client,
        conversation: ConversationId,
        mut at: u64,
        mut is_proven: bool,
    ) -> Option<u64> {
        let mut failures = 0;
        while failures < ATTEMPTS_MAX && !client.connection.closed() {
            let query = HistoryAfter {
                conversation,
                after: if is_proven { at } else { at - 1 },
                limit: PAGE as u32,
            };
            let mut missed = match self.api.history(&query).await {
                Ok(missed) => missed,
                Err(fault) => {
                    tracing::debug!(%fault, "a recovered client cannot be given what it missed yet");
                    failures += 1;
                    tokio::time::sleep(RETRY_DELAY).await;
                    continue;
                }
            };
            if !is_proven {
                if missed.messages.first().is_none_or(|first| first.seq != at) {
                    tracing::warn!(conversation.id = %conversation, "a client claims to have what the log has not; it begins anew");
                    if let Some(stored) = client.stored() {
                        stored.void();
                    }
                    return None;
                }
                missed.messages.remove(0);
                is_proven = true;
            }
            at = self
                .send_missed(client, conversation, at, missed.messages)
                .await;
            if !missed.has_more {
                return Some(at);
            }
        }
        None
    }

    /// Lets live events through to a client that has everything up to `at`, catching up first where that is not enough.
    pub(super) async fn go_live(&self, client: &Client, conversation: ConversationId, mut at: u64) {
        loop {
            match self.rooms.end_join(conversation, &client.connection, at) {
                JoinStep::Live | JoinStep::Gone => break,
                JoinStep::Behind(up_to) => {
                    match self.catch_up(client, conversation, at, up_to).await {
                        Some(reached) => at = reached,
                        None => return client.connection.close(CloseReason::Internal),
                    }
                }
            }
        }
        // The room may be behind this client, if an event was lost on its way here.
        if self.rooms.note_head(conversation, at) {
            self.refill.start(conversation, Cause::Sequence);
        }
    }

    /// Sends a client the messages after `at` up to `up_to`; returns how far it came, or nothing if it must be given up.
    async fn catch_up(
        &self,
        client: &Client,
        conversation: ConversationId,
        mut at: u64,
        up_to: u64,
    ) -> Option<u64> {
        for _ in 0..ATTEMPTS_MAX {
            if client.connection.closed() {
                return None;
            }
            match self.replay(client, conversation, at, up_to).await {
                Ok(reached) if reached >= up_to => return Some(reached),
                Ok(reached) => at = reached,
                Err(fault) => tracing::debug!(%fault, "a joining client cannot be caught up yet"),
            }
            tokio::time::sleep(RETRY_DELAY).await;
        }
        None
    }

    /// Sends a client the messages after `at` up to `up_to`, in their present state; returns the last `seq` sent.
    ///
    /// # Errors
    /// When the log cannot be read: some may have been sent. A client that does not make room is closed.
    pub(super) async fn replay(
        &self,
        client: &Client,
        conversation: ConversationId,
        mut at: u64,
        up_to: u64,
    ) -> Result<u64, Fault> {
        while at < up_to {
            let limit = u32::try_from((up_to - at).min(PAGE)).unwrap_or(u32::MAX);
            let missed = self
                .api
                .history(&HistoryAfter {
                    conversation,
                    after: at,
                    limit,
                })
                .await?;
            if missed.messages.is_empty() {
                break;
            }
            at = self
                .send_missed(client, conversation, at, missed.messages)
                .await;
            if client.connection.closed() {
                break;
            }
        }
        Ok(at)
    }

    /// Sends a client some messages at the pace that it reads; returns the last `seq` sent. A client that does not read is closed.
    async fn send_missed(
        &self,
        client: &Client,
        conversation: ConversationId,
        mut at: u64,
        messages: Vec<LogEntry<Box<RawValue>>>,
    ) -> u64 {
        for entry in messages {
            let room = client.connection.wait_for_room();
            if tokio::time::timeout(ROOM_TIMEOUT, room).await.is_err() {
                client.connection.close(CloseReason::TooSlow);
            }
            if client.connection.closed() {
                break;
            }
            let json: Box<str> = entry.message.into();
            let event = EventFrame::new(NEW_MESSAGE, json);
            client
                .connection
                .send_message(&event, conversation, entry.seq);
            at = entry.seq;
        }
        at
    }
}
