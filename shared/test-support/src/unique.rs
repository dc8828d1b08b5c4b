//! Names that no other test has.

use std::{
    process,
    sync::atomic::{AtomicU32, Ordering},
};

/// A name for one test's database or NATS subjects: lower-case letters and digits, at most 24.
///
/// Unique on this machine while the test process lives.
pub fn unique_prefix() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!(
        "t{}n{}",
        process::id(),
        COUNT.fetch_add(1, Ordering::Relaxed)
    )
}
