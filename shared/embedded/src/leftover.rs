//! Servers of an earlier run whose parent and watchdog were both killed.

use std::{fs, path::Path, time::Duration};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tokio::time::{Instant, sleep};

use crate::{error::EmbeddedError, program::Program};

/// Longer than a watchdog gives its server, which may be at it right now.
const END_TIMEOUT: Duration = Duration::from_secs(15);
const KILL_TIMEOUT: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(20);

/// Ends the server named in the pid file, if it still is ours, and removes the file.
///
/// A pid is reused: only a process of that program whose command line names this data folder is
/// touched. Without `/proc` nothing is recognised, and the server's own lock has the last word.
pub(crate) async fn end(
    program: Program,
    pid_file: &Path,
    data: &Path,
) -> Result<(), EmbeddedError> {
    let recorded = fs::read_to_string(pid_file).ok();
    let Some(pid) = recorded.and_then(|text| text.trim().parse::<i32>().ok()) else {
        return Ok(());
    };
    if is_ours(pid, program, data) {
        tracing::warn!(
            server = program.name(),
            pid,
            "ending a server that an earlier run left"
        );
        if !ends_by(Signal::SIGTERM, END_TIMEOUT, pid, program, data).await
            && !ends_by(Signal::SIGKILL, KILL_TIMEOUT, pid, program, data).await
        {
            return Err(EmbeddedError::Leftover { program, pid });
        }
    }
    // If it stays, the next start only checks a pid more.
    let _ = fs::remove_file(pid_file);
    Ok(())
}

async fn ends_by(signal: Signal, bound: Duration, pid: i32, program: Program, data: &Path) -> bool {
    // An error means that it is gone already, which the loop sees.
    let _ = kill(Pid::from_raw(pid), signal);
    let ends = Instant::now() + bound;
    while is_ours(pid, program, data) {
        if Instant::now() >= ends {
            return false;
        }
        sleep(POLL).await;
    }
    true
}

fn is_ours(pid: i32, program: Program, data: &Path) -> bool {
    let Ok(command_line) = fs::read(format!("/proc/{pid}/cmdline")) else {
        return false;
    };
    let mut arguments = command_line.split(|byte| *byte == 0);
    let named = arguments
        .next()
        .is_some_and(|first| first.ends_with(program.name().as_bytes()));
    named && arguments.any(|argument| argument == data.as_os_str().as_encoded_bytes())
}
