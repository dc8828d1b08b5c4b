use std::time::Duration;

use messaging_bus::Bus;
use messaging_bus::presence::{Instance, LeaseKind};
use messaging_domain::Timestamp;
use messaging_lifecycle::{Tasks, now};
use messaging_store::{Store, StoreError};
use tokio::sync::mpsc;

use crate::announcer::{Announcer, Telling};

/// How far back to look from when all was last well: a replica's last moments, the term of its lease, and what clocks may differ by.
const LOOK_BACK: Duration = Duration::from_secs(15);

/// The most messages that are told of again at one time.
const MESSAGES_MAX: u32 = 20_000;

/// How often to look whether events were lost, and how long to wait before a failed look at the log is tried again.
const INTERVAL: Duration = Duration::from_secs(1);

/// Changes to messages that are told of again at one time.
const CHANGES_MAX: u32 = 5_000;

/// Tells again of the last messages and changes at the start, whenever an API replica has died, and whenever events of our own were
/// lost or may have been: what went into a connection that then broke, nobody knows.
///
/// A replica that dies between commit and publish, or whose connection to NATS breaks, leaves messages that nobody was told of.
/// Gateways drop what they have, so telling twice is harmless, and each survivor does it.
pub(crate) fn republish_what_may_be_lost(
    store: Store,
    announcer: Announcer,
    bus: &Bus,
    mut deaths: mpsc::Receiver<(LeaseKind, Instance)>,
    tasks: &Tasks,
) {
    let (bus, mut connections) = (bus.clone(), bus.connections());
    tasks.spawn_until_stopped("republish", async move {
        let mut ticks = tokio::time::interval(INTERVAL);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut well_at = now();
        let mut is_due = true;
        loop {
            tokio::select! {
                Some((kind, instance)) = deaths.recv() => {
                    if kind == LeaseKind::Api {
                        tracing::info!(%instance, "an API replica is gone; its last messages are told of again");
                        is_due = true;
                    }
                }
                Ok(()) = connections.changed() => is_due = true,
                _ = ticks.tick() => is_due |= announcer.take_loss(),
            }
            if !bus.is_connected() {
                // What was told in this state is known to be lost only if somebody tried.
                continue;
            }
            if is_due {
                is_due = !republish(&store, &announcer, well_at).await;
            }
            if !is_due {
                well_at = now();
            }
        }
    });
}

/// Tells of the messages since shortly before a time; whether all of it went out.
async fn republish(store: &Store, announcer: &Announcer, well_at: Timestamp) -> bool {
    let look_back = i64::try_from(LOOK_BACK.as_millis()).unwrap_or(i64::MAX);
    let since = Timestamp::from_millis(well_at.millis() - look_back);
    let told = async {
        let messages = store.recent(since, MESSAGES_MAX).await?;
        announcer
            .announce_committed(messages, Telling::Repeat)
            .await;
        let is_told = !announcer.take_loss();
        Ok::<_, StoreError>(is_told && retell_changes(store, announcer, since).await?)
    };
    told.await.unwrap_or_else(|error| {
        tracing::debug!(%error, "the last messages cannot be read; trying again");
        false
    })
}

/// Tells of the changes to messages since a time once more; whether all of it went out.
///
/// # Errors
/// When MongoDB does not answer.
pub(crate) async fn retell_changes(
    store: &Store,
    announcer: &Announcer,
    since: Timestamp,
) -> Result<bool, StoreError> {
    for changed in store.recent_changes(since, CHANGES_MAX).await? {
        if !announcer.announce_change(&changed).await {
            return Ok(false);
        }
    }
    Ok(true)
}
