use messaging_domain::{AttachmentId, ConversationId, UserId};
use messaging_wire::Attachment;
use mongodb::bson::doc;

use crate::attachment::attachment_object_id;
use crate::{Store, StoreError, Upload};

/// A file that an import is about to put into a message.
pub enum ImportUpload {
    /// An earlier run has stored it.
    Stored(Attachment),
    /// It is to be written.
    Begun(Box<Upload>),
}

impl Store {
    /// Begins to take a file under an id that the importer gives, unless it is there already.
    ///
    /// What a run that was killed has left of it goes first.
    ///
    /// # Errors
    /// When MongoDB does not answer.
    pub async fn import_upload(
        &self,
        id: AttachmentId,
        conversation: ConversationId,
        uploader: &UserId,
    ) -> Result<ImportUpload, StoreError> {
        let id = attachment_object_id(id);
        let begun = self.mongo().fenced(async {
            let attachments = &self.mongo().collections().await?.attachments;
            let stored = attachments.find_one(doc! { "_id": id }).await?;
            let is_left_over = stored.is_some();
            if let Some(file) = stored.and_then(|stored| stored.file) {
                return Ok(ImportUpload::Stored(file.into_wire(id)));
            }
            if is_left_over {
                self.remove_file(id).await?;
            }
            let upload = self.begin(id, conversation, uploader).await?;
            Ok(ImportUpload::Begun(Box::new(upload)))
        });
        begun.await
    }
}
