use std::time::Duration;

/// A rate that may be exceeded for a burst: the generic cell rate algorithm (ITU-T I.371), a token bucket kept as one instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    interval: Duration,
    depth: Duration,
}

/// When the bucket will be full again, since an instant of the caller's choice. Zero is a full one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Bucket(Duration);

impl Rate {
    /// So many a second sustained, and a burst of so many at once; none for 0 a second, which stands for no limit.
    pub fn new(per_second: u32, burst: u32) -> Option<Self> {
        let interval = Duration::from_secs(1).checked_div(per_second)?;
        Some(Self {
            interval,
            depth: interval * burst.max(1),
        })
    }

    /// Takes one out of a bucket, at a time since the caller's instant.
    ///
    /// # Errors
    /// How long to wait until one can be taken, if the bucket is empty.
    pub fn admit(self, bucket: &mut Bucket, now: Duration) -> Result<(), Duration> {
        let full_at = bucket.0.max(now) + self.interval;
        if full_at > now + self.depth {
            return Err(full_at - self.depth - now);
        }
        bucket.0 = full_at;
        Ok(())
    }
}

impl Bucket {
    /// A bucket that will be full at a time since the caller's instant.
    pub const fn full_at(time: Duration) -> Self {
        Self(time)
    }

    /// How long it takes until it is full.
    pub const fn lacks(self, now: Duration) -> Duration {
        self.0.saturating_sub(now)
    }

    /// Whether nothing is missing from it, so that it need not be remembered.
    pub fn is_full(self, now: Duration) -> bool {
        self.0 <= now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_let_through_and_then_the_sustained_rate() {
        let rate = Rate::new(10, 3).expect("a limit");
        let mut bucket = Bucket::default();
        let at = Duration::from_millis;
        for _ in 0..3 {
            assert_eq!(rate.admit(&mut bucket, at(5_000)), Ok(()));
        }
        assert_eq!(rate.admit(&mut bucket, at(5_000)), Err(at(100)));
        assert_eq!(rate.admit(&mut bucket, at(5_100)), Ok(()));
        assert!(rate.admit(&mut bucket, at(5_199)).is_err());
        assert!(!bucket.is_full(at(5_399)) && bucket.is_full(at(5_400)));
        // By another clock, that begins now.
        assert_eq!(bucket.lacks(at(5_200)), at(200));
        let mut moved = Bucket::full_at(bucket.lacks(at(5_200)));
        assert!(rate.admit(&mut moved, at(0)).is_ok());
        assert!(rate.admit(&mut moved, at(0)).is_err());
    }

    #[test]
    fn zero_means_no_limit() {
        assert_eq!(Rate::new(0, 40), None);
    }
}
