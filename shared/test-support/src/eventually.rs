//! Waiting for a state instead of for a time.

use std::time::{Duration, Instant};

const POLL: Duration = Duration::from_millis(10);

/// Waits until `holds` says yes, and panics with `what` when it does not within `bound`.
///
/// A call of `holds` that is under way when the bound passes is given up.
pub async fn eventually(bound: Duration, what: &str, mut holds: impl AsyncFnMut() -> bool) {
    eventually_some(bound, what, async || holds().await.then_some(())).await;
}

/// Waits until `probe` has a value and returns it, as [`eventually`] does.
pub async fn eventually_some<T>(
    bound: Duration,
    what: &str,
    mut probe: impl AsyncFnMut() -> Option<T>,
) -> T {
    let started = Instant::now();
    let found = tokio::time::timeout(bound, async {
        loop {
            if let Some(value) = probe().await {
                return value;
            }
            tokio::time::sleep(POLL).await;
        }
    });
    match found.await {
        Ok(value) => value,
        Err(_elapsed) => panic!(
            "not within {bound:?} ({:?} passed): {what}",
            started.elapsed()
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_state_that_comes_is_waited_for() {
        let mut asked = 0;
        let probe = async || {
            asked += 1;
            (asked == 3).then_some("third")
        };
        assert_eq!(
            eventually_some(Duration::from_secs(5), "three", probe).await,
            "third"
        );
    }

    #[tokio::test]
    #[should_panic(expected = "pigs fly")]
    async fn a_state_that_never_comes_panics_with_its_name() {
        eventually(Duration::from_millis(30), "pigs fly", async || false).await;
    }
}
