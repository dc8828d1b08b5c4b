//! What happened to the devices of a run.

use serde::{Deserialize, Serialize};

/// Milliseconds since 1970, by the clock that all processes share.
pub(crate) type Millis = i64;

/// One thing that a device did or saw.
///
/// Those of one device are in the order in which it saw them; those of several are in no order but that of their times.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) t: Millis,
    pub(crate) device: String,
    #[serde(flatten)]
    pub(crate) event: Event,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "event",
    rename_all = "snake_case",
    rename_all_fields = "camelCase"
)]
pub(crate) enum Event {
    /// `recovered`: it has been given back what it missed, and is still where it had joined.
    Connected {
        recovered: bool,
    },
    Disconnected {
        reason: String,
    },
    /// An attempt to connect failed.
    ConnectError {
        reason: String,
    },
    /// It connects again after it closed its connection of its own accord.
    Returning,
    /// It asks to join, after a `seq` up to which it has everything.
    Joining {
        conversation: String,
        after: Option<u64>,
    },
    /// It is told that the head was at `last` when it joined.
    Joined {
        conversation: String,
        last: u64,
        #[serde(default)]
        has_more: bool,
    },
    NotJoined {
        conversation: String,
        code: String,
    },
    Leaving {
        conversation: String,
    },
    Left {
        conversation: String,
    },
    /// A `new_message`.
    Message(Seen),
    /// A `message_updated` or `message_deleted`.
    Change(Seen),
    /// An attempt to send the message `key`. `epoch`: the connection, if it is sent over one.
    Sending {
        key: String,
        conversation: String,
        content: String,
        client_message_id: Option<String>,
        attempt: u32,
        epoch: Option<u64>,
    },
    Acked {
        key: String,
        conversation: String,
        seq: u64,
        id: String,
        content: String,
        duplicate: bool,
    },
    /// An attempt was refused for now.
    Failed {
        key: String,
        code: String,
    },
    /// No attempt was acked in a very long time.
    GaveUp {
        key: String,
    },
    Reading {
        conversation: String,
        up_to: u64,
    },
    Read {
        conversation: String,
        read_seq: u64,
    },
    /// An own message is edited or, without content, deleted.
    Changing {
        conversation: String,
        id: String,
        content: Option<String>,
    },
    Changed {
        conversation: String,
        id: String,
    },
    /// Something was refused that no retry cures.
    Refused {
        what: String,
        code: String,
    },
}

/// A message as a device was told of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Seen {
    pub(crate) conversation: String,
    pub(crate) seq: u64,
    pub(crate) id: String,
    pub(crate) sender: String,
    pub(crate) content: String,
    pub(crate) client_message_id: Option<String>,
    pub(crate) is_edited: bool,
    pub(crate) is_deleted: bool,
}
