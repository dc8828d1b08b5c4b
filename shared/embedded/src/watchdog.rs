//! The watchdog: a process that outlives its parent just long enough to end the server.
//!
//! A parent that is killed with -9 can tidy nothing up. So each server is the child of a second
//! process of the same binary, which holds the reading end of a pipe from the parent: whatever
//! ends the parent closes the pipe, and then the watchdog ends the server.

use std::{
    env,
    ffi::OsString,
    fs::{self, OpenOptions},
    io,
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{self, ExitStatus, Stdio},
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tokio::{
    io::{AsyncReadExt, stdin},
    process::{Child, Command},
    signal::unix::{SignalKind, signal},
    time::timeout,
};

const ARGUMENT: &str = "__watchdog";
/// What a server gets between SIGTERM and SIGKILL.
pub(crate) const STOP_TIMEOUT: Duration = Duration::from_secs(10);
const EXIT_CANNOT_START: i32 = 126;

/// Becomes the watchdog of a server if the command line asks for that, and then never returns.
///
/// To be called first in `main`: the parent's settings are no concern of a watchdog.
pub fn watchdog_main_if_asked() {
    let mut arguments = env::args_os().skip(1);
    if arguments.next().is_none_or(|first| first != ARGUMENT) {
        return;
    }
    let code = match Errand::parse(arguments) {
        Some(errand) => block_on(errand).unwrap_or(EXIT_CANNOT_START),
        None => EXIT_CANNOT_START,
    };
    // Not by returning: the runtime would wait for the read of standard input that cannot end.
    process::exit(code)
}

/// What a watchdog is to run, as it travels through its command line.
pub(crate) struct Errand {
    pub(crate) pid_file: PathBuf,
    pub(crate) log: PathBuf,
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<OsString>,
}

impl Errand {
    fn parse(mut arguments: impl Iterator<Item = OsString>) -> Option<Self> {
        Some(Self {
            pid_file: arguments.next()?.into(),
            log: arguments.next()?.into(),
            program: arguments.next()?.into(),
            arguments: arguments.collect(),
        })
    }

    /// The command that runs this binary again as the watchdog.
    pub(crate) fn command(&self) -> io::Result<Command> {
        let mut command = Command::new(env::current_exe()?);
        command
            .arg(ARGUMENT)
            .args([&self.pid_file, &self.log, &self.program])
            .args(&self.arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Ctrl-C in a terminal reaches every process of the foreground group; the servers
            // must outlive the parent's drain.
            .process_group(0);
        Ok(command)
    }
}

fn block_on(errand: Errand) -> io::Result<i32> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let outcome = runtime.block_on(watch(errand));
    runtime.shutdown_background();
    outcome
}

async fn watch(errand: Errand) -> io::Result<i32> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut server = spawn(&errand)?;
    if let Some(pid) = server.id() {
        write_pid(&errand.pid_file, pid)?;
    }
    let status = tokio::select! {
        status = server.wait() => status?,
        () = parent_is_gone() => stop(&mut server).await?,
        _ = terminate.recv() => stop(&mut server).await?,
    };
    let _ = fs::remove_file(&errand.pid_file);
    Ok(code(status))
}

fn spawn(errand: &Errand) -> io::Result<Child> {
    let log = OpenOptions::new()
        .create(true)
        .append(true)
        .open(&errand.log)?;
    Command::new(&errand.program)
        .args(&errand.arguments)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .kill_on_drop(true)
        .spawn()
}

/// In one step, so that the next start never reads half a number.
fn write_pid(file: &Path, pid: u32) -> io::Result<()> {
    let part = file.with_extension("pid.part");
    fs::write(&part, pid.to_string())?;
    fs::rename(&part, file)
}

async fn parent_is_gone() {
    let mut byte = [0];
    // The parent never writes; an end or an error both mean that it is gone.
    while matches!(stdin().read(&mut byte).await, Ok(count) if count > 0) {}
}

async fn stop(server: &mut Child) -> io::Result<ExitStatus> {
    if let Some(pid) = server.id().and_then(|pid| i32::try_from(pid).ok()) {
        // An error means that it ended in this very moment, which the wait sees.
        let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
    }
    match timeout(STOP_TIMEOUT, server.wait()).await {
        Ok(status) => status,
        Err(_elapsed) => {
            server.start_kill()?;
            server.wait().await
        }
    }
}

fn code(status: ExitStatus) -> i32 {
    status
        .code()
        .or_else(|| status.signal().map(|signal| 128 + signal))
        .unwrap_or(EXIT_CANNOT_START)
}
