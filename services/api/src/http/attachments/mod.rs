//! Files: multipart uploads in, byte ranges out, both streamed.

pub(super) mod download;
mod metered;
mod multipart;
mod part;
pub(super) mod upload;

pub use multipart::{FileSink, Place, Received, read_parts};
pub use part::{NotSatisfiable, Part};
