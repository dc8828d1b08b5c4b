//! A child process that cannot outlive the test process.

use std::{
    ffi::OsStr,
    fs,
    io::{BufRead, BufReader},
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, ChildStderr, ChildStdout, Command, Stdio},
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::eventually::eventually_some;

const SCRIPT: &str = include_str!("guard.sh");

/// What a guarded process is to do.
pub(crate) struct Guarded<'a> {
    pub(crate) program: &'a Path,
    pub(crate) arguments: &'a [&'a OsStr],
    pub(crate) environment: Environment<'a>,
    pub(crate) output: Output<'a>,
    /// Removed when the test process is gone.
    pub(crate) folder: Option<&'a Path>,
}

pub(crate) enum Environment<'a> {
    Inherited,
    Only(&'a [(String, String)]),
}

pub(crate) enum Output<'a> {
    /// Appended to a file.
    Log(&'a Path),
    /// To be taken from [`GuardedProcess::take_output`].
    Piped,
}

/// A running process; killed when dropped. Of no async runtime, so it can be shared by tests.
#[derive(Debug)]
pub(crate) struct GuardedProcess {
    guard: Child,
    pid: Pid,
    stdout: Option<BufReader<ChildStdout>>,
}

impl GuardedProcess {
    pub(crate) fn spawn(guarded: &Guarded<'_>) -> Self {
        let mut command = Command::new("/bin/sh");
        if let Environment::Only(variables) = guarded.environment {
            command
                .env_clear()
                .envs(variables.iter().map(|(name, value)| (name, value)));
        }
        let (log, stderr) = match guarded.output {
            Output::Log(log) => (log.as_os_str(), Stdio::null()),
            Output::Piped => (OsStr::new(""), Stdio::piped()),
        };
        let mut guard = command
            .args(["-c", SCRIPT, "guard"])
            .args([log, guarded.folder.map_or(OsStr::new(""), Path::as_os_str)])
            .arg(guarded.program)
            .args(guarded.arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(stderr)
            // Ctrl-C is for the test process; the guard has to tidy up after it.
            .process_group(0)
            .spawn()
            .expect("/bin/sh can be run");
        let mut stdout = BufReader::new(guard.stdout.take().expect("standard output is piped"));
        let mut line = String::new();
        stdout
            .read_line(&mut line)
            .expect("the guard writes the process id first");
        let pid = line
            .trim()
            .parse()
            .expect("the first line is the process id");
        Self {
            guard,
            pid: Pid::from_raw(pid),
            stdout: Some(stdout),
        }
    }

    pub(crate) fn take_output(&mut self) -> (BufReader<ChildStdout>, ChildStderr) {
        let stdout = self.stdout.take().expect("the output is taken once");
        (
            stdout,
            self.guard.stderr.take().expect("the output is piped"),
        )
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid.as_raw().unsigned_abs()
    }

    /// Sends a signal; nothing happens when the process has ended.
    pub(crate) fn signal(&mut self, signal: Signal) {
        // The guard has not waited for it yet as long as the guard runs, so the id is not reused.
        if self.exit_code().is_none() {
            let _ = kill(self.pid, signal);
        }
    }

    /// Whether every thread of the process is stopped by a signal.
    pub(crate) fn is_paused(&self) -> bool {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.pid))
            .into_iter()
            .flatten();
        tasks.flatten().all(|task| {
            let stat = fs::read_to_string(task.path().join("stat")).unwrap_or_default();
            // The state follows the name, which is in parentheses and may hold anything.
            stat.rsplit(')')
                .next()
                .is_some_and(|rest| rest.trim_start().starts_with('T'))
        })
    }

    /// The exit code once the process has ended; 128 and the signal's number if one ended it.
    pub(crate) fn exit_code(&mut self) -> Option<i32> {
        let status = self.guard.try_wait().expect("the guard is our child")?;
        Some(status.code().unwrap_or(-1))
    }

    /// Waits for the end; panics when it does not come within `bound`.
    pub(crate) async fn exited(&mut self, bound: Duration) -> i32 {
        let what = format!("the end of process {}", self.pid);
        eventually_some(bound, &what, async || self.exit_code()).await
    }
}

impl Drop for GuardedProcess {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        // It ends as soon as it has killed the process; there is nobody to tell of an error.
        let _ = self.guard.wait();
    }
}
