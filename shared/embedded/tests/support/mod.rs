//! The `messaging-servers` binary as a child, and what runs on a data folder.

pub(crate) mod probe;

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use messaging_embedded::Program;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command as AsyncCommand},
    time::timeout,
};

const BOUND: Duration = Duration::from_secs(30);

pub(crate) struct Servers {
    child: Child,
    mongodb_uri: String,
    nats_url: String,
}

impl Servers {
    /// Starts the binary on the folder and waits until it is ready.
    pub(crate) async fn start(folder: &Path) -> Self {
        let mut child = command(folder).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (mut mongodb_uri, mut nats_url) = (String::new(), String::new());
        let ready = async {
            while let Some(line) = lines.next_line().await.unwrap() {
                match line.split_once('=') {
                    Some(("MONGODB_URI", uri)) => mongodb_uri = uri.to_owned(),
                    Some(("NATS_URL", url)) => nats_url = url.to_owned(),
                    _ if line == "READY" => return,
                    _ => panic!("unexpected line: {line}"),
                }
            }
            panic!("the servers ended before they were ready");
        };
        timeout(BOUND, ready).await.expect("ready in time");
        Self {
            child,
            mongodb_uri,
            nats_url,
        }
    }

    /// Starts the binary where it has to fail, and returns its one line about that.
    pub(crate) async fn complaint(folder: &Path) -> String {
        let output = timeout(BOUND, command(folder).stderr(Stdio::piped()).output());
        let output = output.await.expect("an end in time").unwrap();
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stderr).unwrap()
    }

    pub(crate) async fn end_by(&mut self, signal: Signal) -> Option<i32> {
        self.signal(signal);
        self.ended().await
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id().unwrap()).unwrap();
        kill(Pid::from_raw(pid), signal).unwrap();
    }

    pub(crate) async fn ended(&mut self) -> Option<i32> {
        timeout(BOUND, self.child.wait())
            .await
            .expect("an end in time")
            .unwrap()
            .code()
    }

    pub(crate) fn mongod_port(&self) -> u16 {
        let address = self
            .mongodb_uri
            .strip_prefix("mongodb://127.0.0.1:")
            .unwrap();
        address.split('/').next().unwrap().parse().unwrap()
    }

    pub(crate) fn nats_port(&self) -> u16 {
        self.nats_url
            .strip_prefix("nats://127.0.0.1:")
            .unwrap()
            .parse()
            .unwrap()
    }
}

fn command(folder: &Path) -> AsyncCommand {
    let mut command = Command::new(env!("CARGO_BIN_EXE_messaging-servers"));
    command
        .env("DATA_DIR", folder)
        .env_remove("MONGODB_URI")
        .env_remove("NATS_URL");
    let mut command = AsyncCommand::from(command);
    command.stdin(Stdio::null()).kill_on_drop(true);
    command
}

/// A process whose command line names a data folder.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Process {
    pid: i32,
    program: String,
    pub(crate) is_watchdog: bool,
}

impl Process {
    pub(crate) fn kill(&self) {
        kill(Pid::from_raw(self.pid), Signal::SIGKILL).unwrap();
    }

    pub(crate) fn is_server(&self, program: Program) -> bool {
        !self.is_watchdog && self.program.ends_with(program.name())
    }
}

/// Every process that has the folder, or a path in it, on its command line.
pub(crate) fn processes_of(folder: &Path) -> Vec<Process> {
    let folder = folder.to_str().unwrap();
    let entries = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let mut processes: Vec<_> = entries
        .filter_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            let line = fs::read_to_string(entry.path().join("cmdline")).ok()?;
            line.contains(folder).then(|| Process {
                pid,
                program: line.split('\0').next().unwrap_or_default().to_owned(),
                is_watchdog: line.contains("__watchdog"),
            })
        })
        .collect();
    processes.sort_by_key(|process| process.pid);
    processes
}

pub(crate) async fn eventually(what: &str, holds: impl Fn() -> bool) {
    let ends = Instant::now() + BOUND;
    while !holds() {
        assert!(Instant::now() < ends, "not in {BOUND:?}: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
