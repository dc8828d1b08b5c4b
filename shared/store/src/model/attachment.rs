use messaging_domain::{AttachmentId, UserId};
use messaging_wire::Attachment;
use mongodb::bson::DateTime;
use mongodb::bson::oid::ObjectId;
use serde::{Deserialize, Serialize};

/// An upload in collection `attachments`; its bytes are in the GridFS bucket of the same name, under the same id.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StoredAttachment {
    #[serde(rename = "_id")]
    pub(crate) id: ObjectId,
    /// The conversation.
    pub(crate) c: ObjectId,
    pub(crate) uploader: UserId,
    /// What it is; absent until all bytes are there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) file: Option<File>,
    /// When it was uploaded, last about to be put into a message, or released by one.
    pub(crate) used_at: DateTime,
    /// Present as long as no message is known to hold it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) loose: bool,
    /// Present from when a message that held it is deleted until it is known whether another one does: it can be put into no
    /// message, and only who finds one that holds it may read it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) released: bool,
}

/// What is known of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct File {
    pub(crate) filename: String,
    pub(crate) content_type: String,
    pub(crate) size: u64,
    pub(crate) sha256: String,
}

/// A file as a message holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AttachedFile {
    pub(crate) id: ObjectId,
    #[serde(flatten)]
    pub(crate) file: File,
}

impl File {
    pub(crate) fn into_wire(self, id: ObjectId) -> Attachment {
        let id = AttachmentId::from_bytes(id.bytes());
        Attachment {
            id,
            filename: self.filename,
            content_type: self.content_type,
            size: self.size,
            sha256: self.sha256,
            url: format!("/api/messages/attachments/{id}"),
        }
    }
}

impl From<Attachment> for AttachedFile {
    fn from(attachment: Attachment) -> Self {
        Self {
            id: ObjectId::from_bytes(attachment.id.bytes()),
            file: File {
                filename: attachment.filename,
                content_type: attachment.content_type,
                size: attachment.size,
                sha256: attachment.sha256,
            },
        }
    }
}

impl From<AttachedFile> for Attachment {
    fn from(attached: AttachedFile) -> Self {
        attached.file.into_wire(attached.id)
    }
}
