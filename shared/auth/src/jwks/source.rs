use std::fmt;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use thiserror::Error;

use super::http::{Client, FetchError};
use super::{BadKeySet, DOCUMENT_BYTES_MAX};

/// Where a key set comes from.
pub(crate) enum Source {
    /// A file that somebody else replaces.
    File(PathBuf),
    /// A URL.
    Url(Box<Client>),
}

/// Why there is no key set to be had at the moment.
#[derive(Debug, Error)]
pub(crate) enum ReadError {
    /// The file cannot be read.
    #[error("it cannot be read")]
    File(#[source] io::Error),
    /// The URL does not give it.
    #[error("it cannot be fetched")]
    Fetch(#[from] FetchError),
    /// What is there is not good.
    #[error("it cannot be used")]
    Set(#[from] BadKeySet),
}

impl Source {
    /// The document as it is now.
    pub(super) async fn read(&self) -> Result<Bytes, ReadError> {
        match self {
            Self::File(path) => {
                let path = path.clone();
                let read = tokio::task::spawn_blocking(move || read_file(&path)).await;
                let read = read.map_err(io::Error::other).and_then(|read| read);
                Ok(read.map_err(ReadError::File)?.into())
            }
            Self::Url(client) => Ok(client.fetch().await?),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Url(client) => client.url().fmt(f),
        }
    }
}

/// A file's content, and of a file that is too large just enough to tell.
pub(crate) fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    let limit = u64::try_from(DOCUMENT_BYTES_MAX + 1).unwrap_or(u64::MAX);
    std::fs::File::open(path)?
        .take(limit)
        .read_to_end(&mut content)?;
    Ok(content)
}
