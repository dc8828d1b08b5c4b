use std::time::{SystemTime, UNIX_EPOCH};

use messaging_domain::Timestamp;

/// The wall clock. What measures a duration uses `tokio::time::Instant` instead, which tests can pause.
pub fn now() -> Timestamp {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where the wall clock is read"
    )]
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
}
