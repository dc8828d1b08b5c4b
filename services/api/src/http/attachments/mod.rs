//! Files: multipart uploads in, byte ranges out, both streamed.

mod download;
mod part;
mod upload;

pub use part::{NotSatisfiable, Part};

pub(super) use download::download;
pub(super) use upload::{upload_to_contract, upload_to_conversation};
