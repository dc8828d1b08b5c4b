//! What clients ask for. Fields hold what was sent, unchecked but for their JSON type; unknown ones are ignored.

use serde::{Deserialize, Serialize};

/// A file, by the id its upload gave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttachmentRef {
    /// The attachment's id.
    pub id: String,
}

/// The body of a message to be sent.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Draft {
    /// Its text; may be left out next to an attachment.
    #[serde(default)]
    pub content: Option<String>,
    /// Its files.
    #[serde(default)]
    pub attachments: Option<Vec<AttachmentRef>>,
    /// The sender's name for it, so that a repeated send stores nothing twice.
    #[serde(default)]
    pub client_message_id: Option<String>,
}

/// A message to a contract or milestone, whether or not its conversation exists: `POST /api/messages`, `create_message`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateMessage {
    /// The contract.
    pub contract_id: String,
    /// The milestone, if the conversation is about one.
    #[serde(default)]
    pub milestone_id: Option<String>,
    /// Its text; may be left out next to an attachment.
    #[serde(default)]
    pub content: Option<String>,
    /// Its files.
    #[serde(default)]
    pub attachments: Option<Vec<AttachmentRef>>,
    /// The sender's name for it, so that a repeated send stores nothing twice.
    #[serde(default)]
    pub client_message_id: Option<String>,
}

/// A message to a conversation: `send_message`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SendMessage {
    /// The conversation.
    pub conversation_id: String,
    /// Its text; may be left out next to an attachment.
    #[serde(default)]
    pub content: Option<String>,
    /// Its files.
    #[serde(default)]
    pub attachments: Option<Vec<AttachmentRef>>,
    /// The sender's name for it, so that a repeated send stores nothing twice.
    #[serde(default)]
    pub client_message_id: Option<String>,
}

// The fields of a draft stand in both, since `serde(flatten)` buffers them and loses the path of the one at fault.

impl CreateMessage {
    /// The contract, the milestone, and the message itself.
    pub fn into_parts(self) -> (String, Option<String>, Draft) {
        let draft = Draft {
            content: self.content,
            attachments: self.attachments,
            client_message_id: self.client_message_id,
        };
        (self.contract_id, self.milestone_id, draft)
    }
}

impl SendMessage {
    /// The conversation, and the message itself.
    pub fn into_parts(self) -> (String, Draft) {
        let draft = Draft {
            content: self.content,
            attachments: self.attachments,
            client_message_id: self.client_message_id,
        };
        (self.conversation_id, draft)
    }
}

/// A new text for a message: the body of `PATCH …/messages/{messageId}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EditContent {
    /// The new text.
    pub content: String,
}

/// `edit_message`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EditMessage {
    /// The conversation.
    pub conversation_id: String,
    /// The message.
    pub message_id: String,
    /// The new text.
    pub content: String,
}

/// `delete_message`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeleteMessage {
    /// The conversation.
    pub conversation_id: String,
    /// The message.
    pub message_id: String,
}

/// How far a conversation was read: the body of `PATCH …/read`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReadUpTo {
    /// The last `seq` read; all of them if left out.
    #[serde(default)]
    pub up_to_seq: Option<u64>,
}

/// `mark_as_read`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MarkAsRead {
    /// The conversation.
    pub conversation_id: String,
    /// The last `seq` read; all of them if left out.
    #[serde(default)]
    pub up_to_seq: Option<u64>,
}

/// `join_conversation`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JoinConversation {
    /// The conversation.
    pub conversation_id: String,
    /// The last `seq` that the client has; what came later is replayed.
    #[serde(default)]
    pub after_seq: Option<u64>,
}

/// `leave_conversation`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LeaveConversation {
    /// The conversation.
    pub conversation_id: String,
}

/// `typing`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Typing {
    /// The conversation.
    pub conversation_id: String,
    /// Whether the user is typing.
    pub is_typing: bool,
}

/// `get_presence`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GetPresence {
    /// The users asked about.
    pub user_ids: Vec<String>,
}

/// `refresh_token`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefreshToken {
    /// The new token.
    pub token: String,
}

/// A contract as the host platform puts it: the body of `PUT /api/contracts/{id}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PutContract {
    /// Who pays.
    pub client_id: String,
    /// Who works.
    pub freelancer_id: String,
    /// Its title.
    #[serde(default)]
    pub title: Option<String>,
    /// Its milestones.
    #[serde(default)]
    pub milestones: Option<Vec<PutMilestone>>,
}

/// A milestone of a [`PutContract`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PutMilestone {
    /// Its id, unique within the contract.
    pub id: String,
    /// Its title.
    #[serde(default)]
    pub title: Option<String>,
}
