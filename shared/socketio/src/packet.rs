//! Socket.IO 5: the packets within Engine.IO messages.

mod decode;
mod encode;
mod placeholder;

use std::borrow::Cow;

use serde_json::value::RawValue;
use thiserror::Error;

pub use encode::{ack, connect, connect_error, event};

/// Most bytes of a namespace's name, the slash included.
pub const NAMESPACE_LENGTH_MAX: usize = 128;
/// Most digits of an acknowledgement id: what JavaScript counts without loss.
pub const ACK_DIGITS_MAX: usize = 16;
/// Most binary attachments of a packet.
pub const ATTACHMENTS_MAX: usize = 32;
/// Most arguments of an event or an acknowledgement.
pub const ARGUMENTS_MAX: usize = 256;

/// A packet, its JSON still text.
#[derive(Debug, Clone)]
pub struct Packet<'a> {
    /// The namespace it belongs to: `/` or `/name`.
    pub namespace: &'a str,
    /// What it says.
    pub body: Body<'a>,
}

/// What a packet says.
#[derive(Debug, Clone)]
pub enum Body<'a> {
    /// `0`: to join the namespace, with the credentials that an application asks for.
    Connect(Option<&'a RawValue>),
    /// `1`: to leave the namespace.
    Disconnect,
    /// `2` or, with attachments, `5`: an event.
    Event {
        /// The name that its acknowledgement must bear, if one is asked for.
        ack: Option<u64>,
        /// The event.
        event: Event<'a>,
        /// How many binary messages follow that belong to it.
        attachments: usize,
    },
    /// `3` or, with attachments, `6`: the acknowledgement of an event.
    Ack {
        /// The name that the event bore.
        id: u64,
        /// What it answers.
        args: Vec<&'a RawValue>,
        /// How many binary messages follow that belong to it.
        attachments: usize,
    },
    /// `4`: the namespace cannot be joined, with an object or a text that says why; only servers send it.
    ConnectError(&'a RawValue),
}

/// The name of an event and its arguments, placeholders in the places of attachments.
#[derive(Debug, Clone)]
pub struct Event<'a> {
    /// Its name; a number stands as its digits.
    pub name: Cow<'a, str>,
    /// Its arguments.
    pub args: Vec<&'a RawValue>,
}

/// A text that is no packet. The connection must be closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PacketError {
    /// The first character names no packet.
    #[error("unknown packet type")]
    UnknownType,
    /// The number of attachments is missing, malformed or over [`ATTACHMENTS_MAX`].
    #[error("invalid number of attachments")]
    Attachments,
    /// A placeholder names no attachment.
    #[error("invalid placeholder")]
    Placeholder,
    /// The namespace is longer than [`NAMESPACE_LENGTH_MAX`].
    #[error("namespace too long")]
    Namespace,
    /// The acknowledgement id is missing, unexpected or longer than [`ACK_DIGITS_MAX`].
    #[error("invalid acknowledgement id")]
    AckId,
    /// The data is not the JSON that a packet of this type has.
    #[error("invalid data")]
    Data,
}
