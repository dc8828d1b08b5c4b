//! The rules of conversations between the two parties of a contract: ids, text, counts, limits.
//!
//! Nothing here does I/O, reads a clock or knows a wire format beyond the textual form of its types.

mod content;
mod counts;
mod filename;
mod id;
pub mod limits;
mod party;
mod rate;
mod revocation;
#[cfg(feature = "openapi")]
pub mod schema;
mod search;
mod timestamp;

pub use content::{Content, ContentError, preview};
pub use counts::{Counts, ReadMark, unread_count};
pub use filename::Filename;
pub use id::{
    AttachmentId, ClientMessageId, ContractId, ConversationId, IdError, MessageId, MilestoneId,
    UserId,
};
pub use party::{Parties, Party};
pub use rate::{Bucket, Rate};
pub use revocation::{
    Revocation, RevocationNews, Revoked, RevokedError, TokenId, TokenIdError, TokenMark,
};
pub use search::{SearchQuery, SearchQueryError};
pub use timestamp::{Timestamp, TimestampError};
