use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::time::Duration;

/// Clock ticks a second in `/proc`, which is 100 on each Linux that Rust supports.
const TICKS_PER_SECOND: u64 = 100;

/// The CPU time that each program below this process has used so far, all its processes together.
pub(crate) fn used_by_program() -> BTreeMap<String, Duration> {
    let processes: HashMap<u32, Process> = fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(|pid| Some((pid, Process::read(pid)?)))
        .collect();
    let own = std::process::id();
    let mut used = BTreeMap::new();
    for (pid, process) in &processes {
        if *pid != own && is_below(own, *pid, &processes) {
            *used.entry(process.program.clone()).or_default() += process.used;
        }
    }
    used
}

struct Process {
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
        let ticks = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
        Some(Self {
            program: stat[start + 1..end].to_owned(),
            parent: fields.get(1)?.parse().ok()?,
            used: Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND),
        })
    }
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
