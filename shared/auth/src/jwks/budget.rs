use std::time::Duration;

use tokio::time::Instant;

/// How often tokens whose key is not known may have the keys read again.
///
/// Who makes up tokens could otherwise have us knock at the publisher's door as often as he likes.
#[derive(Debug)]
pub(super) struct Budget {
    interval: Duration,
    left: u32,
    /// When the next one is added, if any are missing.
    refill_at: Instant,
}

/// Readings that may follow each other before the interval counts.
const BURST: u32 = 10;

impl Budget {
    pub(super) fn new(interval: Duration) -> Self {
        Self {
            interval,
            left: BURST,
            refill_at: Instant::now(),
        }
    }

    /// Takes one reading out of the budget, if there is one left.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        while self.left < BURST && self.refill_at <= now {
            self.left += 1;
            self.refill_at += self.interval;
        }
        if self.left == BURST {
            self.refill_at = now + self.interval;
        }
        let is_left = self.left > 0;
        self.left = self.left.saturating_sub(1);
        is_left
    }

    /// Puts one back: it brought new keys, so it was not in vain.
    pub(super) fn give_back(&mut self) {
        self.left = BURST.min(self.left + 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_secs(10);

    fn taken(budget: &mut Budget, now: Instant) -> usize {
        std::iter::from_fn(|| budget.take(now).then_some(())).count()
    }

    #[tokio::test]
    async fn a_burst_and_then_one_an_interval_and_never_more_than_a_burst_later() {
        let start = Instant::now();
        let mut budget = Budget::new(INTERVAL);
        assert_eq!(taken(&mut budget, start), 10);
        assert_eq!(taken(&mut budget, start + INTERVAL / 2), 0);
        assert_eq!(taken(&mut budget, start + INTERVAL), 1);
        assert_eq!(taken(&mut budget, start + INTERVAL * 3), 2);
        assert_eq!(taken(&mut budget, start + INTERVAL * 100), 10);
    }

    #[tokio::test]
    async fn what_was_not_in_vain_is_given_back() {
        let start = Instant::now();
        let mut budget = Budget::new(INTERVAL);
        for _ in 0..100 {
            assert!(budget.take(start));
            budget.give_back();
        }
        assert_eq!(taken(&mut budget, start), 10);
    }
}
