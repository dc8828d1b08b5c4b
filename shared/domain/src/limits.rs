//! Fixed limits of the wire contract. What an operator may change is a setting of its service instead.

/// Most Unicode scalar values in a message's text, after trimming.
pub const CONTENT_SCALARS_MAX: usize = 10_000;
/// Most attachments of one message.
pub const ATTACHMENTS_MAX: usize = 10;
/// Most characters of an id that the host platform gives (user, contract, milestone) and of a `clientMessageId`.
pub const OPAQUE_ID_LENGTH_MAX: usize = 64;
/// Most characters of a token's own id (`jti`) by which it can be revoked.
pub const TOKEN_ID_LENGTH_MAX: usize = 128;
/// Unicode scalar values of a message's text that a notification carries.
pub const PREVIEW_SCALARS_MAX: usize = 140;
/// Most messages of one history page.
pub const HISTORY_PAGE_MAX: u32 = 100;
/// Messages of a history page whose size the caller left open.
pub const HISTORY_PAGE_DEFAULT: u32 = 50;
/// Most conversations of one list page.
pub const CONVERSATIONS_PAGE_MAX: u32 = 100;
/// Conversations of a list page whose size the caller left open.
pub const CONVERSATIONS_PAGE_DEFAULT: u32 = 20;
/// Most missed messages that joining a conversation replays.
pub const REPLAY_MAX: u32 = 500;
/// Most users in one presence query.
pub const PRESENCE_USERS_MAX: usize = 100;
/// Most milestones of one contract.
pub const MILESTONES_MAX: usize = 1_000;
/// Most Unicode scalar values in a contract's or milestone's title.
pub const TITLE_SCALARS_MAX: usize = 500;
/// Most Unicode scalar values in the name of an uploaded file.
pub const FILENAME_SCALARS_MAX: usize = 255;
/// Most Unicode scalar values of a search query.
pub const QUERY_SCALARS_MAX: usize = 100;
/// Most messages of one search.
pub const SEARCH_RESULTS_MAX: u32 = 50;
/// Messages of a search whose number the caller left open.
pub const SEARCH_RESULTS_DEFAULT: u32 = 20;
/// Most revocations of one page.
pub const REVOCATIONS_PAGE_MAX: u32 = 500;
/// Revocations of a page whose size the caller left open.
pub const REVOCATIONS_PAGE_DEFAULT: u32 = 100;
