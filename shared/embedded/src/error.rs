//! What can go wrong with an embedded server, one clear line each.

use std::{fmt, io, path::PathBuf, time::Duration};

use thiserror::Error;

use crate::{
    program::{Program, ProgramError},
    replica_set::ReplicaSetError,
};

/// Why the servers of a data folder could not be started or stopped.
#[derive(Debug, Error)]
pub enum EmbeddedError {
    /// The server's program is missing or too old.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// The data folder cannot be made or written.
    #[error("cannot write in the data folder {}", folder.display())]
    FolderNotWritable {
        /// The folder, or the part of it that failed.
        folder: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// Another process uses the data folder.
    #[error("another process is using the data folder {}: stop it, or set DATA_DIR to another folder", folder.display())]
    FolderInUse {
        /// The folder.
        folder: PathBuf,
    },
    /// A server of an earlier run would not end.
    #[error("{} of an earlier run (process {pid}) does not end: end it by hand", program.name())]
    Leftover {
        /// What is still running.
        program: Program,
        /// Its process id.
        pid: i32,
    },
    /// The server's process could not be made.
    #[error("cannot start {}", program.name())]
    Spawn {
        /// What was to be started.
        program: Program,
        /// The system's reason.
        source: io::Error,
    },
    /// Every port that was free a moment before was taken when the server came to it.
    #[error("found no port of 127.0.0.1 for {}: others took each one first", program.name())]
    NoPort {
        /// What was to listen.
        program: Program,
    },
    /// The server ended before it was ready.
    #[error("{0} while starting")]
    DiedAtStart(ServerExit),
    /// The server lives, but did not become ready.
    #[error("{} was not ready within {} s, see {}", program.name(), bound.as_secs(), log.display())]
    NotReady {
        /// What is not ready.
        program: Program,
        /// How long it was waited for.
        bound: Duration,
        /// Where it may say why.
        log: PathBuf,
    },
    /// The replica set of one could not be formed.
    #[error("mongod did not become a writable primary, see {}", log.display())]
    ReplicaSet {
        /// Where it may say why.
        log: PathBuf,
        /// The command that failed.
        source: ReplicaSetError,
    },
}

/// How a server ended that nobody had asked to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerExit {
    /// What ended.
    pub program: Program,
    /// Its exit code; 128 and the signal's number when a signal ended it.
    pub code: Option<i32>,
    /// Where its last words are.
    pub log: PathBuf,
}

impl fmt::Display for ServerExit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ended", self.program.name())?;
        if let Some(code) = self.code {
            write!(formatter, " with exit code {code}")?;
        }
        write!(formatter, " (see {})", self.log.display())
    }
}
