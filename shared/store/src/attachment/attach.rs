use std::collections::HashMap;

use futures_util::TryStreamExt;
use messaging_domain::{AttachmentId, ConversationId, UserId};
use messaging_wire::Attachment;
use mongodb::bson::doc;
use mongodb::bson::oid::ObjectId;
use mongodb::error::Result as DriverResult;

use super::attachment_object_id;
use crate::model::{File, date, object_id};
use crate::{Store, StoreError};

impl Store {
    /// The files that a user uploaded for a conversation, in the order of `ids`, about to be put into a message; none if one of
    /// them is not there, is another's, belongs to another conversation, or was in a message that has been deleted.
    ///
    /// They are safe from [`Store::sweep_attachments`] for long enough to store the message.
    ///
    /// # Errors
    /// When MongoDB does not answer.
    pub async fn attach(
        &self,
        conversation: ConversationId,
        uploader: &UserId,
        ids: &[AttachmentId],
    ) -> Result<Option<Vec<Attachment>>, StoreError> {
        if ids.is_empty() {
            return Ok(Some(Vec::new()));
        }
        self.mongo()
            .fenced(self.touch(conversation, uploader, ids))
            .await
    }

    async fn touch(
        &self,
        conversation: ConversationId,
        uploader: &UserId,
        ids: &[AttachmentId],
    ) -> DriverResult<Option<Vec<Attachment>>> {
        let attachments = &self.mongo().collections().await?.attachments;
        let ids: Vec<ObjectId> = ids.iter().copied().map(attachment_object_id).collect();
        let theirs = doc! {
            "_id": { "$in": &ids },
            "c": object_id(conversation),
            "uploader": uploader.as_str(),
            "file": { "$exists": true },
            "released": { "$exists": false },
        };
        // First they are kept, then looked at: what is found afterwards stays.
        let kept = doc! { "$max": { "usedAt": date(self.now()) } };
        attachments.update_many(theirs.clone(), kept).await?;
        let mut found: HashMap<ObjectId, File> = HashMap::with_capacity(ids.len());
        let mut cursor = attachments.find(theirs).await?;
        while let Some(stored) = cursor.try_next().await? {
            found.extend(stored.file.map(|file| (stored.id, file)));
        }
        let in_order = ids
            .into_iter()
            .map(|id| Some(found.remove(&id)?.into_wire(id)));
        Ok(in_order.collect())
    }
}
