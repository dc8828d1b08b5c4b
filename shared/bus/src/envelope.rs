use bytes::Bytes;
use messaging_domain::{ConversationId, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// What is published on a gateway's canary subject: the number of the probe.
pub fn canary_payload(number: u64) -> Bytes {
    number.to_string().into()
}

/// The number of the probe that a canary's event tells of.
pub fn canary_number(payload: &[u8]) -> Option<u64> {
    std::str::from_utf8(payload).ok()?.parse().ok()
}

/// What is published on a conversation's subject. `data` is ready to be sent to clients as it is.
#[derive(Debug)]
pub enum ConversationEvent<'a> {
    /// A message was stored, edited or deleted.
    Message {
        /// Which of the three.
        change: MessageChange,
        /// The message's place.
        seq: u64,
        /// How often the message has been changed, by which a change that was told of twice is known; 0 for a new one.
        version: u32,
        /// Of one that is told of for the first time: when a majority had it.
        committed_at: Option<Timestamp>,
        /// The message.
        data: &'a RawValue,
    },
    /// A participant has read further.
    MessagesRead {
        /// The participant.
        reader: UserId,
        /// How far he has read, by which a receipt that was told of twice is known.
        seq: u64,
        /// Of one that is told of once more, as it may have been lost: when he read.
        repeat_of: Option<Timestamp>,
        /// The receipt.
        data: &'a RawValue,
    },
    /// A participant types, or stopped.
    Typing(TypingSignal),
}

/// What happened to a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MessageChange {
    /// It was stored.
    New,
    /// Its text changed.
    Updated,
    /// It was deleted.
    Deleted,
}

/// That a user types in a conversation, from one of his connections.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TypingSignal {
    /// Who.
    pub user_id: UserId,
    /// From which connection: he has stopped only when each one has.
    pub connection_id: String,
    /// Whether he types.
    pub is_typing: bool,
}

/// What is published on a user's subject. `data` is ready to be sent to clients as it is.
#[derive(Debug)]
pub enum UserEvent<'a> {
    /// A message came in a conversation of his, by the other participant.
    MessageNotification {
        /// The conversation; connections that joined it have the message itself.
        conversation: ConversationId,
        /// The message's place, by which one that was told of twice is known.
        seq: u64,
        /// Of one that is told of once more, as it may have been lost: when the message was stored.
        repeat_of: Option<Timestamp>,
        /// The notification.
        data: &'a RawValue,
    },
    /// He himself has read further, on one of his connections.
    MessagesRead {
        /// The conversation; connections that joined it hear of it there.
        conversation: ConversationId,
        /// How far he has read, by which a receipt that was told of twice is known.
        seq: u64,
        /// Of one that is told of once more, as it may have been lost: when he read.
        repeat_of: Option<Timestamp>,
        /// The receipt.
        data: &'a RawValue,
    },
    /// Someone who shares a contract with him came or went.
    Presence {
        /// Who did.
        user: UserId,
        /// When that was found, by which a change that was told of twice is known.
        at: Timestamp,
        /// Whether it is told of once more, as it may have been lost.
        is_repeat: bool,
        /// The presence.
        data: &'a RawValue,
    },
}

/// An event that is none of ours.
#[derive(Debug, thiserror::Error)]
pub enum EnvelopeError {
    /// It is no JSON of the right shape.
    #[error("the event cannot be read")]
    Json(#[source] serde_json::Error),
    /// It lacks a field of its kind, or has another subject's kind.
    #[error("the event does not belong on its subject")]
    Misplaced,
}

/// Both kinds of events as they are on the bus.
#[derive(Serialize, Deserialize)]
struct Envelope<'a> {
    kind: Kind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seq: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    version: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    conversation: Option<ConversationId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    user: Option<UserId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    repeat_of: Option<Timestamp>,
    #[serde(borrow)]
    data: &'a RawValue,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    NewMessage,
    MessageUpdated,
    MessageDeleted,
    MessagesRead,
    Typing,
    MessageNotification,
    Presence,
}

impl<'a> ConversationEvent<'a> {
    /// Reads a payload; `data` is not parsed, but it is checked to be JSON.
    ///
    /// # Errors
    /// [`EnvelopeError`].
    pub fn decode(payload: &'a [u8]) -> Result<Self, EnvelopeError> {
        let Envelope {
            kind,
            seq,
            version,
            user,
            at,
            repeat_of,
            data,
            ..
        } = serde_json::from_slice(payload).map_err(EnvelopeError::Json)?;
        let change = match kind {
            Kind::NewMessage => MessageChange::New,
            Kind::MessageUpdated => MessageChange::Updated,
            Kind::MessageDeleted => MessageChange::Deleted,
            Kind::MessagesRead => {
                return Ok(Self::MessagesRead {
                    reader: user.ok_or(EnvelopeError::Misplaced)?,
                    seq: seq.ok_or(EnvelopeError::Misplaced)?,
                    repeat_of,
                    data,
                });
            }
            Kind::Typing => {
                return serde_json::from_str(data.get())
                    .map(Self::Typing)
                    .map_err(EnvelopeError::Json);
            }
            Kind::MessageNotification | Kind::Presence => return Err(EnvelopeError::Misplaced),
        };
        Ok(Self::Message {
            change,
            seq: seq.ok_or(EnvelopeError::Misplaced)?,
            version: version.unwrap_or(0),
            committed_at: at,
            data,
        })
    }

    /// Writes the payload.
    pub fn encode(&self) -> Bytes {
        match self {
            Self::Message {
                change,
                seq,
                version,
                committed_at,
                data,
            } => {
                let kind = match change {
                    MessageChange::New => Kind::NewMessage,
                    MessageChange::Updated => Kind::MessageUpdated,
                    MessageChange::Deleted => Kind::MessageDeleted,
                };
                write(&Envelope {
                    seq: Some(*seq),
                    version: Some(*version).filter(|version| *version > 0),
                    at: *committed_at,
                    ..Envelope::new(kind, data)
                })
            }
            Self::MessagesRead {
                reader,
                seq,
                repeat_of,
                data,
            } => write(&Envelope {
                seq: Some(*seq),
                user: Some(reader.clone()),
                repeat_of: *repeat_of,
                ..Envelope::new(Kind::MessagesRead, data)
            }),
            Self::Typing(signal) => {
                let data = serde_json::value::to_raw_value(signal).expect("its fields are plain");
                write(&Envelope::new(Kind::Typing, &data))
            }
        }
    }
}

impl<'a> UserEvent<'a> {
    /// Reads a payload; `data` is not parsed, but it is checked to be JSON.
    ///
    /// # Errors
    /// [`EnvelopeError`].
    pub fn decode(payload: &'a [u8]) -> Result<Self, EnvelopeError> {
        let envelope: Envelope<'a> =
            serde_json::from_slice(payload).map_err(EnvelopeError::Json)?;
        let Envelope {
            data, repeat_of, ..
        } = envelope;
        match (envelope.kind, envelope.conversation, envelope.seq) {
            (Kind::MessageNotification, Some(conversation), Some(seq)) => {
                Ok(Self::MessageNotification {
                    conversation,
                    seq,
                    repeat_of,
                    data,
                })
            }
            (Kind::MessagesRead, Some(conversation), Some(seq)) => Ok(Self::MessagesRead {
                conversation,
                seq,
                repeat_of,
                data,
            }),
            (Kind::Presence, ..) => Ok(Self::Presence {
                user: envelope.user.ok_or(EnvelopeError::Misplaced)?,
                at: envelope.at.ok_or(EnvelopeError::Misplaced)?,
                is_repeat: repeat_of.is_some(),
                data,
            }),
            _ => Err(EnvelopeError::Misplaced),
        }
    }

    /// Writes the payload.
    pub fn encode(&self) -> Bytes {
        let (kind, conversation, seq, repeat_of, data) = match self {
            Self::MessageNotification {
                conversation,
                seq,
                repeat_of,
                data,
            } => (
                Kind::MessageNotification,
                *conversation,
                *seq,
                *repeat_of,
                data,
            ),
            Self::MessagesRead {
                conversation,
                seq,
                repeat_of,
                data,
            } => (Kind::MessagesRead, *conversation, *seq, *repeat_of, data),
            Self::Presence {
                user,
                at,
                is_repeat,
                data,
            } => {
                return write(&Envelope {
                    user: Some(user.clone()),
                    at: Some(*at),
                    repeat_of: is_repeat.then_some(*at),
                    ..Envelope::new(Kind::Presence, data)
                });
            }
        };
        write(&Envelope {
            seq: Some(seq),
            conversation: Some(conversation),
            repeat_of,
            ..Envelope::new(kind, data)
        })
    }
}

impl<'a> Envelope<'a> {
    const fn new(kind: Kind, data: &'a RawValue) -> Self {
        Self {
            kind,
            seq: None,
            version: None,
            conversation: None,
            user: None,
            at: None,
            repeat_of: None,
            data,
        }
    }
}

fn write(envelope: &Envelope<'_>) -> Bytes {
    serde_json::to_vec(envelope)
        .expect("its fields are plain")
        .into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_event_reads_back_with_its_data_untouched() {
        let text = r#"{"b": 1,  "a":"ä"}"#;
        let data: &RawValue = serde_json::from_str(text).expect("JSON");
        let payload = ConversationEvent::Message {
            change: MessageChange::New,
            seq: 7,
            version: 2,
            committed_at: Some(Timestamp::from_millis(5)),
            data,
        }
        .encode();
        match ConversationEvent::decode(&payload) {
            Ok(ConversationEvent::Message {
                change: MessageChange::New,
                seq: 7,
                version: 2,
                committed_at: Some(at),
                data,
            }) => assert_eq!((at.millis(), data.get()), (5, text)),
            other => panic!("{other:?}"),
        }
        let conversation = ConversationId::from_bytes([3; 12]);
        let read_at = Timestamp::from_millis(5);
        let payload = UserEvent::MessagesRead {
            conversation,
            seq: 9,
            repeat_of: Some(read_at),
            data,
        }
        .encode();
        assert!(
            matches!(UserEvent::decode(&payload), Ok(UserEvent::MessagesRead { conversation: c, seq: 9, repeat_of: Some(at), .. }) if c == conversation && at == read_at)
        );
        let reader: UserId = "u-1".parse().expect("valid");
        let payload = ConversationEvent::MessagesRead {
            reader: reader.clone(),
            seq: 9,
            repeat_of: None,
            data,
        }
        .encode();
        assert!(
            matches!(ConversationEvent::decode(&payload), Ok(ConversationEvent::MessagesRead { reader: r, seq: 9, repeat_of: None, .. }) if r == reader)
        );
        let at = Timestamp::from_millis(5);
        for is_repeat in [false, true] {
            let payload = UserEvent::Presence {
                user: reader.clone(),
                at,
                is_repeat,
                data,
            }
            .encode();
            assert!(
                matches!(UserEvent::decode(&payload), Ok(UserEvent::Presence { user, at: read, is_repeat: again, .. }) if (&user, read, again) == (&reader, at, is_repeat))
            );
            assert!(matches!(
                ConversationEvent::decode(&payload),
                Err(EnvelopeError::Misplaced)
            ));
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_an_event_or_an_error(payload: Vec<u8>) {
            let _ = ConversationEvent::decode(&payload);
            let _ = UserEvent::decode(&payload);
        }
    }
}
