//! What a mongod and a nats-server have in common for a test.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use messaging_embedded::Program;
use nix::sys::signal::Signal;
use tempfile::TempDir;

use crate::{
    eventually::eventually,
    free_port,
    guard::{Environment, Guarded, GuardedProcess, Output},
};

const START_BOUND: Duration = Duration::from_secs(30);
const END_BOUND: Duration = Duration::from_secs(20);
/// How often a port that was free a moment ago may be taken by somebody else.
pub(crate) const PORT_ATTEMPTS_MAX: u32 = 5;

/// How one kind of server is started.
pub(crate) struct Kind {
    pub(crate) program: Program,
    pub(crate) arguments: fn(u16, &Path) -> Vec<OsString>,
    /// Whether the server on that port takes connections.
    pub(crate) answers: AsyncAnswer,
}

/// An async function pointer, by the one way there is.
pub(crate) type AsyncAnswer = fn(u16) -> std::pin::Pin<Box<dyn Future<Output = bool> + Send>>;

/// A server that keeps its port and its folder over stops and starts.
pub(crate) struct TestServer {
    kind: &'static Kind,
    executable: PathBuf,
    port: u16,
    /// What it is told beyond what its kind is.
    more: Vec<OsString>,
    folder: TempDir,
    process: Mutex<Option<GuardedProcess>>,
}

impl TestServer {
    pub(crate) async fn start(kind: &'static Kind) -> Self {
        Self::start_with(kind, Vec::new()).await
    }

    /// As [`start`](Self::start), with more arguments than those of its kind.
    pub(crate) async fn start_with(kind: &'static Kind, more: Vec<OsString>) -> Self {
        for _ in 0..PORT_ATTEMPTS_MAX {
            if let Some(server) = Self::try_start(kind, &more).await {
                return server;
            }
        }
        panic!(
            "{} did not start on any of {PORT_ATTEMPTS_MAX} ports",
            kind.program.name()
        )
    }

    /// As [`start_with`](Self::start_with), on one port; none when that is taken, or another one among the arguments.
    pub(crate) async fn try_start(kind: &'static Kind, more: &[OsString]) -> Option<Self> {
        let executable = kind
            .program
            .find()
            .unwrap_or_else(|error| panic!("{error}"));
        let server = Self {
            kind,
            executable,
            port: free_port(),
            more: more.to_vec(),
            folder: tempfile::Builder::new()
                .prefix("messaging-test-")
                .tempdir()
                .expect("the temporary folder can be written"),
            process: Mutex::new(None),
        };
        server.launch().await.then_some(server)
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Starts it again on its port, with what its folder has.
    pub(crate) async fn start_again(&self) {
        assert!(
            self.lock().is_none(),
            "{} is running",
            self.kind.program.name()
        );
        assert!(self.launch().await, "{}", self.last_words());
    }

    /// Ends it by a signal and waits for that.
    pub(crate) async fn end_by(&self, signal: Signal) {
        let taken = self.lock().take();
        let Some(mut process) = taken else { return };
        process.signal(signal);
        process.exited(END_BOUND).await;
    }

    fn signal(&self, signal: Signal) {
        let mut process = self.lock();
        process
            .as_mut()
            .expect("the server is running")
            .signal(signal);
    }

    /// Stops its clock, and returns once no thread of it runs any more.
    pub(crate) async fn pause(&self) {
        self.signal(Signal::SIGSTOP);
        eventually(END_BOUND, "a pause", async || {
            self.lock().as_ref().is_none_or(GuardedProcess::is_paused)
        })
        .await;
    }

    /// Ends a pause.
    pub(crate) fn resume(&self) {
        self.signal(Signal::SIGCONT);
    }

    /// Forgets all data; the server must not be running.
    pub(crate) fn empty(&self) {
        fs::remove_dir_all(self.data()).expect("the data can be removed");
    }

    /// `false` when it ended at once, as with a port that somebody else took.
    async fn launch(&self) -> bool {
        let data = self.data();
        fs::create_dir_all(&data).expect("the temporary folder can be written");
        let mut arguments = (self.kind.arguments)(self.port, &data);
        arguments.extend_from_slice(&self.more);
        *self.lock() = Some(GuardedProcess::spawn(&Guarded {
            program: &self.executable,
            arguments: &arguments
                .iter()
                .map(OsString::as_os_str)
                .collect::<Vec<_>>(),
            environment: Environment::Inherited,
            output: Output::Log(&self.log()),
            folder: Some(self.folder.path()),
        }));
        let mut is_up = false;
        eventually(START_BOUND, self.kind.program.name(), async || {
            is_up = (self.kind.answers)(self.port).await;
            is_up || self.has_ended()
        })
        .await;
        // An answer on the port of a server that has ended is somebody else's.
        if self.has_ended() {
            *self.lock() = None;
            return false;
        }
        is_up
    }

    fn has_ended(&self) -> bool {
        self.lock()
            .as_mut()
            .is_none_or(|process| process.exit_code().is_some())
    }

    fn last_words(&self) -> String {
        let log = fs::read_to_string(self.log()).unwrap_or_default();
        let lines: Vec<_> = log.lines().rev().take(5).collect();
        format!(
            "{} did not start again: {lines:#?}",
            self.kind.program.name()
        )
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    // A test that panics says enough; the next one shall not fail for that.
    fn lock(&self) -> MutexGuard<'_, Option<GuardedProcess>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
