//! Contracts, conversations and messages in MongoDB: the only crate that knows the driver.
//!
//! # What is stored
//!
//! - `messages` is the log and the truth. `_id` is the message's id, `c` the conversation, `seq` its place there, `nc` and `nf`
//!   how many messages client and freelancer had sent by then, itself included. Unique: `(c, seq)`, and `(c, sender, cmid)` where
//!   there is a client message id. `digest` is of what was sent first, so that a repeated send is recognised after an edit.
//! - `conversations` has one document per conversation, with `_id` derived from contract and milestone: its immutable part, a
//!   *summary* of the log (`lastSeq`, `nc`, `nf`, `createdAt`, `updatedAt`), and how far each party has read. The summary orders
//!   the list and gives numbering its first guess. It may lag behind the log and is never ahead of it: what readers are shown of
//!   the last message comes from the log, so an edit or a deletion has one place to change.
//! - `attachments` has a document for each uploaded file, whose bytes are in the GridFS bucket of that name. A message holds a copy
//!   of what is known of its files, so that history is one query. `loose` is set on those that no message is known to hold.
//! - `contracts` says who may talk about what. `open` lists the milestones that have a conversation (the empty text for the
//!   contract's own), so that one atomic update can tell whether a contract may be replaced.
//! - `revocations` says whose tokens, and which, hold no more; a document is removed by MongoDB once those have expired anyway.
//!
//! # The order of things
//!
//! A conversation is entered in its contract (majority), then created (majority), then used. `open` may thus name a conversation
//! whose first message never came; that is the safe side.
//!
//! A message is numbered from a head that is majority-committed: one's own acknowledged write, a summary (which is written
//! only after its messages were acknowledged), or the log read by majority. The guess may be too low, never too high, because the
//! log has no gaps and its unique index refuses a number twice; an ordered insert leaves a prefix of what it was given, so never a
//! hole. [`Store::append`] says what the sender learns.
//!
//! After the insert come the summary and the read marks, then the hook, then the answer; the next batch of the same
//! conversation only after that. So one replica publishes each conversation in order, and who was answered sees his own message
//! in every list. What happens between insert and hook when the process dies is for [`Store::recent`] to find.
//!
//! # Sharding
//!
//! By the keys of docs/scaling.md. No call spans a transaction.

mod append;
mod attachment;
mod change;
mod commit;
mod config;
mod contract;
mod conversation;
mod counterpart;
mod cursor;
mod error;
mod head;
mod history;
mod import;
mod key;
mod last_seen;
mod list;
mod metrics;
mod model;
mod mongo;
mod mutant;
mod open;
mod prepare;
mod probe;
mod read_mark;
mod recent;
mod revocation;
mod search;
mod store;
mod summary;
mod trouble;
mod updates;

pub use append::{AppendError, Appended, NewMessage};
pub use attachment::{StoredFile, Upload, Uploaded};
pub use change::{ChangeError, Changed};
pub use commit::{CommitHook, Committed};
pub use config::{StoreConfig, StoreConfigError};
pub use contract::{NewContract, PutContract, PutContractError};
pub use cursor::{Cursor, CursorError};
pub use error::{Cause, StoreError};
pub use history::{History, HistoryRange};
pub use import::{
    Brought, ContractImport, Finished, ImportLog, ImportMode, ImportUpload, ImportedContract,
    ImportedConversation, ImportedMessage, ImportedRead, Standing,
};
pub use key::ConversationKey;
pub use open::OpenError;
pub use read_mark::MarkedRead;
pub use revocation::{RevocationsRead, RevokeError};
pub use store::Store;
