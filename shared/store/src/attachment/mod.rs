//! Uploaded files: bytes in GridFS, one document each that says whose they are.
//!
//! The document comes first and goes last, so that no bytes are ever without one by which they can be found and removed.

mod attach;
mod read;
mod sweep;
mod upload;

pub use read::StoredFile;
pub use upload::{Upload, Uploaded};

use mongodb::bson::oid::ObjectId;

use messaging_domain::AttachmentId;

pub(crate) fn attachment_object_id(id: AttachmentId) -> ObjectId {
    ObjectId::from_bytes(id.bytes())
}
