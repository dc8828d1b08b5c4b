//! One server under its watchdog, seen from the parent.

use std::{ffi::OsString, future::Future, io, time::Duration};

use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};
use tokio::{
    process::{Child, ChildStdin},
    time::timeout,
};

use crate::{
    error::{EmbeddedError, ServerExit},
    folder::{DataFolder, not_writable},
    leftover, log,
    port::{free_port, is_taken},
    program::Program,
    watchdog::{Errand, STOP_TIMEOUT},
};

/// How often a port that was free a moment ago may be taken by somebody else.
const PORT_ATTEMPTS_MAX: u32 = 5;
const START_TIMEOUT: Duration = Duration::from_secs(60);
/// What a watchdog needs over the time that it gives its server.
const WATCHDOG_MARGIN: Duration = Duration::from_secs(3);

/// A running server; dropping it ends the server in the background.
#[derive(Debug)]
pub(crate) struct ServerChild {
    program: Program,
    port: u16,
    watchdog: Child,
    // Never written: its end is the end of the server. Held apart from the child, because
    // waiting for a child closes the standard input that it still has.
    pipe: Option<ChildStdin>,
    folder: DataFolder,
    log_start: u64,
}

impl ServerChild {
    /// Starts the server on a free port and waits until `ready` says so of that port.
    ///
    /// `preferred` is tried first. Ends what an earlier run left of this server.
    pub(crate) async fn start<Ready, Outcome>(
        program: Program,
        folder: &DataFolder,
        preferred: Option<u16>,
        arguments: impl Fn(u16) -> Vec<OsString>,
        ready: Ready,
    ) -> Result<Self, EmbeddedError>
    where
        Ready: Fn(u16) -> Outcome,
        Outcome: Future<Output = Result<(), EmbeddedError>>,
    {
        let executable = program.find()?;
        leftover::end(
            program,
            &folder.pid_file_of(program),
            &folder.data_of(program)?,
        )
        .await?;

        let mut preferred = preferred.filter(|port| !is_taken(*port));
        for _ in 0..PORT_ATTEMPTS_MAX {
            let port = match preferred.take() {
                Some(port) => port,
                None => free_port().map_err(|source| EmbeddedError::Spawn { program, source })?,
            };
            let errand = Errand {
                pid_file: folder.pid_file_of(program),
                log: folder.log_of(program),
                program: executable.clone(),
                arguments: arguments(port),
            };
            let mut child = Self::spawn(program, folder, port, &errand)?;
            match child.until_ready(ready(port)).await {
                Err(EmbeddedError::DiedAtStart(_)) if is_taken(port) => {}
                Err(error) => {
                    child.stop().await;
                    return Err(error);
                }
                Ok(()) => return Ok(child),
            }
        }
        Err(EmbeddedError::NoPort { program })
    }

    fn spawn(
        program: Program,
        folder: &DataFolder,
        port: u16,
        errand: &Errand,
    ) -> Result<Self, EmbeddedError> {
        let log_start = log::rotate(&errand.log).map_err(not_writable(folder.path()))?;
        let mut watchdog = errand
            .command()
            .and_then(|mut command| command.spawn())
            .map_err(|source| EmbeddedError::Spawn { program, source })?;
        let pipe = watchdog.stdin.take();
        Ok(Self {
            program,
            port,
            watchdog,
            pipe,
            folder: folder.clone(),
            log_start,
        })
    }

    async fn until_ready(
        &mut self,
        ready: impl Future<Output = Result<(), EmbeddedError>>,
    ) -> Result<(), EmbeddedError> {
        let log = self.folder.log_of(self.program);
        let not_ready = EmbeddedError::NotReady {
            program: self.program,
            bound: START_TIMEOUT,
            log,
        };
        tokio::select! {
            exit = self.exited() => Err(self.death(exit)),
            outcome = timeout(START_TIMEOUT, ready) => outcome.unwrap_or(Err(not_ready)),
        }
    }

    /// Another server on the same data is a fault of its own, and only the log tells it.
    fn death(&self, exit: ServerExit) -> EmbeddedError {
        if log::last_words(&exit.log, self.log_start).contains("DBPathInUse") {
            return EmbeddedError::FolderInUse {
                folder: self.folder.path().to_path_buf(),
            };
        }
        EmbeddedError::DiedAtStart(exit)
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Waits for the server to end by itself. Cancel-safe.
    pub(crate) async fn exited(&mut self) -> ServerExit {
        let status = self.watchdog.wait().await;
        ServerExit {
            program: self.program,
            code: status.ok().and_then(|status| status.code()),
            log: self.folder.log_of(self.program),
        }
    }

    /// Ends the server and waits for it; SIGKILL for all that is left of it after a bound.
    pub(crate) async fn stop(mut self) {
        self.pipe.take();
        let bound = STOP_TIMEOUT + WATCHDOG_MARGIN;
        if timeout(bound, self.watchdog.wait()).await.is_err() {
            tracing::warn!(
                server = self.program.name(),
                "killing a server that does not end"
            );
            if let Err(error) = self.kill_group().await {
                tracing::error!(server = self.program.name(), %error, "cannot kill the server");
            }
        }
    }

    async fn kill_group(&mut self) -> io::Result<()> {
        if let Some(pid) = self.watchdog.id().and_then(|pid| i32::try_from(pid).ok()) {
            killpg(Pid::from_raw(pid), Signal::SIGKILL)?;
        }
        self.watchdog.wait().await.map(|_| ())
    }
}
