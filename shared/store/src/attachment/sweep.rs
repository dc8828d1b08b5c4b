use std::time::Duration;

use futures_util::TryStreamExt;
use messaging_domain::AttachmentId;
use mongodb::bson::oid::ObjectId;
use mongodb::bson::{Bson, Document, doc};
use mongodb::error::{ErrorKind, GridFsErrorKind, Result as DriverResult};

use super::attachment_object_id;
use crate::model::{StoredAttachment, date};
use crate::{Store, StoreError};

/// How many files one sweep looks at.
const FILES_PER_SWEEP: i64 = 200;

/// How long a send may still be on its way that wanted a file before it was released; longer than any deadline.
const RELEASED_AGE: Duration = Duration::from_secs(60);

impl Store {
    /// Removes files that no message has held for so long, half-done uploads included, and those of deleted messages soon after;
    /// returns how many.
    ///
    /// It looks at a bounded number of them. `age` must be longer than any upload and any send take. Replicas may do it at once.
    ///
    /// # Errors
    /// When MongoDB does not answer.
    pub async fn sweep_attachments(&self, age: Duration) -> Result<u64, StoreError> {
        let now = self.now();
        let (loose_since, released_since) = (now.earlier(age), now.earlier(age.min(RELEASED_AGE)));
        let due = self.mongo().fenced(async {
            let attachments = &self.mongo().collections().await?.attachments;
            let due = doc! { "loose": true, "$or": [
                { "usedAt": { "$lte": date(loose_since) } },
                { "usedAt": { "$lte": date(released_since) }, "released": true },
            ] };
            let found = attachments.find(due).limit(FILES_PER_SWEEP);
            let found = found.sort(doc! { "usedAt": 1 }).await?;
            found.try_collect::<Vec<_>>().await
        });
        let mut removed = 0;
        for stored in due.await? {
            removed += u64::from(self.mongo().fenced(self.sweep(&stored)).await?);
        }
        self.shared.metrics.files.swept.inc_by(removed);
        Ok(removed)
    }

    /// Closes the files that a message held which has been deleted; [`Store::sweep_attachments`] removes them unless another
    /// message holds them.
    ///
    /// # Errors
    /// When MongoDB does not answer.
    pub async fn release_attachments(&self, held: &[AttachmentId]) -> Result<(), StoreError> {
        if held.is_empty() {
            return Ok(());
        }
        let released = self.mongo().fenced(async {
            let attachments = &self.mongo().collections().await?.attachments;
            let ids: Vec<ObjectId> = held.iter().copied().map(attachment_object_id).collect();
            let now = date(self.now());
            let release = doc! { "$set": { "loose": true, "released": true, "usedAt": now } };
            attachments
                .update_many(doc! { "_id": { "$in": ids } }, release)
                .await
        });
        released.await.map(drop)
    }

    /// Removes a file unless a message holds it, or it was wanted for one since it was looked at; whether it was removed.
    async fn sweep(&self, stored: &StoredAttachment) -> DriverResult<bool> {
        let collections = self.mongo().collections().await?;
        let as_seen = doc! { "_id": stored.id, "usedAt": stored.used_at };
        if stored.file.is_some() && self.is_held(stored).await? {
            let kept = doc! { "$unset": { "loose": "", "released": "" } };
            collections.attachments.update_one(as_seen, kept).await?;
            return Ok(false);
        }
        // From here on nobody can put it into a message; the document stays until the bytes have gone.
        let hidden = doc! { "$unset": { "file": "" } };
        let hidden = collections.attachments.update_one(as_seen, hidden).await?;
        if hidden.matched_count == 0 {
            return Ok(false);
        }
        self.remove_file(stored.id).await?;
        Ok(true)
    }

    /// Removes a file's bytes and then its document, which must be hidden from everybody.
    pub(crate) async fn remove_file(&self, id: ObjectId) -> DriverResult<()> {
        let collections = self.mongo().collections().await?;
        remove_bytes(&collections.attachment_bytes, id).await?;
        let this = doc! { "_id": id };
        collections.attachments.delete_one(this).await?;
        Ok(())
    }

    /// Whether a message holds a file.
    pub(super) async fn is_held(&self, stored: &StoredAttachment) -> DriverResult<bool> {
        let messages = self
            .mongo()
            .collections()
            .await?
            .messages
            .clone_with_type::<Document>();
        let holder = messages
            .find_one(doc! { "c": stored.c, "attachments.id": stored.id })
            .projection(doc! { "_id": 1 });
        Ok(holder.await?.is_some())
    }
}

async fn remove_bytes(bucket: &mongodb::gridfs::GridFsBucket, id: ObjectId) -> DriverResult<()> {
    match bucket.delete(Bson::ObjectId(id)).await {
        // Chunks without a file, of an upload that was cut short, are deleted all the same, and then it says so.
        Err(error)
            if matches!(
                error.kind.as_ref(),
                ErrorKind::GridFs(GridFsErrorKind::FileNotFound { .. })
            ) =>
        {
            Ok(())
        }
        outcome => outcome,
    }
}
