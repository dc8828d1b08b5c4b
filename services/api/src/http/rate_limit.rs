use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use messaging_domain::UserId;
use parking_lot::Mutex;
use tokio::time::Instant;

/// Users remembered before those who have been quiet long enough are forgotten.
const USERS_BEFORE_SWEEP: usize = 10_000;

/// How many requests a user may send to one replica.
#[derive(Debug, Clone, Copy)]
pub struct RateLimit {
    /// `REQUESTS_PER_SECOND`: sustained; 0 means no limit.
    pub per_second: u32,
    /// `REQUESTS_BURST`: at once.
    pub burst: u32,
}

/// Token buckets by user, as the generic cell rate algorithm has them: one instant each.
#[derive(Clone)]
pub(super) struct RateLimiter {
    limit: RateLimit,
    /// When a user's bucket will be full again.
    full_at: Arc<Mutex<HashMap<UserId, Instant>>>,
}

impl RateLimiter {
    pub(super) fn new(limit: RateLimit) -> Self {
        Self { limit, full_at: Arc::default() }
    }

    /// Counts a request, or says how long to wait before the next one.
    pub(super) fn admit(&self, user: &UserId) -> Result<(), Duration> {
        if self.limit.per_second == 0 {
            return Ok(());
        }
        let interval = Duration::from_secs(1) / self.limit.per_second;
        let depth = interval * self.limit.burst.max(1);
        let now = Instant::now();
        let mut full_at = self.full_at.lock();
        if full_at.len() >= USERS_BEFORE_SWEEP && !full_at.contains_key(user) {
            full_at.retain(|_, at| *at > now);
        }
        let at = full_at.entry(user.clone()).or_insert(now);
        let next = (*at).max(now) + interval;
        if next > now + depth {
            return Err(next - depth - now);
        }
        *at = next;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_burst_is_let_through_and_then_the_sustained_rate() {
        let limiter = RateLimiter::new(RateLimit { per_second: 10, burst: 3 });
        let (alice, bob) = ("alice".parse().expect("valid"), "bob".parse().expect("valid"));
        for _ in 0..3 {
            assert_eq!(limiter.admit(&alice), Ok(()));
        }
        assert_eq!(limiter.admit(&alice), Err(Duration::from_millis(100)));
        assert_eq!(limiter.admit(&bob), Ok(()));
        tokio::time::advance(Duration::from_millis(100)).await;
        assert_eq!(limiter.admit(&alice), Ok(()));
        assert!(limiter.admit(&alice).is_err());
    }

    #[tokio::test]
    async fn zero_means_no_limit() {
        let limiter = RateLimiter::new(RateLimit { per_second: 0, burst: 0 });
        let alice = "alice".parse().expect("valid");
        assert!((0..10_000).all(|_| limiter.admit(&alice).is_ok()));
    }
}
