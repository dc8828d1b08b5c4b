//! What the server tells connections, besides [`Message`](crate::Message), [`ReadReceipt`](crate::ReadReceipt) and
//! [`PresenceItem`](crate::PresenceItem), which are events as they are.

use messaging_domain::{ContractId, ConversationId, MessageId, MilestoneId, Timestamp, UserId};
use serde::{Deserialize, Serialize};

#[cfg(feature = "openapi")]
use messaging_domain::schema::Preview;

use crate::{ErrorCode, FieldError};

/// `connected`: the first event of a connection.
pub const CONNECTED: &str = "connected";
/// `new_message`: a message, to each connection that joined its conversation.
pub const NEW_MESSAGE: &str = "new_message";
/// `message_updated`: a message whose text changed.
pub const MESSAGE_UPDATED: &str = "message_updated";
/// `message_deleted`: a message without its text and files.
pub const MESSAGE_DELETED: &str = "message_deleted";
/// `message_notification`: a message in a conversation that the connection has not joined.
pub const MESSAGE_NOTIFICATION: &str = "message_notification";
/// `messages_read`: how far someone has read.
pub const MESSAGES_READ: &str = "messages_read";
/// `user_typing`: someone types, or stopped.
pub const USER_TYPING: &str = "user_typing";
/// `user_presence`: someone came or went.
pub const USER_PRESENCE: &str = "user_presence";
/// `token_expired`: the connection is closed after this.
pub const TOKEN_EXPIRED: &str = "token_expired";
/// `server_draining`: the connection will be closed soon; connect again.
pub const SERVER_DRAINING: &str = "server_draining";
/// `exception`: an event without acknowledgement was refused.
pub const EXCEPTION: &str = "exception";

/// Data of [`CONNECTED`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Connected {
    /// Who the token says this is.
    pub user_id: UserId,
    /// This connection.
    pub connection_id: String,
    /// The server's clock.
    pub server_time: Timestamp,
}

/// Data of [`MESSAGE_NOTIFICATION`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MessageNotification {
    /// The conversation.
    pub conversation_id: ConversationId,
    /// Its contract.
    pub contract_id: ContractId,
    /// Its milestone, if it belongs to one.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub milestone_id: Option<MilestoneId>,
    /// The message.
    pub message_id: MessageId,
    /// Its `seq`.
    #[cfg_attr(feature = "openapi", schema(minimum = 1))]
    pub seq: u64,
    /// Who sent it.
    pub sender_id: UserId,
    /// The beginning of its text.
    #[cfg_attr(feature = "openapi", schema(value_type = Preview))]
    pub preview: String,
    /// What the notified user has not read in this conversation, this message included.
    #[cfg_attr(feature = "openapi", schema(minimum = 1))]
    pub unread_count: u64,
}

/// Data of [`USER_TYPING`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UserTyping {
    /// The conversation.
    pub conversation_id: ConversationId,
    /// Who types.
    pub user_id: UserId,
    /// Whether he does, or stopped.
    pub is_typing: bool,
}

/// Data of [`SERVER_DRAINING`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ServerDraining {
    /// When the connection will be closed, in milliseconds from now.
    pub reconnect_in_ms: u64,
}

/// Data of [`EXCEPTION`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Exception {
    /// The event that was refused; null if it could not be read.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub event: Option<String>,
    /// The kind of error.
    pub code: ErrorCode,
    /// What to know about this occurrence.
    pub message: String,
    /// The fields at fault.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}
