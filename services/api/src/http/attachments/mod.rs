//! Files: multipart uploads in, byte ranges out, both streamed.

pub(super) mod download;
pub(super) mod upload;
