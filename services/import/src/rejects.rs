//! What is left out, and why: a line of JSON for each.

use std::path::PathBuf;

use messaging_domain::ContentError;
use mongodb::bson::Bson;
use serde::Serialize;

use crate::json_lines::{FileError, JsonLines};
use crate::old::value;

/// A kind of old document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    Contract,
    Conversation,
    Message,
}

/// Why a document is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reason {
    IdInvalid,
    NoTime,
    PartyInvalid,
    SameParty,
    MilestoneInvalid,
    TooManyMilestones,
    ContractInUse,
    ContractMissing,
    MilestoneUnknown,
    ConversationConflict,
    ConversationMissing,
    SenderNotParty,
    ContentEmpty,
    ContentTooLong,
    ContentInvalid,
    IdTaken,
}

impl Reason {
    /// What it means, for the person who reads the file.
    const fn explanation(self) -> &'static str {
        match self {
            Self::IdInvalid => "its id is neither an ObjectId nor a text that can be an id",
            Self::NoTime => "it has no createdAt, and its id tells no time",
            Self::PartyInvalid => "clientId or freelancerId is missing or cannot be an id",
            Self::SameParty => "client and freelancer are the same user",
            Self::MilestoneInvalid => "a milestone has no id",
            Self::TooManyMilestones => "it has more than 1,000 milestones",
            Self::ContractInUse => {
                "the contract of this id has conversations already, and a party or a milestone of them would go; it stays as it is"
            }
            Self::ContractMissing => "there is no such contract: put it and import again",
            Self::MilestoneUnknown => {
                "the contract has no such milestone: put the contract with it and import again"
            }
            Self::ConversationConflict => "the new conversation belongs to other users",
            Self::ConversationMissing => "its conversation is gone",
            Self::SenderNotParty => "its sender is no party of the contract",
            Self::ContentEmpty => "it has no text and no attachment",
            Self::ContentTooLong => {
                "its text, with links to its attachments, has more than 10,000 characters"
            }
            Self::ContentInvalid => "its content is no text",
            Self::IdTaken => {
                "another conversation has a message of its id, or this one another message of its client message id"
            }
        }
    }
}

impl From<ContentError> for Reason {
    fn from(error: ContentError) -> Self {
        match error {
            ContentError::Empty => Self::ContentEmpty,
            ContentError::TooLong => Self::ContentTooLong,
            ContentError::ControlCharacter => Self::ContentInvalid,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    kind: Kind,
    id: &'a str,
    reason: Reason,
    explanation: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    conversation_id: Option<&'a str>,
}

/// The file of what is left out. It is written anew by each run, which comes by everything again.
pub(crate) struct Rejects(JsonLines);

impl Rejects {
    /// Begins the file.
    pub(crate) fn create(path: PathBuf) -> Result<Self, FileError> {
        JsonLines::create(path).map(Self)
    }

    /// Writes why a document is left out. Texts of messages are not written.
    pub(crate) fn write(
        &self,
        kind: Kind,
        id: Option<&Bson>,
        reason: Reason,
        conversation: Option<&Bson>,
    ) -> Result<(), FileError> {
        let (id, conversation) = (id.map(shown), conversation.map(shown));
        self.0.write(&Line {
            kind,
            id: id.as_deref().unwrap_or_default(),
            reason,
            explanation: reason.explanation(),
            conversation_id: conversation.as_deref(),
        })
    }

    /// Writes what is still in memory.
    pub(crate) fn flush(&self) -> Result<(), FileError> {
        self.0.flush()
    }
}

/// An id as text, or as MongoDB's extended JSON if it is something else.
fn shown(id: &Bson) -> String {
    value::id_text(Some(id)).unwrap_or_else(|| id.to_string())
}
