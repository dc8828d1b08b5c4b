use std::sync::Arc;
use std::time::Duration;

use messaging_bus::Topic;
use messaging_domain::ConversationId;
use messaging_wire::command::HistoryAfter;
use messaging_wire::event::NEW_MESSAGE;
use messaging_wire::{ErrorCode, Fault};

use crate::app::Gateway;
use crate::client::Client;
use crate::connection::{Class, CloseReason, EventFrame};
use crate::hub::JoinStep;
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
            .begin_join(conversation, &client.connection, &client.user);
        client.note_joined(conversation, u64::MAX);
        Ok(())
    }

    /// Ends a membership, whether or not it has become live.
    pub(crate) async fn end_membership(&self, client: &Client, conversation: ConversationId) {
        if client.forget_joined(conversation) {
            self.rooms.leave(conversation, &client.connection);
            self.interest
                .release(&Topic::Conversation(conversation))
                .await;
        }
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
            for entry in missed.messages {
                if tokio::time::timeout(ROOM_TIMEOUT, client.connection.wait_for_room())
                    .await
                    .is_err()
                {
                    client.connection.close(CloseReason::TooSlow);
                }
                if client.connection.closed() {
                    return Ok(at);
                }
                let json: Box<str> = entry.message.into();
                client
                    .connection
                    .send(&EventFrame::new(NEW_MESSAGE, json), Class::Durable);
                at = entry.seq;
            }
        }
        Ok(at)
    }
}
