use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use parking_lot::Mutex;
use serde::Serialize;
use thiserror::Error;

/// A file that cannot be read or written.
#[derive(Debug, Error)]
#[error("{} cannot be read or written", path.display())]
pub(crate) struct FileError {
    pub(crate) path: PathBuf,
    #[source]
    pub(crate) source: io::Error,
}

/// A file of JSON values, one a line.
pub(crate) struct JsonLines {
    path: PathBuf,
    file: Mutex<BufWriter<File>>,
}

impl JsonLines {
    /// Begins the file anew.
    pub(crate) fn create(path: PathBuf) -> Result<Self, FileError> {
        match File::create(&path) {
            Ok(file) => Ok(Self {
                path,
                file: Mutex::new(BufWriter::new(file)),
            }),
            Err(source) => Err(FileError { path, source }),
        }
    }

    /// Writes a line.
    pub(crate) fn write(&self, value: &impl Serialize) -> Result<(), FileError> {
        let mut file = self.file.lock();
        let written = serde_json::to_writer(&mut *file, value).map_err(io::Error::from);
        self.checked(written.and_then(|()| file.write_all(b"\n")))
    }

    /// Writes what is still in memory.
    pub(crate) fn flush(&self) -> Result<(), FileError> {
        self.checked(self.file.lock().flush())
    }

    fn checked(&self, written: io::Result<()>) -> Result<(), FileError> {
        written.map_err(|source| FileError {
            path: self.path.clone(),
            source,
        })
    }
}
