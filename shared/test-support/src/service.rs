//! One of our own binaries as a process.

use std::{
    env,
    ffi::OsStr,
    fmt,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use nix::sys::signal::Signal;

use crate::{
    eventually::eventually,
    guard::{Environment, Guarded, GuardedProcess, Output},
    service_log::ServiceLog,
};

const START_BOUND: Duration = Duration::from_secs(30);
const END_BOUND: Duration = Duration::from_secs(40);
/// What a service inherits: enough to find programs and folders, no setting of the caller's shell.
const INHERITED: [&str; 5] = ["PATH", "HOME", "TMPDIR", "RUST_BACKTRACE", "RUST_LOG"];

/// A running service; killed with -9 when dropped.
pub struct ServiceProcess {
    process: GuardedProcess,
    log: ServiceLog,
    address: Option<SocketAddr>,
}

impl ServiceProcess {
    /// Starts a server with these settings and waits until it says where it listens.
    ///
    /// `BIND_ADDR` is a free loopback port and `LOG_FORMAT` is `json` unless given; nothing else
    /// of the caller's environment is passed on.
    pub async fn start<N, V>(binary: &Path, settings: impl IntoIterator<Item = (N, V)>) -> Self
    where
        N: fmt::Display,
        V: fmt::Display,
    {
        let mut service = Self::spawn(binary, &[], settings);
        eventually(
            START_BOUND,
            &format!("{} listens", binary.display()),
            async || {
                let code = service.process.exit_code();
                assert_eq!(
                    code,
                    None,
                    "it ended while starting: {:#?}",
                    service.log.lines()
                );
                service.log.address().is_some()
            },
        )
        .await;
        service.address = service.log.address();
        service
    }

    /// Starts any of our binaries, without waiting for anything.
    pub fn spawn<N, V>(
        binary: &Path,
        arguments: &[&str],
        settings: impl IntoIterator<Item = (N, V)>,
    ) -> Self
    where
        N: fmt::Display,
        V: fmt::Display,
    {
        let settings = settings.into_iter();
        let settings = settings.map(|(name, value)| (name.to_string(), value.to_string()));
        // Of several values for a name, the last one counts.
        let environment: Vec<_> = defaults().into_iter().chain(settings).collect();
        let mut process = GuardedProcess::spawn(&Guarded {
            program: binary,
            arguments: &arguments.iter().map(OsStr::new).collect::<Vec<_>>(),
            environment: Environment::Only(&environment),
            output: Output::Piped,
            folder: None,
        });
        let log = ServiceLog::default();
        let (stdout, stderr) = process.take_output();
        log.collect(stdout);
        log.collect(stderr);
        Self {
            process,
            log,
            address: None,
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address.expect("the service was started, not spawned")
    }

    /// `http://` and its address.
    pub fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    /// The id of the process.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// The lines of both outputs so far.
    pub fn log_lines(&self) -> Vec<String> {
        self.log.lines()
    }

    /// Sends a signal: `SIGSTOP` and `SIGCONT` pause and resume it.
    pub fn signal(&mut self, signal: Signal) {
        self.process.signal(signal);
    }

    /// Asks it to end, waits for that, and returns the exit code.
    pub async fn terminate(&mut self) -> i32 {
        self.process.signal(Signal::SIGTERM);
        self.exited().await
    }

    /// Kills it with -9 and waits for its end.
    pub async fn kill(&mut self) {
        self.process.signal(Signal::SIGKILL);
        self.exited().await;
    }

    /// Waits for it to end by itself, and for its last lines, and returns the exit code.
    pub async fn exited(&mut self) -> i32 {
        let code = self.process.exited(END_BOUND).await;
        self.log.ended().await;
        code
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "what a child inherits is chosen here"
)]
fn defaults() -> Vec<(String, String)> {
    let own = [("BIND_ADDR", "127.0.0.1:0"), ("LOG_FORMAT", "json")];
    let own = own.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let inherited = INHERITED
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), env::var(name).ok()?)));
    inherited.chain(own).collect()
}

/// The path of one of the workspace's binaries, built by `cargo build --workspace --bins` in the
/// profile of the running test.
pub fn binary_path(name: &str) -> PathBuf {
    let test = env::current_exe().expect("the test has a path");
    // target/<profile>/deps/<test>, and a binary of its own is one folder higher.
    let folders = test.ancestors().skip(1).take(2);
    let mut candidates = folders.map(|folder| folder.join(name));
    candidates
        .find(|candidate| candidate.is_file())
        .unwrap_or_else(|| panic!("{name} is not built: run `cargo build --workspace --bins`"))
}
