use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use messaging_bus::{
    Bus, ConversationEvent, MessageChange, PublishError, Route, Topic, UserEvent, canary_payload,
};
use messaging_domain::{Timestamp, UserId, preview};
use messaging_store::{Changed, Committed};
use messaging_telemetry::trace_span;
use messaging_wire::command::PresenceChanged;
use messaging_wire::event::MessageNotification;
use messaging_wire::{PresenceItem, ReadReceipt};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use tracing::{Instrument, Span};

/// Tells gateways what happened. What does not get through is counted by the bus, and healed by whoever sees the gap.
#[derive(Clone)]
pub(crate) struct Announcer {
    bus: Bus,
    /// Whether an event was lost on its way out since this was last asked.
    has_lost: Arc<AtomicBool>,
}

/// Notes a loss unless it is told that all went out: a batch whose time is up is dropped in the middle.
struct Unfinished<'a>(&'a AtomicBool, bool);

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        if self.1 {
            self.0.store(true, Ordering::Relaxed);
        }
    }
}

/// Whether a message is told of for the first time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Telling {
    /// It is.
    First,
    /// It may have been told of before: who got it then must not get it again.
    Repeat,
}

impl Telling {
    /// When that happened which is told of once more.
    const fn repeat_of(self, happened_at: Option<Timestamp>) -> Option<Timestamp> {
        match self {
            Self::First => None,
            Self::Repeat => happened_at,
        }
    }
}

impl Announcer {
    pub(crate) fn new(bus: Bus) -> Self {
        Self {
            bus,
            has_lost: Arc::default(),
        }
    }

    /// Whether an event was lost since this was last asked.
    pub(crate) fn take_loss(&self) -> bool {
        self.has_lost.swap(false, Ordering::Relaxed)
    }

    /// Lets a gateway hear its probe.
    ///
    /// # Errors
    /// [`PublishError`]. It is not told again: that it is lost is what the gateway wants to know.
    pub(crate) async fn answer_probe(
        &self,
        gateway: Route,
        number: u64,
    ) -> Result<(), PublishError> {
        let topic = Topic::Canary(gateway);
        self.bus.publish(&topic, canary_payload(number)).await
    }

    /// Tells of messages, in this order.
    pub(crate) async fn announce_committed(&self, batch: Vec<Committed>, telling: Telling) {
        let mut unfinished = Unfinished(&self.has_lost, true);
        for committed in batch {
            let span = committed.trace.as_ref().map_or_else(Span::none, |trace| {
                trace.leads_to(trace_span!("publish", otel.kind = "producer"))
            });
            self.announce_message(&committed, telling)
                .instrument(span)
                .await;
        }
        unfinished.1 = false;
    }

    /// Tells of a message: those who joined its conversation, and the recipient wherever else he is connected.
    pub(crate) async fn announce_message(&self, committed: &Committed, telling: Telling) {
        let Committed {
            message,
            parties,
            recipient_unread,
            committed_at,
            ..
        } = committed;
        let data = raw(message);
        let event = ConversationEvent::Message {
            change: MessageChange::New,
            seq: message.seq,
            version: 0,
            committed_at: committed_at.filter(|_| telling == Telling::First),
            data: &data,
        };
        self.publish(
            &Topic::Conversation(message.conversation_id),
            event.encode(),
        )
        .await;
        let Some(sender) = parties.party_of(&message.sender_id) else {
            return;
        };
        let notification = raw(&MessageNotification {
            conversation_id: message.conversation_id,
            contract_id: message.contract_id.clone(),
            milestone_id: message.milestone_id.clone(),
            message_id: message.id,
            seq: message.seq,
            sender_id: message.sender_id.clone(),
            preview: preview(&message.content).to_owned(),
            unread_count: *recipient_unread,
        });
        let event = UserEvent::MessageNotification {
            conversation: message.conversation_id,
            seq: message.seq,
            repeat_of: telling.repeat_of(Some(message.created_at)),
            data: &notification,
        };
        self.publish(
            &Topic::User(parties.user(sender.other()).clone()),
            event.encode(),
        )
        .await;
    }

    /// Tells of a message that was changed: those who joined its conversation. Returns whether it went out.
    pub(crate) async fn announce_change(&self, changed: &Changed) -> bool {
        let message = &changed.message;
        let data = raw(message);
        let event = ConversationEvent::Message {
            change: match message.deleted_at {
                Some(_) => MessageChange::Deleted,
                None => MessageChange::Updated,
            },
            seq: message.seq,
            version: changed.version,
            committed_at: None,
            data: &data,
        };
        self.publish(
            &Topic::Conversation(message.conversation_id),
            event.encode(),
        )
        .await
    }

    /// Tells that someone has read further: those who joined the conversation, and the reader's other connections.
    /// Returns whether it went out.
    pub(crate) async fn announce_read(&self, receipt: &ReadReceipt, telling: Telling) -> bool {
        let data = raw(receipt);
        let (conversation, reader) = (receipt.conversation_id, receipt.user_id.clone());
        let repeat_of = telling.repeat_of(receipt.read_at);
        let event = ConversationEvent::MessagesRead {
            reader: reader.clone(),
            seq: receipt.read_seq,
            repeat_of,
            data: &data,
        };
        let to_all = self
            .publish(&Topic::Conversation(conversation), event.encode())
            .await;
        let event = UserEvent::MessagesRead {
            conversation,
            seq: receipt.read_seq,
            repeat_of,
            data: &data,
        };
        let to_reader = self.publish(&Topic::User(reader), event.encode()).await;
        to_all && to_reader
    }

    /// Tells these users that someone came or went. Returns whether it went out to all of them.
    pub(crate) async fn announce_presence(&self, change: PresenceChanged, to: &[UserId]) -> bool {
        let data = raw(&PresenceItem {
            user_id: change.user.clone(),
            status: change.status,
            last_seen_at: change.last_seen_at,
        });
        let event = UserEvent::Presence {
            user: change.user,
            at: change.at,
            is_repeat: change.is_repeat,
            data: &data,
        };
        let payload = event.encode();
        for user in to {
            if !self
                .publish(&Topic::User(user.clone()), payload.clone())
                .await
            {
                return false;
            }
        }
        true
    }

    /// Returns whether it went out.
    async fn publish(&self, topic: &Topic, payload: Bytes) -> bool {
        let published = self.bus.publish(topic, payload).await;
        if let Err(error) = &published {
            self.has_lost.store(true, Ordering::Relaxed);
            tracing::debug!(%error, "an event was not published");
        }
        published.is_ok()
    }
}

fn raw<T: Serialize>(object: &T) -> Box<RawValue> {
    to_raw_value(object).expect("objects of the wire are plain JSON")
}
