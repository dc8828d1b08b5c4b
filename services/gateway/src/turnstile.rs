use std::pin::Pin;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::timeout;

/// How many may pass at a time, for each core.
const ABREAST_PER_CORE: usize = 8;

/// Who takes longer than this waits for somebody else, and no longer counts.
const TURN_MAX: Duration = Duration::from_millis(50);

/// Lets connections in and out a few at a time, in the order in which they came.
///
/// Thousands that are cut off and come back at once would otherwise be worked on all at once, and each message of those who talk
/// would wait behind all of them. One that is slow, as what it waits for is, is waited for no longer than a turn may take.
pub(crate) struct Turnstile(Semaphore);

impl Turnstile {
    /// For as many cores.
    pub(crate) fn new(cores: usize) -> Self {
        Self(Semaphore::new(ABREAST_PER_CORE * cores.max(1)))
    }

    /// From now on all pass at once: there is nobody left who could be held up.
    pub(crate) fn open_wide(&self) {
        self.0.close();
    }

    /// Does what it takes to let one in or out, when it is its turn.
    ///
    /// The work is pinned by the caller, as a future that is handed over is kept twice.
    pub(crate) async fn pass<T>(&self, mut work: Pin<&mut impl Future<Output = T>>) -> T {
        // Once it is open wide there are no turns.
        let turn = self.0.acquire().await.ok();
        match timeout(TURN_MAX, work.as_mut()).await {
            Ok(done) => done,
            Err(_) => {
                drop(turn);
                work.await
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::task::JoinSet;
    use tokio::time::{Instant, sleep};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn only_so_many_pass_at_a_time_and_all_do() {
        let turnstile = Arc::new(Turnstile::new(2));
        let (within, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let mut tasks = JoinSet::new();
        for _ in 0..100 {
            let turnstile = Arc::clone(&turnstile);
            let (within, most) = (Arc::clone(&within), Arc::clone(&most));
            let work = async move {
                let now = within.fetch_add(1, Ordering::Relaxed) + 1;
                most.fetch_max(now, Ordering::Relaxed);
                sleep(TURN_MAX / 2).await;
                within.fetch_sub(1, Ordering::Relaxed);
            };
            tasks.spawn(async move { turnstile.pass(pin!(work)).await });
        }
        assert_eq!(tasks.join_all().await.len(), 100);
        assert_eq!(most.load(Ordering::Relaxed), 2 * ABREAST_PER_CORE);
    }

    #[tokio::test(start_paused = true)]
    async fn once_it_is_open_wide_nobody_waits() {
        let turnstile = Arc::new(Turnstile::new(1));
        let mut tasks = JoinSet::new();
        for _ in 0..1_000 {
            let turnstile = Arc::clone(&turnstile);
            tasks.spawn(async move { turnstile.pass(pin!(sleep(TURN_MAX / 2))).await });
        }
        let started = Instant::now();
        tokio::task::yield_now().await;
        turnstile.open_wide();
        assert_eq!(tasks.join_all().await.len(), 1_000);
        assert!(started.elapsed() <= TURN_MAX, "some waited");
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_one_that_is_slow() {
        const SLOW: Duration = Duration::from_secs(60);
        let turnstile = Arc::new(Turnstile::new(1));
        let mut slow = JoinSet::new();
        for _ in 0..ABREAST_PER_CORE {
            let turnstile = Arc::clone(&turnstile);
            slow.spawn(async move { turnstile.pass(pin!(sleep(SLOW))).await });
        }
        tokio::task::yield_now().await;
        let started = Instant::now();
        turnstile.pass(pin!(async {})).await;
        assert!(started.elapsed() <= 2 * TURN_MAX, "it waited");
        // They are finished all the same.
        assert_eq!(slow.join_all().await.len(), ABREAST_PER_CORE);
        assert!(started.elapsed() >= SLOW);
    }
}
