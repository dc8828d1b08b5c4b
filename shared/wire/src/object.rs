use messaging_domain::{
    AttachmentId, ClientMessageId, ContractId, ConversationId, MessageId, MilestoneId, Party,
    Timestamp, UserId,
};
use serde::{Deserialize, Serialize};

#[cfg(feature = "openapi")]
use messaging_domain::{Content, Filename, schema::Title};

/// A message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(
    feature = "openapi",
    derive(utoipa::ToSchema),
    schema(examples(crate::golden::message))
)]
pub struct Message {
    /// Its id.
    pub id: MessageId,
    /// The conversation it is in.
    pub conversation_id: ConversationId,
    /// The contract of the conversation.
    pub contract_id: ContractId,
    /// The milestone of the conversation, if it has one.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub milestone_id: Option<MilestoneId>,
    /// Its place in the conversation: 1, 2, 3 … without gaps or repeats.
    #[cfg_attr(feature = "openapi", schema(minimum = 1))]
    pub seq: u64,
    /// Who sent it.
    pub sender_id: UserId,
    /// Its text; empty once it is deleted.
    #[cfg_attr(feature = "openapi", schema(value_type = Content))]
    pub content: String,
    /// Its files; none once it is deleted.
    #[cfg_attr(feature = "openapi", schema(max_items = 10))]
    pub attachments: Vec<Attachment>,
    /// The name its sender gave it.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub client_message_id: Option<ClientMessageId>,
    /// When it was stored.
    pub created_at: Timestamp,
    /// When its text was last changed.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub edited_at: Option<Timestamp>,
    /// When it was deleted.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub deleted_at: Option<Timestamp>,
}

/// An uploaded file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(
    feature = "openapi",
    derive(utoipa::ToSchema),
    schema(examples(crate::golden::attachment))
)]
pub struct Attachment {
    /// Its id.
    pub id: AttachmentId,
    /// The name it had at its sender's.
    #[cfg_attr(feature = "openapi", schema(value_type = Filename, min_length = 1))]
    pub filename: String,
    /// Its media type.
    #[cfg_attr(
        feature = "openapi",
        schema(max_length = 127, example = "application/pdf")
    )]
    pub content_type: String,
    /// Its size in bytes.
    pub size: u64,
    /// SHA-256 of its bytes, 64 hexadecimal digits.
    #[cfg_attr(
        feature = "openapi",
        schema(min_length = 64, max_length = 64, pattern = "^[0-9a-f]{64}$")
    )]
    pub sha256: String,
    /// The path to download it from.
    #[cfg_attr(
        feature = "openapi",
        schema(pattern = "^/api/messages/attachments/[0-9a-f]{24}$")
    )]
    pub url: String,
}

/// A contract between a client and a freelancer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(
    feature = "openapi",
    derive(utoipa::ToSchema),
    schema(examples(crate::golden::contract))
)]
pub struct Contract {
    /// Its id.
    pub id: ContractId,
    /// Who pays.
    pub client_id: UserId,
    /// Who works.
    pub freelancer_id: UserId,
    /// Its title.
    #[cfg_attr(feature = "openapi", schema(required, value_type = Option<Title>))]
    pub title: Option<String>,
    /// Its milestones, in the order given.
    #[cfg_attr(feature = "openapi", schema(max_items = 1000))]
    pub milestones: Vec<Milestone>,
    /// When it was first put.
    pub created_at: Timestamp,
    /// When it was last put.
    pub updated_at: Timestamp,
}

/// A milestone of a contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Milestone {
    /// Its id, unique within the contract.
    pub id: MilestoneId,
    /// Its title.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required, value_type = Option<Title>))]
    pub title: Option<String>,
}

/// A conversation as one of its participants sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(
    feature = "openapi",
    derive(utoipa::ToSchema),
    schema(examples(crate::golden::conversation))
)]
pub struct Conversation {
    /// Its id.
    pub id: ConversationId,
    /// Its contract.
    pub contract_id: ContractId,
    /// Its milestone, if it belongs to one.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub milestone_id: Option<MilestoneId>,
    /// The two participants, the client first.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<Participant>, min_items = 2, max_items = 2))]
    pub participants: [Participant; 2],
    /// The `seq` of the last message.
    pub last_seq: u64,
    /// The last message, in its present state.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub last_message: Option<Message>,
    /// What the caller has not read.
    pub unread_count: u64,
    /// When the first message came.
    pub created_at: Timestamp,
    /// When the last message came.
    pub updated_at: Timestamp,
}

/// A participant of a conversation and how far he has read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Participant {
    /// The user.
    pub user_id: UserId,
    /// His side of the contract.
    pub role: Party,
    /// The last `seq` he has read.
    pub read_seq: u64,
    /// Messages of the other participant after `read_seq`.
    pub unread_count: u64,
    /// When `read_seq` last grew.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub read_at: Option<Timestamp>,
}

/// How far a user has read a conversation: the answer to marking it as read, and the event `messages_read`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(
    feature = "openapi",
    derive(utoipa::ToSchema),
    schema(examples(crate::golden::read_receipt))
)]
pub struct ReadReceipt {
    /// The conversation.
    pub conversation_id: ConversationId,
    /// The reader.
    pub user_id: UserId,
    /// The last `seq` read.
    pub read_seq: u64,
    /// What is left unread.
    pub unread_count: u64,
    /// When `read_seq` last grew.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub read_at: Option<Timestamp>,
}

/// One page of a list of conversations and where the next one starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(
    feature = "openapi",
    derive(utoipa::ToSchema),
    schema(examples(crate::golden::conversations_page))
)]
pub struct ConversationsPage {
    /// The conversations, the latest activity first.
    #[cfg_attr(feature = "openapi", schema(max_items = 100))]
    pub items: Vec<Conversation>,
    /// What to pass as `cursor` for the next page; null after the last.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub next_cursor: Option<String>,
}

/// Whether a user is connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum PresenceStatus {
    /// At least one connection, or the last one went only moments ago.
    Online,
    /// None.
    Offline,
}

/// The presence of one user; also the event `user_presence`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(
    feature = "openapi",
    derive(utoipa::ToSchema),
    schema(examples(crate::golden::presence_item))
)]
pub struct PresenceItem {
    /// The user.
    pub user_id: UserId,
    /// Whether he is connected.
    pub status: PresenceStatus,
    /// When his last connection closed; null while online, or if never seen.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub last_seen_at: Option<Timestamp>,
}

/// Whose tokens were revoked, or which one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum RevocationKind {
    /// All tokens of a user that were issued up to some time.
    User,
    /// One token.
    Token,
}

/// That tokens hold no more although they have not expired.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(
    feature = "openapi",
    derive(utoipa::ToSchema),
    schema(examples(crate::golden::revocation))
)]
pub struct Revocation {
    /// Whether it is of a user or of one token.
    pub kind: RevocationKind,
    /// The user's id, or the token's own (`jti`).
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 128))]
    pub id: String,
    /// Of a user: his tokens issued (`iat`) in this second or earlier are void. Of a token: when it was revoked.
    pub before: Timestamp,
    /// When the revocation is forgotten.
    pub expires_at: Timestamp,
}

/// One page of the revocations and where the next one starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(
    feature = "openapi",
    derive(utoipa::ToSchema),
    schema(examples(crate::golden::revocations_page))
)]
pub struct RevocationsPage {
    /// The revocations in force.
    #[cfg_attr(feature = "openapi", schema(max_items = 500))]
    pub items: Vec<Revocation>,
    /// What to pass as `cursor` for the next page; null after the last.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub next_cursor: Option<String>,
}
