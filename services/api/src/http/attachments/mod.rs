//! Files: multipart uploads in, byte ranges out, both streamed.

mod download;
mod metered;
mod multipart;
mod part;
mod upload;

pub use multipart::{FileSink, Place, Received, read_parts};
pub use part::{NotSatisfiable, Part};

pub(super) use download::download;
pub(super) use upload::{upload_to_contract, upload_to_conversation};
