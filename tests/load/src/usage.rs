use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::time::Duration;

use nix::time::clock_getcpuclockid;
use nix::unistd::Pid;

/// The programs of ours, as the kernel cuts their names.
const OURS: [&str; 2] = ["messaging-api", "messaging-gatew"];

/// The broker.
const NATS: &str = "nats-server";

/// The processor time that each program below this process has used, all its processes together.
#[derive(Debug, Default, Clone)]
pub(crate) struct Usage(BTreeMap<String, Duration>);

impl Usage {
    /// All that was used so far.
    pub(crate) fn now() -> Self {
        let mut used = BTreeMap::new();
        for process in children() {
            *used.entry(process.program).or_default() += process.used;
        }
        Self(used)
    }

    /// What was used since then.
    pub(crate) fn since(mut self, before: &Self) -> Self {
        for (program, used) in &mut self.0 {
            *used = used.saturating_sub(before.of(program));
        }
        self
    }

    /// That of our services.
    pub(crate) fn ours(&self) -> Duration {
        OURS.iter().map(|program| self.of(program)).sum()
    }

    /// That of the API replicas.
    pub(crate) fn apis(&self) -> Duration {
        self.of(OURS[0])
    }

    /// That of one program.
    pub(crate) fn of(&self, program: &str) -> Duration {
        self.0.get(program).copied().unwrap_or_default()
    }

    /// That of each program which used any.
    pub(crate) fn programs(&self) -> impl Iterator<Item = (&str, Duration)> {
        let used = self.0.iter().filter(|(_, used)| !used.is_zero());
        used.map(|(program, used)| (program.as_str(), *used))
    }
}

/// The bytes of memory that our services and the broker have resident, by program.
pub(crate) fn resident() -> BTreeMap<String, u64> {
    let mut resident = BTreeMap::new();
    for process in children() {
        let is_counted = process.program == NATS || OURS.contains(&process.program.as_str());
        if is_counted {
            *resident.entry(process.program).or_default() += crate::memory::resident(process.pid);
        }
    }
    resident
}

/// The processor time that one process has used so far.
pub(crate) fn of_process(pid: u32) -> Duration {
    Process::read(pid).expect("the process lives").used
}

struct Process {
    pid: u32,
    program: String,
    parent: u32,
    used: Duration,
}

impl Process {
    fn read(pid: u32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The program's name stands in parentheses and may hold anything.
        let (start, end) = (stat.find('(')?, stat.rfind(')')?);
        let fields: Vec<&str> = stat[end + 1..].split_whitespace().collect();
        Some(Self {
            pid,
            program: stat[start + 1..end].to_owned(),
            parent: fields.get(1)?.parse().ok()?,
            used: used_by(pid)?,
        })
    }
}

/// By the process's own clock, in nanoseconds; `/proc` tells no less than 10 ms.
fn used_by(pid: u32) -> Option<Duration> {
    let clock = clock_getcpuclockid(Pid::from_raw(i32::try_from(pid).ok()?)).ok()?;
    Some(clock.now().ok()?.into())
}

/// All processes below this one.
fn children() -> Vec<Process> {
    let processes: HashMap<u32, Process> = fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(|pid| Some((pid, Process::read(pid)?)))
        .collect();
    let own = std::process::id();
    let mut below: Vec<u32> = processes.keys().copied().collect();
    below.retain(|pid| *pid != own && is_below(own, *pid, &processes));
    let mut processes = processes;
    below
        .iter()
        .filter_map(|pid| processes.remove(pid))
        .collect()
}

fn is_below(ancestor: u32, mut pid: u32, processes: &HashMap<u32, Process>) -> bool {
    while let Some(process) = processes.get(&pid) {
        if process.parent == ancestor {
            return true;
        }
        pid = process.parent;
    }
    false
}
