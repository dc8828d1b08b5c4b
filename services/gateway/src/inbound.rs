use std::sync::Arc;

use messaging_bus::{ConversationEvent, EventSink, MessageChange, Topic, UserEvent};
use messaging_domain::{ConversationId, UserId};
use messaging_wire::event::{
    MESSAGE_DELETED, MESSAGE_NOTIFICATION, MESSAGE_UPDATED, MESSAGES_READ, NEW_MESSAGE,
    USER_PRESENCE,
};
use serde_json::value::RawValue;

use crate::connection::{Class, EventFrame};
use crate::hub::{Rooms, Users};
use crate::mutant::Mutant;
use crate::refill::{Cause, Refill};

/// Brings events of the bus to the connections that want them.
pub(crate) struct Inbound {
    rooms: Arc<Rooms>,
    users: Arc<Users>,
    refill: Refill,
}

impl Inbound {
    pub(crate) const fn new(rooms: Arc<Rooms>, users: Arc<Users>, refill: Refill) -> Self {
        Self {
            rooms,
            users,
            refill,
        }
    }

    fn conversation_event(&self, conversation: ConversationId, event: ConversationEvent<'_>) {
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
                data,
                ..
            } => self
                .rooms
                .message(conversation, seq, Arc::new(frame(NEW_MESSAGE, data))),
            ConversationEvent::Message {
                change: MessageChange::Updated,
                seq,
                version,
                data,
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
    fn event(&self, topic: &Topic, payload: &[u8]) {
        let unreadable = match topic {
            Topic::Conversation(conversation) => match ConversationEvent::decode(payload) {
                Ok(event) => return self.conversation_event(*conversation, event),
                Err(error) => error,
            },
            Topic::User(user) => match UserEvent::decode(payload) {
                Ok(event) => return self.user_event(user, &event),
                Err(error) => error,
            },
        };
        tracing::warn!(error = %unreadable, "an event of the bus was dropped");
    }
}

fn frame(name: &'static str, data: &RawValue) -> EventFrame {
    EventFrame::new(name, data.get())
}
