use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use messaging_domain::{Bucket, Rate, UserId};
use parking_lot::Mutex;
use tokio::time::Instant;

/// Users remembered before those whose bucket is full again are forgotten.
const USERS_BEFORE_SWEEP: usize = 10_000;

/// How many requests each user may send to this replica.
#[derive(Clone)]
pub(super) struct RateLimiter {
    rate: Option<Rate>,
    started: Instant,
    buckets: Arc<Mutex<HashMap<UserId, Bucket>>>,
}

impl RateLimiter {
    pub(super) fn new(rate: Option<Rate>) -> Self {
        Self {
            rate,
            started: Instant::now(),
            buckets: Arc::default(),
        }
    }

    /// Counts a request, or says how long to wait before the next one.
    pub(super) fn admit(&self, user: &UserId) -> Result<(), Duration> {
        let Some(rate) = self.rate else { return Ok(()) };
        let now = self.started.elapsed();
        let mut buckets = self.buckets.lock();
        if buckets.len() >= USERS_BEFORE_SWEEP && !buckets.contains_key(user) {
            buckets.retain(|_, bucket| !bucket.is_full(now));
        }
        rate.admit(buckets.entry(user.clone()).or_default(), now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn users_do_not_take_from_each_other() {
        let limiter = RateLimiter::new(Rate::new(1, 1));
        let (alice, bob) = (
            "alice".parse().expect("valid"),
            "bob".parse().expect("valid"),
        );
        assert_eq!(limiter.admit(&alice), Ok(()));
        assert_eq!(limiter.admit(&alice), Err(Duration::from_secs(1)));
        assert_eq!(limiter.admit(&bob), Ok(()));
    }
}
