use std::time::Duration;

use messaging_bus::Bus;
use messaging_bus::presence::{Instance, LeaseKind};
use messaging_domain::Timestamp;
use messaging_lifecycle::{Tasks, now};
use messaging_store::{Store, StoreError};
use messaging_wire::Fault;
use tokio::sync::{mpsc, oneshot};

use crate::announcer::{Announcer, Telling};

/// How far back to look from when all was last well: a replica's last moments, the term of its lease, and what clocks may differ by.
const LOOK_BACK: Duration = Duration::from_secs(15);

/// The most messages, changes, and conversations with read marks that are told of again at one time, the latest ones: more than
/// 1,000 messages and 300 of the others in each second of the look-back.
const MESSAGES_MAX: u32 = 20_000;
const CHANGES_MAX: u32 = 5_000;
const READS_MAX: u32 = 5_000;

/// How often to look whether events were lost, and how long to wait before a failed look at the log is tried again.
const INTERVAL: Duration = Duration::from_secs(1);

/// Gateways that may wait to be told again; beyond, one is told to ask later.
const WAITING_MAX: usize = 256;

/// Tells again of what may have been lost. A clone is another handle.
#[derive(Clone)]
pub(crate) struct Republisher(mpsc::Sender<Waiting>);

/// A gateway that waits to be told of what happened since a time.
struct Waiting {
    since: Timestamp,
    told: oneshot::Sender<()>,
}

impl Republisher {
    /// Tells again of the last messages, changes and read marks at the start, whenever an API replica has died, whenever events of
    /// our own were lost or may have been (what went into a connection that then broke, nobody knows), and when it is asked to.
    ///
    /// A replica that dies between commit and publish, or whose connection to NATS breaks, leaves messages that nobody was told of.
    /// Gateways drop what they have, so telling twice is harmless, and each survivor does it.
    pub(crate) fn start(
        store: Store,
        announcer: Announcer,
        bus: &Bus,
        deaths: mpsc::Receiver<(LeaseKind, Instance)>,
        tasks: &Tasks,
    ) -> Self {
        let (requests, waiting) = mpsc::channel(WAITING_MAX);
        let again = Again {
            store,
            announcer,
            bus: bus.clone(),
        };
        tasks.spawn_until_stopped("republish", again.run(deaths, waiting));
        Self(requests)
    }

    /// Tells again of what happened since a time. All who ask meanwhile are served together: when NATS comes back, each gateway asks.
    ///
    /// # Errors
    /// `unavailable`, when too many wait already, or not all of it went out.
    pub(crate) async fn retell(&self, since: Timestamp) -> Result<(), Fault> {
        let (told, done) = oneshot::channel();
        self.0
            .try_send(Waiting { since, told })
            .map_err(|_| Fault::unavailable())?;
        done.await.map_err(|_| Fault::unavailable())
    }
}

/// What it takes to tell again.
struct Again {
    store: Store,
    announcer: Announcer,
    bus: Bus,
}

impl Again {
    async fn run(
        self,
        mut deaths: mpsc::Receiver<(LeaseKind, Instance)>,
        mut requests: mpsc::Receiver<Waiting>,
    ) {
        let mut connections = self.bus.connections();
        let mut ticks = tokio::time::interval(INTERVAL);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut well_at = now();
        let mut is_due = true;
        loop {
            let mut waiting = Vec::new();
            tokio::select! {
                Some((kind, instance)) = deaths.recv() => {
                    if kind == LeaseKind::Api {
                        tracing::info!(api.id = %instance, "an API replica is gone; its last messages are told of again");
                        is_due = true;
                    }
                }
                Ok(()) = connections.changed() => is_due = true,
                Some(first) = requests.recv() => {
                    waiting.push(first);
                    waiting.extend(std::iter::from_fn(|| requests.try_recv().ok()).take(WAITING_MAX));
                }
                _ = ticks.tick() => is_due |= self.announcer.take_loss(),
            }
            if !self.bus.is_connected() {
                // What was told in this state is known to be lost only if somebody tried. Who waits hears that it was not told.
                continue;
            }
            let asked = waiting.iter().map(|waiting| waiting.since);
            if let Some(since) = asked
                .chain(is_due.then(|| well_at.earlier(LOOK_BACK)))
                .min()
            {
                // Otherwise all of it is due: what was lost meanwhile may be nobody's who asked.
                is_due = !self.tell_since(since).await;
                if !is_due {
                    for Waiting { told, .. } in waiting {
                        // Nobody listens if he has given up waiting.
                        let _ = told.send(());
                    }
                }
            }
            if !is_due {
                well_at = now();
            }
        }
    }

    /// Tells of what happened since a time; whether all of it went out.
    async fn tell_since(&self, since: Timestamp) -> bool {
        self.try_tell_since(since).await.unwrap_or_else(|error| {
            tracing::debug!(%error, "what happened lately cannot be read; trying again");
            false
        })
    }

    async fn try_tell_since(&self, since: Timestamp) -> Result<bool, StoreError> {
        let (store, announcer) = (&self.store, &self.announcer);
        let messages = store.recent(since, MESSAGES_MAX).await?;
        warn_if_cut("messages", messages.len(), MESSAGES_MAX);
        announcer
            .announce_committed(messages, Telling::Repeat)
            .await;
        if announcer.take_loss() {
            return Ok(false);
        }
        let changes = store.recent_changes(since, CHANGES_MAX).await?;
        warn_if_cut("changes", changes.len(), CHANGES_MAX);
        for changed in changes {
            if !announcer.announce_change(&changed).await {
                return Ok(false);
            }
        }
        let reads = store.recent_reads(since, READS_MAX).await?;
        warn_if_cut("read marks", reads.len(), READS_MAX);
        for receipt in reads {
            if !announcer.announce_read(&receipt, Telling::Repeat).await {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Says so where older ones may have been left out: rooms fetch messages that they lack, but not changes and marks.
fn warn_if_cut(what: &'static str, found: usize, limit: u32) {
    if found >= limit as usize {
        tracing::warn!(what, limit, "only the latest were told of again");
    }
}
