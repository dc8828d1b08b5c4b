use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Notify, Semaphore, SemaphorePermit, watch};
use tokio::time::{Instant, timeout_at};

use super::KeySet;
use super::budget::Budget;

/// How long a token whose key is not known may wait for newer keys.
const WAIT_MAX: Duration = Duration::from_secs(2);

/// How long after a reading began the next one that is asked for may begin.
///
/// It is well within what a token waits, so that a few wrong tokens do not keep the one of a really new key from being accepted.
const SPACING: Duration = Duration::from_secs(1);

/// How many may wait at a time; who comes on top of that is refused at once.
const WAITING_MAX: usize = 1_000;

/// The keys of a set as they are now, and the way to ask for newer ones.
///
/// Reading them is cheap: the lock is held for as long as it takes to copy a pointer.
pub(crate) struct WatchedKeys {
    rounds: watch::Sender<Rounds>,
    plan: Mutex<Plan>,
    asked: Notify,
    waiting: Semaphore,
}

/// The keys, and how many readings there were.
#[derive(Clone)]
struct Rounds {
    keys: Arc<KeySet>,
    ended: u64,
}

struct Plan {
    /// Readings that have begun so far.
    begun: u64,
    /// A reading has been asked for that has not begun.
    is_asked: bool,
    /// Before when none begins because somebody asks.
    spaced: Instant,
    /// When the next one begins if nobody asks.
    next: Instant,
    budget: Budget,
}

/// Somebody who waits for newer keys.
pub(crate) struct Waiting<'a> {
    rounds: watch::Receiver<Rounds>,
    /// The last reading that does not count for him.
    after: u64,
    until: Instant,
    _place: SemaphorePermit<'a>,
}

impl WatchedKeys {
    /// These keys until there are others; the set is empty if there are none yet.
    pub(super) fn new(keys: KeySet, ask_interval: Duration) -> Self {
        let keys = Arc::new(keys);
        Self {
            rounds: watch::Sender::new(Rounds { keys, ended: 0 }),
            plan: Mutex::new(Plan {
                begun: 0,
                is_asked: false,
                spaced: Instant::now(),
                next: Instant::now(),
                budget: Budget::new(ask_interval),
            }),
            asked: Notify::new(),
            waiting: Semaphore::new(WAITING_MAX),
        }
    }

    /// The keys as they are now.
    pub(crate) fn current(&self) -> Arc<KeySet> {
        Arc::clone(&self.rounds.borrow().keys)
    }

    /// Asks for newer keys, and has one wait for them if there may be any soon.
    ///
    /// All who ask before a reading begins share it. There is no waiting where too many do so, or the budget is spent.
    pub(crate) fn ask(&self) -> Option<Waiting<'_>> {
        let place = self.waiting.try_acquire().ok()?;
        let now = Instant::now();
        let mut plan = self.plan.lock();
        if !plan.is_asked && plan.budget.take(now) {
            plan.is_asked = true;
            self.asked.notify_one();
        }
        let is_running = self.rounds.borrow().ended < plan.begun;
        let after = match (plan.is_asked, is_running) {
            (true, _) => plan.begun,
            // Its answer may be older than the token, but it is the newest there will be.
            (false, true) => plan.begun - 1,
            (false, false) if plan.next <= now + WAIT_MAX => plan.begun,
            (false, false) => return None,
        };
        Some(Waiting {
            rounds: self.rounds.subscribe(),
            after,
            until: now + WAIT_MAX,
            _place: place,
        })
    }

    /// A reading begins: who asks from now on may not be content with it.
    pub(super) fn begin(&self) {
        let mut plan = self.plan.lock();
        plan.is_asked = false;
        plan.begun += 1;
        plan.spaced = Instant::now() + SPACING;
    }

    /// The reading has ended; with these keys, if it brought others than there were.
    pub(super) fn end(&self, keys: Option<KeySet>) {
        if keys.is_some() {
            self.plan.lock().budget.give_back();
        }
        self.rounds.send_modify(|rounds| {
            rounds.ended += 1;
            if let Some(keys) = keys {
                rounds.keys = Arc::new(keys);
            }
        });
    }

    /// Resolves when the next reading is to begin: at a time, or when somebody has asked and the last one is long enough ago.
    pub(super) async fn due(&self, at: Instant) {
        self.plan.lock().next = at;
        let asked = async {
            // What was asked for before a reading that began by itself has been done by that.
            while !self.plan.lock().is_asked {
                self.asked.notified().await;
            }
            let spaced = self.plan.lock().spaced;
            tokio::time::sleep_until(spaced).await;
        };
        tokio::select! {
            () = asked => {}
            () = tokio::time::sleep_until(at) => {}
        }
    }
}

impl Waiting<'_> {
    /// The keys, as soon as they are others than these; none once it is clear that there are no others, or the time is up.
    pub(crate) async fn newer_than(&mut self, known: &Arc<KeySet>) -> Option<Arc<KeySet>> {
        let after = self.after;
        let waited = self
            .rounds
            .wait_for(|rounds| !Arc::ptr_eq(&rounds.keys, known) || rounds.ended > after);
        let keys = match timeout_at(self.until, waited).await {
            Ok(Ok(rounds)) => Arc::clone(&rounds.keys),
            Ok(Err(_)) | Err(_) => return None,
        };
        (!Arc::ptr_eq(&keys, known)).then_some(keys)
    }
}
