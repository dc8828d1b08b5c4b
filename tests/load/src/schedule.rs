use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

/// The turns of one user of a schedule: when each was due, from the start.
pub(crate) type Turns = mpsc::UnboundedReceiver<Duration>;

/// Gives users their turns, so many a second together, until one of them takes no more.
///
/// By a thread of its own: timers of tokio count whole milliseconds and end up to two after they were due, which would be measured as
/// the system's.
pub(crate) fn start(started: Instant, users: usize, per_second: u32) -> Vec<Turns> {
    let (due, turns): (Vec<_>, Vec<_>) = (0..users).map(|_| mpsc::unbounded_channel()).unzip();
    #[expect(
        clippy::disallowed_methods,
        reason = "what is waited for is a point in time"
    )]
    thread::spawn(move || {
        for (number, user) in due.iter().cycle().enumerate() {
            let at = Duration::from_secs_f64(number as f64 / f64::from(per_second));
            thread::sleep((started + at).saturating_duration_since(Instant::now()));
            if user.send(at).is_err() {
                return;
            }
        }
    });
    turns
}
