use futures_util::Stream;
use messaging_domain::{AttachmentId, ConversationId, UserId};
use messaging_wire::Attachment;
use mongodb::bson::spec::BinarySubtype;
use mongodb::bson::{Binary, doc};
use mongodb::error::Result as DriverResult;
use serde::Deserialize;

use super::attachment_object_id;
use crate::error::Trouble;
use crate::model::conversation_id;
use crate::{Store, StoreError};

/// An uploaded file and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredFile {
    /// The file.
    pub attachment: Attachment,
    /// The conversation it was uploaded for.
    pub conversation: ConversationId,
    /// Who uploaded it.
    pub uploader: UserId,
}

/// Bytes of a file in each document of a GridFS bucket but the last, as the driver writes them.
const CHUNK_BYTES: u64 = 255 * 1024;

/// A document of `attachments.chunks`, as the GridFS specification lays it out.
#[derive(Deserialize)]
struct Chunk {
    data: Binary,
}

impl Store {
    /// A file that was uploaded whole; none if there is no such file, or the message that held it was deleted.
    ///
    /// # Errors
    /// When MongoDB does not answer.
    pub async fn attachment(&self, id: AttachmentId) -> Result<Option<StoredFile>, StoreError> {
        let found = self.mongo().fenced(async {
            let attachments = &self.mongo().collections().await?.attachments;
            let whole = doc! { "_id": attachment_object_id(id), "file": { "$exists": true } };
            match attachments.find_one(whole).await? {
                Some(stored) if stored.released && !self.is_held(&stored).await? => Ok(None),
                found => Ok(found),
            }
        });
        Ok(found.await?.and_then(|stored| {
            Some(StoredFile {
                attachment: stored.file?.into_wire(stored.id),
                conversation: conversation_id(stored.c),
                uploader: stored.uploader,
            })
        }))
    }

    /// Some bytes of a file: `length` of them from `offset` on, which must be within its size.
    ///
    /// One chunk is in memory at a time, and none is fetched before it is asked for. No cursor stays open on the server while
    /// a slow reader takes his time, which is why the driver's own download stream is not used; nor can that begin in the
    /// middle. The stream ends with the first error.
    pub fn attachment_bytes(
        &self,
        id: AttachmentId,
        offset: u64,
        length: u64,
    ) -> impl Stream<Item = Result<Vec<u8>, StoreError>> + Send + use<> {
        let (store, end) = (self.clone(), offset + length);
        futures_util::stream::try_unfold(offset, move |at| {
            let store = store.clone();
            async move {
                if at >= end {
                    return Ok(None);
                }
                let (number, skip) = (at / CHUNK_BYTES, at % CHUNK_BYTES);
                let length = (CHUNK_BYTES - skip).min(end - at);
                let read = store.chunk(id, number, skip, length);
                let bytes = store.mongo().fenced(read).await?;
                Ok(Some((bytes, at + length)))
            }
        })
    }

    async fn chunk(
        &self,
        id: AttachmentId,
        number: u64,
        skip: u64,
        length: u64,
    ) -> DriverResult<Vec<u8>> {
        let chunks = self
            .mongo()
            .collections()
            .await?
            .database
            .collection::<Chunk>("attachments.chunks");
        let place =
            doc! { "files_id": attachment_object_id(id), "n": crate::model::number(number) };
        let chunk = chunks.find_one(place).await?;
        let mut bytes = chunk
            .filter(|chunk| chunk.data.subtype == BinarySubtype::Generic)
            .map(|chunk| chunk.data.bytes)
            .ok_or(Trouble::Missing)?;
        bytes.truncate(usize::try_from(skip + length).unwrap_or(usize::MAX));
        bytes.drain(..usize::try_from(skip).unwrap_or(usize::MAX).min(bytes.len()));
        if bytes.len() as u64 == length {
            Ok(bytes)
        } else {
            Err(Trouble::Missing.into())
        }
    }
}
