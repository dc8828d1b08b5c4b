use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How often it is looked at.
const INTERVAL: Duration = Duration::from_millis(50);

/// What a process has of the machine's memory.
#[derive(Clone)]
pub(crate) struct Memory {
    pid: u32,
    peak: Arc<AtomicU64>,
}

impl Memory {
    pub(crate) fn of(pid: u32) -> Self {
        Self {
            pid,
            peak: Arc::default(),
        }
    }

    /// The bytes that are resident now, private and shared.
    pub(crate) fn resident(&self) -> u64 {
        resident(self.pid)
    }

    /// The most that was resident since the last call: what was seen, or what the kernel has kept if that is more.
    pub(crate) fn take_peak(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid));
        let kept = status
            .ok()
            .as_deref()
            .and_then(|status| kibibytes(status, "VmHWM:"))
            .unwrap_or_default();
        // From now on the kernel counts anew, where it lets us say so.
        let _kept_on = fs::write(format!("/proc/{}/clear_refs", self.pid), "5");
        self.peak.swap(0, Ordering::Relaxed).max(kept)
    }

    /// Looks at it for ever.
    pub(crate) async fn watch(&self) {
        let mut ticks = tokio::time::interval(INTERVAL);
        loop {
            ticks.tick().await;
            self.peak.fetch_max(self.resident(), Ordering::Relaxed);
        }
    }
}

/// The bytes that a process has resident, private and shared.
pub(crate) fn resident(pid: u32) -> u64 {
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"));
    rollup
        .ok()
        .as_deref()
        .and_then(|rollup| kibibytes(rollup, "Rss:"))
        .expect("the process lives, and the kernel says what it takes")
}

fn kibibytes(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let number: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(number * 1024)
}
