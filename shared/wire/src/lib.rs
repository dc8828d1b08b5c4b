//! The wire contract as types: what clients send and receive, and the codes of what goes wrong.
//!
//! Only serde lives here. Each object is written exactly as its golden file in `golden/` has it.

pub mod command;
mod error;
pub mod event;
#[cfg(feature = "openapi")]
pub mod golden;
mod object;
mod parse;
pub mod request;

pub use error::{ErrorCode, Fault, FieldError};
pub use object::{
    Attachment, Contract, Conversation, ConversationsPage, Message, Milestone, Participant,
    PresenceItem, PresenceStatus, ReadReceipt, Revocation, RevocationKind, RevocationsPage,
};
pub use parse::parse_json;
