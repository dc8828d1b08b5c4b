//! What clients ask for. Fields hold what was sent, unchecked but for their JSON type; unknown ones are ignored.

use serde::{Deserialize, Serialize};

#[cfg(feature = "openapi")]
use messaging_domain::{
    AttachmentId, ClientMessageId, Content, ContractId, ConversationId, MessageId, MilestoneId,
    Timestamp, UserId, schema::Title,
};

/// A file, by the id its upload gave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AttachmentRef {
    /// The attachment's id.
    #[cfg_attr(feature = "openapi", schema(value_type = AttachmentId))]
    pub id: String,
}

/// The body of a message to be sent.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(
    feature = "openapi",
    derive(utoipa::ToSchema),
    schema(examples(crate::golden::draft))
)]
pub struct Draft {
    /// Its text; may be left out next to an attachment.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Content>))]
    pub content: Option<String>,
    /// Its files.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(max_items = 10))]
    pub attachments: Option<Vec<AttachmentRef>>,
    /// The sender's name for it, so that a repeated send stores nothing twice.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<ClientMessageId>))]
    pub client_message_id: Option<String>,
}

/// A message to a contract or milestone, whether or not its conversation exists: `POST /api/messages`, `create_message`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(
    feature = "openapi",
    derive(utoipa::ToSchema),
    schema(examples(crate::golden::create_message))
)]
pub struct CreateMessage {
    /// The contract.
    #[cfg_attr(feature = "openapi", schema(value_type = ContractId))]
    pub contract_id: String,
    /// The milestone, if the conversation is about one.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<MilestoneId>))]
    pub milestone_id: Option<String>,
    /// Its text; may be left out next to an attachment.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Content>))]
    pub content: Option<String>,
    /// Its files.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(max_items = 10))]
    pub attachments: Option<Vec<AttachmentRef>>,
    /// The sender's name for it, so that a repeated send stores nothing twice.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<ClientMessageId>))]
    pub client_message_id: Option<String>,
}

/// A message to a conversation: `send_message`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(
    feature = "openapi",
    derive(utoipa::ToSchema),
    schema(examples(crate::golden::send_message))
)]
pub struct SendMessage {
    /// The conversation.
    #[cfg_attr(feature = "openapi", schema(value_type = ConversationId))]
    pub conversation_id: String,
    /// Its text; may be left out next to an attachment.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Content>))]
    pub content: Option<String>,
    /// Its files.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(max_items = 10))]
    pub attachments: Option<Vec<AttachmentRef>>,
    /// The sender's name for it, so that a repeated send stores nothing twice.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<ClientMessageId>))]
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
#[cfg_attr(
    feature = "openapi",
    derive(utoipa::ToSchema),
    schema(examples(crate::golden::edit_content))
)]
pub struct EditContent {
    /// The new text.
    #[cfg_attr(feature = "openapi", schema(value_type = Content))]
    pub content: String,
}

/// `edit_message`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(
    feature = "openapi",
    derive(utoipa::ToSchema),
    schema(examples(crate::golden::edit_message))
)]
pub struct EditMessage {
    /// The conversation.
    #[cfg_attr(feature = "openapi", schema(value_type = ConversationId))]
    pub conversation_id: String,
    /// The message.
    #[cfg_attr(feature = "openapi", schema(value_type = MessageId))]
    pub message_id: String,
    /// The new text.
    #[cfg_attr(feature = "openapi", schema(value_type = Content))]
    pub content: String,
}

/// `delete_message`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(
    feature = "openapi",
    derive(utoipa::ToSchema),
    schema(examples(crate::golden::delete_message))
)]
pub struct DeleteMessage {
    /// The conversation.
    #[cfg_attr(feature = "openapi", schema(value_type = ConversationId))]
    pub conversation_id: String,
    /// The message.
    #[cfg_attr(feature = "openapi", schema(value_type = MessageId))]
    pub message_id: String,
}

/// How far a conversation was read: the body of `PATCH …/read`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(
    feature = "openapi",
    derive(utoipa::ToSchema),
    schema(examples(crate::golden::read_up_to))
)]
pub struct ReadUpTo {
    /// The last `seq` read; all of them if left out.
    #[serde(default)]
    pub up_to_seq: Option<u64>,
}

/// `mark_as_read`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(
    feature = "openapi",
    derive(utoipa::ToSchema),
    schema(examples(crate::golden::mark_as_read))
)]
pub struct MarkAsRead {
    /// The conversation.
    #[cfg_attr(feature = "openapi", schema(value_type = ConversationId))]
    pub conversation_id: String,
    /// The last `seq` read; all of them if left out.
    #[serde(default)]
    pub up_to_seq: Option<u64>,
}

/// `join_conversation`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(
    feature = "openapi",
    derive(utoipa::ToSchema),
    schema(examples(crate::golden::join_conversation))
)]
pub struct JoinConversation {
    /// The conversation.
    #[cfg_attr(feature = "openapi", schema(value_type = ConversationId))]
    pub conversation_id: String,
    /// The last `seq` that the client has; what came later is replayed.
    #[serde(default)]
    pub after_seq: Option<u64>,
}

/// `leave_conversation`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(
    feature = "openapi",
    derive(utoipa::ToSchema),
    schema(examples(crate::golden::leave_conversation))
)]
pub struct LeaveConversation {
    /// The conversation.
    #[cfg_attr(feature = "openapi", schema(value_type = ConversationId))]
    pub conversation_id: String,
}

/// `typing`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(
    feature = "openapi",
    derive(utoipa::ToSchema),
    schema(examples(crate::golden::typing))
)]
pub struct Typing {
    /// The conversation.
    #[cfg_attr(feature = "openapi", schema(value_type = ConversationId))]
    pub conversation_id: String,
    /// Whether the user is typing.
    pub is_typing: bool,
}

/// `get_presence`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(
    feature = "openapi",
    derive(utoipa::ToSchema),
    schema(examples(crate::golden::get_presence))
)]
pub struct GetPresence {
    /// The users asked about.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<UserId>, min_items = 1, max_items = 100))]
    pub user_ids: Vec<String>,
}

/// `refresh_token`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "openapi",
    derive(utoipa::ToSchema),
    schema(examples(crate::golden::refresh_token))
)]
pub struct RefreshToken {
    /// The new token.
    pub token: String,
}

/// A contract as the host platform puts it: the body of `PUT /api/contracts/{id}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(
    feature = "openapi",
    derive(utoipa::ToSchema),
    schema(examples(crate::golden::put_contract))
)]
pub struct PutContract {
    /// Who pays.
    #[cfg_attr(feature = "openapi", schema(value_type = UserId))]
    pub client_id: String,
    /// Who works.
    #[cfg_attr(feature = "openapi", schema(value_type = UserId))]
    pub freelancer_id: String,
    /// Its title.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Title>))]
    pub title: Option<String>,
    /// Its milestones.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(max_items = 1000))]
    pub milestones: Option<Vec<PutMilestone>>,
}

/// A milestone of a [`PutContract`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PutMilestone {
    /// Its id, unique within the contract.
    #[cfg_attr(feature = "openapi", schema(value_type = MilestoneId))]
    pub id: String,
    /// Its title.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Title>))]
    pub title: Option<String>,
}

/// From when on a user's tokens hold: the body of `PUT /api/revocations/users/{userId}`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(
    feature = "openapi",
    derive(utoipa::ToSchema),
    schema(examples(crate::golden::revoke_user))
)]
pub struct RevokeUser {
    /// Tokens issued in this second or earlier are void; now if left out.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Timestamp>))]
    pub before: Option<String>,
}

/// How long a token must be known as void: the body of `PUT /api/revocations/tokens/{jti}`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(
    feature = "openapi",
    derive(utoipa::ToSchema),
    schema(examples(crate::golden::revoke_token))
)]
pub struct RevokeToken {
    /// When the token expires; as late as is set for all revocations if left out.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Timestamp>))]
    pub expires_at: Option<String>,
}
