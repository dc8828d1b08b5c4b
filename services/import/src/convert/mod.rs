//! From the old documents to what is stored: each becomes one thing, or is left out for one reason.

mod attachment;
mod contract;
mod message;
mod text;

pub(crate) use attachment::OldFile;
pub(crate) use contract::contract;
pub(crate) use message::{About, Draft, OldRead, message};
