use std::time::Duration;

use messaging_bus::presence::{Instance, LeaseKind};
use messaging_domain::Timestamp;
use messaging_lifecycle::{Tasks, now};
use messaging_store::Store;
use tokio::sync::mpsc;

use crate::announcer::{Announcer, Telling};

/// How far back to look: what a replica stored in its last moments, plus the term of its lease, plus what clocks may differ by.
const LOOK_BACK: Duration = Duration::from_secs(15);

/// The most messages that are told of again at one time.
const MESSAGES_MAX: u32 = 20_000;

/// How long to wait before a failed look at the log is tried again, and how often it is tried.
const RETRY_DELAY: Duration = Duration::from_millis(500);
const ATTEMPTS_MAX: u32 = 20;

/// Tells again of the last messages whenever an API replica has died, and once at the start.
///
/// A replica that dies between commit and publish leaves messages that nobody was told of. Gateways drop what they have, so
/// telling twice is harmless, and each survivor does it.
pub(crate) fn republish_after_deaths(
    store: Store,
    announcer: Announcer,
    mut deaths: mpsc::Receiver<(LeaseKind, Instance)>,
    tasks: &Tasks,
) {
    let stopping = tasks.stopping().clone();
    tasks.spawn("republish", async move {
        let republishing = async {
            republish(&store, &announcer).await;
            while let Some((kind, instance)) = deaths.recv().await {
                if kind == LeaseKind::Api {
                    tracing::info!(%instance, "an API replica is gone; its last messages are told of again");
                    republish(&store, &announcer).await;
                }
            }
        };
        tokio::select! {
            () = republishing => {}
            () = stopping.cancelled() => {}
        }
    });
}

async fn republish(store: &Store, announcer: &Announcer) {
    let look_back = i64::try_from(LOOK_BACK.as_millis()).unwrap_or(i64::MAX);
    let since = Timestamp::from_millis(now().millis() - look_back);
    for _ in 0..ATTEMPTS_MAX {
        match store.recent(since, MESSAGES_MAX).await {
            Ok(messages) => {
                return announcer
                    .announce_committed(messages, Telling::Repeat)
                    .await;
            }
            Err(error) => {
                tracing::debug!(%error, "the last messages cannot be read; trying again");
                tokio::time::sleep(RETRY_DELAY).await;
            }
        }
    }
    tracing::warn!("the last messages could not be told of again");
}
