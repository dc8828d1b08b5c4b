use messaging_domain::{AttachmentId, ClientMessageId, Counts, Party, UserId};
use messaging_wire::Message;
use mongodb::bson::oid::ObjectId;
use mongodb::bson::spec::BinarySubtype;
use mongodb::bson::{Binary, DateTime};
use serde::{Deserialize, Serialize};
use sha2::Digest as _;

use super::{AttachedFile, Head, timestamp};
use crate::ConversationKey;

/// A message in collection `messages`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StoredMessage {
    #[serde(rename = "_id")]
    pub(crate) id: ObjectId,
    /// The conversation.
    pub(crate) c: ObjectId,
    pub(crate) seq: u64,
    pub(crate) sender: UserId,
    pub(crate) content: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) attachments: Vec<AttachedFile>,
    /// The client message id; the field is absent, not null, without one, as the partial index wants it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cmid: Option<ClientMessageId>,
    /// What was sent first, for comparison with a repeated send; edits leave it alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) digest: Option<Binary>,
    pub(crate) at: DateTime,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) edited_at: Option<DateTime>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) deleted_at: Option<DateTime>,
    /// When it was edited or deleted last; the field is absent for what never was, as the partial index wants it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) changed_at: Option<DateTime>,
    /// How often it was edited or deleted.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) changes: u32,
    /// How many messages the client had sent, this one included.
    pub(crate) nc: u64,
    /// How many messages the freelancer had sent, this one included.
    pub(crate) nf: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
const fn is_zero(count: &u32) -> bool {
    *count == 0
}

/// A fingerprint of what a sender sent: the text and the files' ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Digest([u8; 16]);

impl Digest {
    pub(crate) fn of(
        content: &str,
        attachments: impl ExactSizeIterator<Item = AttachmentId>,
    ) -> Self {
        let mut hash = sha2::Sha256::new();
        let count = attachments.len() as u64;
        for id in attachments {
            hash.update(id.bytes());
        }
        // The ids have a fixed length, so their number makes the parts unambiguous.
        hash.update(count.to_le_bytes());
        hash.update(content);
        let mut digest = [0; 16];
        digest.copy_from_slice(&hash.finalize()[..16]);
        Self(digest)
    }
}

impl From<Digest> for Binary {
    fn from(digest: Digest) -> Self {
        Self {
            subtype: BinarySubtype::Generic,
            bytes: digest.0.to_vec(),
        }
    }
}

impl StoredMessage {
    pub(crate) const fn counts(&self) -> Counts {
        Counts {
            client: self.nc,
            freelancer: self.nf,
        }
    }

    pub(crate) fn head(&self) -> Head {
        Head {
            seq: self.seq,
            counts: self.counts(),
            at: timestamp(self.at),
        }
    }

    /// Which party sent it; none if the log names somebody who is no party.
    pub(crate) fn sender_party(&self, key: &ConversationKey) -> Option<Party> {
        key.parties().party_of(&self.sender)
    }

    /// Whether it is what a digest was taken of.
    pub(crate) fn is_what_was_sent(&self, digest: Digest) -> bool {
        self.digest
            .as_ref()
            .is_some_and(|stored| stored.bytes == digest.0)
    }

    pub(crate) fn into_wire(self, key: &ConversationKey) -> Message {
        Message {
            id: messaging_domain::MessageId::from_bytes(self.id.bytes()),
            conversation_id: key.id(),
            contract_id: key.contract_id().clone(),
            milestone_id: key.milestone_id().cloned(),
            seq: self.seq,
            sender_id: self.sender,
            content: self.content,
            attachments: self.attachments.into_iter().map(Into::into).collect(),
            client_message_id: self.cmid,
            created_at: timestamp(self.at),
            edited_at: self.edited_at.map(timestamp),
            deleted_at: self.deleted_at.map(timestamp),
        }
    }
}
