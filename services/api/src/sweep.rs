use std::time::Duration;

use messaging_lifecycle::{Tasks, chain};
use messaging_store::Store;

/// How long a file that no message holds is kept for the message it may be meant for.
const LOOSE_AGE_MAX: Duration = Duration::from_secs(24 * 3_600);

/// How often to look for such files.
const INTERVAL: Duration = Duration::from_secs(60);

/// Removes files that no message holds, for as long as the process runs. Each replica does it; they do not get in each other's way.
pub(crate) fn sweep_attachments(store: Store, tasks: &Tasks) {
    tasks.spawn_until_stopped("attachment sweep", async move {
        loop {
            tokio::time::sleep(INTERVAL).await;
            match store.sweep_attachments(LOOSE_AGE_MAX).await {
                Ok(0) => {}
                Ok(removed) => {
                    tracing::info!(removed, "files that no message holds were removed")
                }
                Err(error) => {
                    tracing::debug!(error = chain(&error), "files cannot be swept now");
                }
            }
        }
    });
}
