//! What an import of another system's conversations needs, beside running services.
//!
//! It follows the rules of the log: messages are numbered on from what is majority-committed, the unique indexes have the last word,
//! and the summary and the read marks come after the messages. Each call can be repeated: a message is known by its id, which the
//! importer gives. Nothing is announced to anyone; a gateway that is shown a gap by the next live message fills it from the log.

mod contract;
mod file;
mod finish;
mod known;
mod log;

pub use contract::{ContractImport, ImportedContract};
pub use file::ImportUpload;
pub use finish::{Finished, ImportedRead};
pub use known::Standing;
pub use log::{Brought, ImportLog, ImportedConversation};

use messaging_domain::{ClientMessageId, Content, MessageId, Party, Timestamp};
use messaging_wire::Attachment;

use crate::model::Digest;

/// Whether an import writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportMode {
    /// It does.
    Write,
    /// It only finds out what it would do.
    Look,
}

/// What the client message ids of imported messages begin with.
///
/// Read marks tell by it which messages the imported read state speaks of.
const NAME_PREFIX: &str = "import-";

/// A message of the other system. Its content is empty if it is deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedMessage {
    /// Its id, by which it is known in each import.
    pub id: MessageId,
    /// Who sent it.
    pub sender: Party,
    /// Its text as it is to be shown.
    pub content: Content,
    /// Its files, which are in the store.
    pub attachments: Vec<Attachment>,
    /// Its text and the links to its files as the other system has them, by which a later import tells whether it was edited there.
    pub source_text: String,
    /// When it was sent.
    pub created_at: Timestamp,
    /// When it was edited last, if that is known.
    pub edited_at: Option<Timestamp>,
    /// When it was deleted.
    pub deleted_at: Option<Timestamp>,
    /// When the other system last wrote to it, for whatever reason.
    pub touched_at: Timestamp,
}

impl ImportedMessage {
    fn digest(&self) -> Digest {
        Digest::of(&self.source_text, std::iter::empty())
    }

    /// The name it has in the log, made of its id.
    fn name(&self) -> ClientMessageId {
        format!("{NAME_PREFIX}{}", self.id)
            .parse()
            .expect("letters, a hyphen and 24 digits")
    }
}
