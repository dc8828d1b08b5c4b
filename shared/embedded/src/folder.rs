//! The data folder: who may use it, and what is where in it.

use std::{
    fs::{DirBuilder, File, OpenOptions, TryLockError},
    io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{error::EmbeddedError, program::Program};

/// A data folder that this process alone uses, for as long as a clone of this lives.
#[derive(Debug, Clone)]
pub struct DataFolder {
    path: PathBuf,
    // The lock goes with the file, so a killed process leaves none behind.
    _lock: Arc<File>,
}

impl DataFolder {
    /// Makes the folder if it is not there, for this user alone, and locks it.
    pub fn open(path: &Path) -> Result<Self, EmbeddedError> {
        make(path)?;
        let path = path.canonicalize().map_err(not_writable(path))?;
        let lock_path = path.join("lock");
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&lock_path)
            .map_err(not_writable(&path))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self {
                path,
                _lock: Arc::new(lock),
            }),
            Err(TryLockError::WouldBlock) => Err(EmbeddedError::FolderInUse { folder: path }),
            Err(TryLockError::Error(source)) => Err(not_writable(&path)(source)),
        }
    }

    /// The absolute path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The folder of one server's own data, made if it is not there.
    pub(crate) fn data_of(&self, program: Program) -> Result<PathBuf, EmbeddedError> {
        let folder = self.path.join(match program {
            Program::Mongod => "mongo",
            Program::NatsServer => "nats",
        });
        make(&folder)?;
        Ok(folder)
    }

    pub(crate) fn log_of(&self, program: Program) -> PathBuf {
        self.path.join(format!("{}.log", program.name()))
    }

    pub(crate) fn pid_file_of(&self, program: Program) -> PathBuf {
        self.path.join(format!("{}.pid", program.name()))
    }

    pub(crate) fn port_file_of(&self, program: Program) -> PathBuf {
        self.path.join(format!("{}.port", program.name()))
    }
}

fn make(folder: &Path) -> Result<(), EmbeddedError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(not_writable(folder))
}

pub(crate) fn not_writable(folder: &Path) -> impl FnOnce(io::Error) -> EmbeddedError {
    move |source| EmbeddedError::FolderNotWritable {
        folder: folder.to_path_buf(),
        source,
    }
}
