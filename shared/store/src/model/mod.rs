//! The documents as they are stored. Whatever does not decode into them is an error, never a panic.

mod attachment;
mod contract;
mod conversation;
mod message;

use messaging_domain::{ConversationId, Timestamp};
use mongodb::bson::DateTime;
use mongodb::bson::oid::ObjectId;

pub(crate) use attachment::{AttachedFile, File, StoredAttachment};
pub(crate) use contract::StoredContract;
pub(crate) use conversation::{Head, StoredConversation, mark_field};
pub(crate) use message::{Digest, StoredMessage};

pub(crate) fn object_id(id: ConversationId) -> ObjectId {
    ObjectId::from_bytes(id.bytes())
}

pub(crate) fn conversation_id(id: ObjectId) -> ConversationId {
    ConversationId::from_bytes(id.bytes())
}

pub(crate) fn date(time: Timestamp) -> DateTime {
    DateTime::from_millis(time.millis())
}

pub(crate) fn timestamp(date: DateTime) -> Timestamp {
    Timestamp::from_millis(date.timestamp_millis())
}

/// A count or `seq` as BSON has it; what is above `i64::MAX` cannot occur in the log and means the largest.
pub(crate) fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
