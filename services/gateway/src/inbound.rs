use std::sync::Arc;

use messaging_bus::{ConversationEvent, EventSink, MessageChange, Topic, UserEvent};
use messaging_domain::{ConversationId, Timestamp, UserId};
use messaging_telemetry::{LATENCY_SECONDS_BUCKETS, TraceParent, trace_span};
use messaging_wire::event::{
    MESSAGE_DELETED, MESSAGE_NOTIFICATION, MESSAGE_UPDATED, MESSAGES_READ, NEW_MESSAGE,
    USER_PRESENCE,
};
use prometheus::{Histogram, HistogramOpts, Registry};
use serde_json::value::RawValue;
use tracing::Span;

use crate::canary::CanaryEar;
use crate::connection::{Class, Delivery, EventFrame};
use crate::hub::{Rooms, Users};
use crate::mutant::Mutant;
use crate::refill::{Cause, Refill};

/// Brings events of the bus to the connections that want them.
pub(crate) struct Inbound {
    rooms: Arc<Rooms>,
    users: Arc<Users>,
    refill: Refill,
    delivery_seconds: Histogram,
    canary: CanaryEar,
}

impl Inbound {
    /// # Errors
    /// When the metric is registered already.
    pub(crate) fn new(
        (rooms, users): (&Arc<Rooms>, &Arc<Users>),
        refill: Refill,
        canary: &CanaryEar,
        registry: &Registry,
    ) -> Result<Self, prometheus::Error> {
        let delivery_seconds = Histogram::with_opts(
            HistogramOpts::new(
                "fh_gateway_delivery_seconds",
                "From the commit of a message until the last connection here that joined its conversation has been sent it.",
            )
            .buckets(LATENCY_SECONDS_BUCKETS.to_vec()),
        )?;
        registry.register(Box::new(delivery_seconds.clone()))?;
        Ok(Self {
            rooms: Arc::clone(rooms),
            users: Arc::clone(users),
            refill,
            delivery_seconds,
            canary: canary.clone(),
        })
    }

    /// Follows a message that is told of for the first time to the connections.
    fn delivery(
        &self,
        committed_at: Option<Timestamp>,
        trace: Option<&TraceParent>,
    ) -> Option<Arc<Delivery>> {
        let span = trace.map_or_else(Span::none, |trace| {
            trace.leads_to(trace_span!("deliver", otel.kind = "consumer"))
        });
        committed_at
            .map(|committed_at| Delivery::new(committed_at, self.delivery_seconds.clone(), span))
    }

    fn conversation_event(
        &self,
        conversation: ConversationId,
        event: ConversationEvent<'_>,
        trace: Option<&TraceParent>,
    ) {
        let is_gap = match event {
            ConversationEvent::Message {
                change: MessageChange::New,
                data,
                ..
            } if Mutant::NoOrder.is_on() => {
                self.rooms
                    .broadcast(conversation, &Arc::new(frame(NEW_MESSAGE, data)));
                false
            }
            ConversationEvent::Message {
                change: MessageChange::New,
                seq,
                committed_at,
                data,
                ..
            } => {
                let delivery = self.delivery(committed_at, trace);
                let frame = frame(NEW_MESSAGE, data).followed_by(delivery);
                self.rooms.message(conversation, seq, Arc::new(frame))
            }
            ConversationEvent::Message {
                change: MessageChange::Updated,
                seq,
                version,
                data,
                ..
            } => self.rooms.change(
                conversation,
                (seq, version),
                Arc::new(frame(MESSAGE_UPDATED, data)),
            ),
            ConversationEvent::Message {
                change: MessageChange::Deleted,
                seq,
                version,
                data,
                ..
            } => self.rooms.change(
                conversation,
                (seq, version),
                Arc::new(frame(MESSAGE_DELETED, data)),
            ),
            ConversationEvent::MessagesRead {
                reader,
                seq,
                repeat_of,
                data,
            } => {
                let frame = Arc::new(frame(MESSAGES_READ, data));
                self.rooms
                    .read(conversation, (&reader, seq), repeat_of, &frame);
                false
            }
            ConversationEvent::Typing(signal) => {
                self.rooms.typing(conversation, &signal);
                false
            }
        };
        if is_gap {
            self.refill.start(conversation, Cause::Sequence);
        }
    }

    fn user_event(&self, user: &UserId, event: &UserEvent<'_>) {
        match event {
            UserEvent::MessageNotification {
                conversation,
                seq,
                repeat_of,
                data,
            } => {
                if !self
                    .users
                    .note_notification(user, *conversation, *seq, *repeat_of)
                {
                    return;
                }
                let frame = frame(MESSAGE_NOTIFICATION, data);
                self.users.send(user, &frame, Class::Durable, |connection| {
                    !self.rooms.delivers(*conversation, connection, *seq)
                });
            }
            UserEvent::MessagesRead {
                conversation,
                seq,
                repeat_of,
                data,
            } => {
                if !self.users.note_read(user, *conversation, *seq, *repeat_of) {
                    return;
                }
                let frame = frame(MESSAGES_READ, data);
                self.users.send(user, &frame, Class::Durable, |connection| {
                    !self.rooms.has_joined(*conversation, connection)
                });
            }
            UserEvent::Presence {
                user: of,
                at,
                is_repeat,
                data,
            } => {
                if !self.users.note_presence(user, of, *at, *is_repeat) {
                    return;
                }
                self.users
                    .send(user, &frame(USER_PRESENCE, data), Class::Droppable, |_| {
                        true
                    });
            }
        }
    }
}

impl EventSink for Inbound {
    fn event(&self, topic: &Topic, payload: &[u8], trace: Option<&TraceParent>) {
        let unreadable = match topic {
            Topic::Conversation(conversation) => match ConversationEvent::decode(payload) {
                Ok(event) => return self.conversation_event(*conversation, event, trace),
                Err(error) => error,
            },
            Topic::User(user) => match UserEvent::decode(payload) {
                Ok(event) => return self.user_event(user, &event),
                Err(error) => error,
            },
            Topic::Canary(_) => return self.canary.hear(payload),
        };
        tracing::warn!(error = %unreadable, "an event of the bus was dropped");
    }
}

fn frame(name: &'static str, data: &RawValue) -> EventFrame {
    EventFrame::new(name, data.get())
}
