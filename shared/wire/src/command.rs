//! What gateways ask of API replicas over the bus. It is spoken between our own services of one release, and by no client.

use messaging_domain::{ConversationId, Parties, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{Fault, Message, PresenceStatus};

/// Names of the commands that are no client event; the others bear the event's name.
pub mod name {
    /// A client event: the answer is the acknowledgement, ready to be sent.
    pub const SEND_MESSAGE: &str = "send_message";
    /// A client event: the answer is the acknowledgement, ready to be sent.
    pub const CREATE_MESSAGE: &str = "create_message";
    /// A client event: the answer is the acknowledgement, ready to be sent.
    pub const EDIT_MESSAGE: &str = "edit_message";
    /// A client event: the answer is the acknowledgement, ready to be sent.
    pub const DELETE_MESSAGE: &str = "delete_message";
    /// A client event: the answer is the acknowledgement, ready to be sent.
    pub const MARK_AS_READ: &str = "mark_as_read";
    /// A client event: the answer is the acknowledgement, ready to be sent.
    pub const GET_PRESENCE: &str = "get_presence";
    /// [`View`](super::View): the conversation as a participant sees it.
    pub const VIEW: &str = "view";
    /// [`HistoryAfter`](super::HistoryAfter): messages that were missed.
    pub const HISTORY: &str = "history";
    /// [`Retell`](super::Retell): publish once more what a gateway may have missed.
    pub const RETELL: &str = "retell";
    /// [`PresenceChanged`](super::PresenceChanged): tell everyone concerned.
    pub const PRESENCE_CHANGED: &str = "presence_changed";
    /// [`Probe`](super::Probe): go the way of a message.
    pub const PROBE: &str = "probe";
}

/// A client event on its way to an API replica.
#[derive(Debug, Serialize, Deserialize)]
pub struct UserCommand<'a> {
    /// Who sent it; the gateway has checked the token.
    pub user: UserId,
    /// The event's data as the client sent it.
    #[serde(borrow)]
    pub data: &'a RawValue,
}

/// The answer to a command of the gateway's own.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply<T> {
    /// Done.
    Ok(T),
    /// Refused.
    Error(Fault),
}

impl<T> Reply<T> {
    /// The answer as a result.
    ///
    /// # Errors
    /// The fault with which it was refused.
    pub fn into_result(self) -> Result<T, Fault> {
        match self {
            Self::Ok(value) => Ok(value),
            Self::Error(fault) => Err(fault),
        }
    }
}

/// Asks for a conversation on behalf of a user; refused for a stranger.
#[derive(Debug, Serialize, Deserialize)]
pub struct View {
    /// The user.
    pub user: UserId,
    /// The conversation.
    pub conversation: ConversationId,
}

/// Answers [`View`].
#[derive(Debug, Serialize, Deserialize)]
pub struct Viewed<C> {
    /// The conversation as the user sees it: typed where it is made, raw JSON where it is passed on.
    pub conversation: C,
    /// The `seq` of its last message.
    pub last_seq: u64,
    /// Its participants.
    pub parties: Parties,
}

/// Asks for the messages after a `seq`. The gateway asks for its own clients, whom it has let join.
#[derive(Debug, Serialize, Deserialize)]
pub struct HistoryAfter {
    /// The conversation.
    pub conversation: ConversationId,
    /// The last `seq` that is not missing.
    pub after: u64,
    /// How many at most.
    pub limit: u32,
}

/// Answers [`HistoryAfter`].
#[derive(Debug, Serialize, Deserialize)]
pub struct Missed<M = Message> {
    /// The messages, by ascending `seq` without a gap; fewer than asked for where they would not fit in one payload.
    pub messages: Vec<LogEntry<M>>,
    /// Whether there are more.
    pub has_more: bool,
}

/// A message with its place beside it, so that who passes it on need not read it.
#[derive(Debug, Serialize, Deserialize)]
pub struct LogEntry<M> {
    /// The message's place.
    pub seq: u64,
    /// The message.
    pub message: M,
}

/// Asks for what a message takes: a write that a majority has, and then an event. The gateway measures how long it is until it hears it.
#[derive(Debug, Serialize, Deserialize)]
pub struct Probe {
    /// The route of the gateway that asks, and will hear.
    pub gateway: String,
    /// Tells this probe from the gateway's others.
    pub number: u64,
}

/// Asks to publish once more what happened since a time: messages and their notifications, changes, read marks. A gateway asks when
/// it may not have heard all; those who have heard them know them by their places and versions.
#[derive(Debug, Serialize, Deserialize)]
pub struct Retell {
    /// When all was last well.
    pub since: Timestamp,
}

/// Tells that a user came or went.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PresenceChanged {
    /// The user.
    pub user: UserId,
    /// What he is now.
    pub status: PresenceStatus,
    /// When his last connection closed, if he went.
    pub last_seen_at: Option<Timestamp>,
    /// When that was found, by which a change that is told of twice is known.
    pub at: Timestamp,
    /// Whether it is told of once more, as it may have been lost.
    #[serde(default)]
    pub is_repeat: bool,
}
