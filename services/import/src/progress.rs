use std::sync::Arc;
use std::time::Duration;

use messaging_lifecycle::Tasks;
use tokio::time::{Instant, interval};

use crate::counts::Counts;

const INTERVAL: Duration = Duration::from_secs(1);

/// Logs once a second how far the run is, until the tasks end.
pub(crate) fn tell_progress(counts: Arc<Counts>, total: u64, tasks: &Tasks) {
    tasks.spawn_until_stopped("import-progress", async move {
        let started = Instant::now();
        let mut ticks = interval(INTERVAL);
        loop {
            ticks.tick().await;
            tell(&counts, total, started.elapsed());
        }
    });
}

fn tell(counts: &Counts, total: u64, elapsed: Duration) {
    let read = counts.messages.read.value();
    tracing::info!(
        messages = read,
        messages_total = total,
        contracts = counts.contracts.read.value(),
        conversations = counts.conversations.read.value(),
        rejected = counts.rejected_total(),
        messages_per_second = per_second(read, elapsed),
        seconds_left = seconds_left(read, total, elapsed),
        "importing"
    );
}

/// Messages a second, as a whole number.
pub(crate) fn per_second(messages: u64, elapsed: Duration) -> u64 {
    let seconds = elapsed.as_secs_f64();
    if seconds > 0.0 {
        (messages as f64 / seconds) as u64
    } else {
        0
    }
}

/// How long the rest takes at the pace so far; none before the first message. The total is an estimate, too.
fn seconds_left(read: u64, total: u64, elapsed: Duration) -> Option<u64> {
    let left = total.saturating_sub(read);
    (read > 0).then(|| (elapsed.as_secs_f64() * left as f64 / read as f64) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_takes_as_long_as_what_is_done() {
        let elapsed = Duration::from_secs(10);
        assert_eq!(seconds_left(0, 100, elapsed), None);
        assert_eq!(seconds_left(25, 100, elapsed), Some(30));
        assert_eq!(seconds_left(101, 100, elapsed), Some(0));
        assert_eq!(per_second(25, elapsed), 2);
        assert_eq!(per_second(25, Duration::ZERO), 0);
    }
}
