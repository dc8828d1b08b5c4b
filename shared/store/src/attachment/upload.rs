use std::io;

use futures_util::AsyncWriteExt;
use messaging_domain::{ConversationId, UserId};
use messaging_wire::Attachment;
use mongodb::bson::oid::ObjectId;
use mongodb::bson::{Bson, doc, serialize_to_bson};
use mongodb::error::{Error as DriverError, Result as DriverResult};
use mongodb::gridfs::GridFsUploadStream;
use sha2::{Digest, Sha256};

use crate::error::Trouble;
use crate::model::{File, StoredAttachment, date, object_id};
use crate::mongo::Mongo;
use crate::{Store, StoreError};

/// A file on its way into the store.
///
/// Dropped before [`Upload::finish`], it leaves nothing that anyone can see; what it has written is removed, at the latest by
/// [`Store::sweep_attachments`]. It holds at most two chunks of 255 KiB in memory.
pub struct Upload {
    store: Store,
    id: ObjectId,
    stream: GridFsUploadStream,
    hash: Sha256,
    size: u64,
}

/// How a file is to be called, once all of it is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uploaded {
    /// Its name.
    pub filename: String,
    /// Its media type.
    pub content_type: String,
}

impl Store {
    /// Begins to take a file that a user uploads for a conversation, which need not exist yet.
    ///
    /// # Errors
    /// When MongoDB does not answer.
    pub async fn begin_upload(
        &self,
        conversation: ConversationId,
        uploader: &UserId,
    ) -> Result<Upload, StoreError> {
        self.mongo()
            .fenced(self.begin(ObjectId::new(), conversation, uploader))
            .await
    }

    pub(crate) async fn begin(
        &self,
        id: ObjectId,
        conversation: ConversationId,
        uploader: &UserId,
    ) -> DriverResult<Upload> {
        self.ensure_prepared().await?;
        let collections = self.mongo().collections().await?;
        let document = StoredAttachment {
            id,
            c: object_id(conversation),
            uploader: uploader.clone(),
            file: None,
            used_at: date(self.now()),
            loose: true,
            released: false,
        };
        collections.attachments.insert_one(document).await?;
        let stream = collections
            .attachment_bytes
            // The name is the document's to know.
            .open_upload_stream("")
            .id(Bson::ObjectId(id))
            .await?;
        Ok(Upload {
            store: self.clone(),
            id,
            stream,
            hash: Sha256::new(),
            size: 0,
        })
    }
}

impl Upload {
    /// How many bytes have been written.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Writes the next bytes.
    ///
    /// # Errors
    /// When MongoDB does not answer; then the upload can only be dropped.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.hash.update(bytes);
        self.size += bytes.len() as u64;
        fenced(self.store.mongo(), self.stream.write_all(bytes)).await
    }

    /// Makes the file known under a name, with all that was written.
    ///
    /// # Errors
    /// When MongoDB does not answer; then the file is not known, or will be swept as one that no message holds.
    pub async fn finish(mut self, uploaded: Uploaded) -> Result<Attachment, StoreError> {
        fenced(self.store.mongo(), self.stream.close()).await?;
        let file = File {
            filename: uploaded.filename,
            content_type: uploaded.content_type,
            size: self.size,
            sha256: hexadecimal(&self.hash.clone().finalize()),
        };
        let mongo = self.store.mongo();
        let known = mongo.fenced(async {
            let attachments = &mongo.collections().await?.attachments;
            let file = serialize_to_bson(&file).map_err(DriverError::from)?;
            let change = doc! { "$set": { "file": file, "usedAt": date(self.store.now()) } };
            let changed = attachments
                .update_one(doc! { "_id": self.id }, change)
                .await?;
            // An upload that took longer than a loose file may stay has been swept.
            (changed.matched_count == 1)
                .then_some(())
                .ok_or_else(|| Trouble::Missing.into())
        });
        known.await?;
        self.store
            .shared
            .metrics
            .files
            .uploaded_bytes
            .inc_by(self.size);
        Ok(file.into_wire(self.id))
    }
}

async fn fenced(
    mongo: &Mongo,
    call: impl Future<Output = io::Result<()>>,
) -> Result<(), StoreError> {
    match tokio::time::timeout(mongo.deadline(), call).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(mongo.failed(driver_error(error))),
        Err(_) => Err(mongo.timed_out()),
    }
}

/// The error inside of the one that the stream's trait has it wear.
fn driver_error(error: io::Error) -> DriverError {
    match error.downcast::<DriverError>() {
        Ok(inner) => inner,
        Err(error) => DriverError::from(error),
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes it");
        text
    })
}
