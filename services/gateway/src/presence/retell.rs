use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use messaging_bus::{Bus, PeerHandler, Route, SubscribeError, serve_peers};
use messaging_domain::Timestamp;
use messaging_wire::command::{PresenceChanged, Retell};
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::Presence;
use super::announce::Announced;

const AREA: &str = "presence";
const RETELL: &str = "retell";

/// The most changes that are remembered: 300 in each second that a gateway looks back by.
const CHANGES_MAX: usize = 5_000;

/// How many in a row may be given up, each after eight attempts, before the rest is left out.
const GIVEN_UP_MAX: u32 = 3;

/// The changes that this gateway announced last, the latest at the end.
#[derive(Default)]
pub(super) struct Lately(Mutex<Remembered>);

#[derive(Default)]
struct Remembered {
    changes: VecDeque<PresenceChanged>,
    /// Up to when some were forgotten.
    forgotten_until: Option<Timestamp>,
}

impl Lately {
    pub(super) fn note(&self, change: PresenceChanged) {
        let mut remembered = self.0.lock();
        if remembered.changes.len() >= CHANGES_MAX {
            let forgotten = remembered.changes.pop_front();
            remembered.forgotten_until = forgotten.map(|change| change.at);
        }
        remembered.changes.push_back(change);
    }

    /// Those since a time, in order, and whether some of them were forgotten.
    fn since(&self, since: Timestamp) -> (Vec<PresenceChanged>, bool) {
        let remembered = self.0.lock();
        let changes = remembered.changes.iter();
        let is_cut = remembered
            .forgotten_until
            .is_some_and(|until| until >= since);
        let changes = changes.filter(|change| change.at >= since).cloned();
        (changes.collect(), is_cut)
    }
}

/// Asks all gateways, this one too, to announce again what they announced since a time.
pub(crate) async fn ask_all_again(bus: &Bus, since: Timestamp) {
    let asked = serde_json::to_vec(&Retell { since }).expect("its field is plain");
    bus.tell_peer(&Route::EVERYONE, (AREA, RETELL), asked.into())
        .await;
}

impl Presence {
    /// Announces again what others ask for, until the tasks are asked to stop.
    ///
    /// # Errors
    /// [`SubscribeError`].
    pub(super) async fn serve_retelling(&self, bus: &Bus) -> Result<(), SubscribeError> {
        let asked = Arc::new(Asked::default());
        let handler = Arc::new(Retelling(Arc::clone(&asked)));
        let presence = self.clone();
        let tasks = self.inner.tasks();
        tasks.spawn_until_stopped("presence retelling", async move {
            loop {
                presence.announce_again(asked.next().await).await;
            }
        });
        serve_peers(bus, &Route::EVERYONE, AREA, handler, tasks).await
    }

    pub(super) async fn announce_again(&self, since: Timestamp) {
        let (changes, is_cut) = self.inner.lately.since(since);
        if is_cut {
            tracing::warn!(
                limit = CHANGES_MAX,
                "only the latest changes of presence are announced again"
            );
        }
        let mut changes = changes.into_iter();
        let mut given_up = 0;
        while let Some(mut change) = changes.next() {
            change.is_repeat = true;
            given_up = match self.announce_while_current(&change).await {
                Announced::GivenUp => given_up + 1,
                _ => 0,
            };
            if given_up == GIVEN_UP_MAX {
                // Nor would the next ones be taken, and each would be tried as long.
                let count = changes.len();
                tracing::warn!(
                    count,
                    "more changes of presence are not announced again, as no API replica takes them"
                );
                return self.inner.announcements.count(Announced::LeftOut, count);
            }
        }
    }
}

/// Since when others want to hear again. The earliest says it for all who ask while it is not served yet.
#[derive(Default)]
struct Asked {
    since: Mutex<Option<Timestamp>>,
    has_more: Notify,
}

impl Asked {
    fn add(&self, since: Timestamp) {
        let mut earliest = self.since.lock();
        *earliest = Some(earliest.map_or(since, |earliest| earliest.min(since)));
        self.has_more.notify_one();
    }

    async fn next(&self) -> Timestamp {
        loop {
            let since = self.since.lock().take();
            match since {
                Some(since) => return since,
                None => self.has_more.notified().await,
            }
        }
    }
}

struct Retelling(Arc<Asked>);

impl PeerHandler for Retelling {
    async fn handle(&self, request: &str, payload: Bytes) -> Option<Bytes> {
        match serde_json::from_slice::<Retell>(&payload) {
            Ok(Retell { since }) if request == RETELL => self.0.add(since),
            _ => tracing::warn!(request, "a request of another gateway cannot be read"),
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use messaging_wire::PresenceStatus;

    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn change(millis: i64) -> PresenceChanged {
        PresenceChanged {
            user: "ada".parse().expect("a valid id"),
            status: PresenceStatus::Online,
            last_seen_at: None,
            at: at(millis),
            is_repeat: false,
        }
    }

    #[test]
    fn the_latest_changes_are_remembered_and_it_is_known_when_that_is_not_enough() {
        let lately = Lately::default();
        let last = CHANGES_MAX as i64 + 10;
        for millis in 0..last {
            lately.note(change(millis));
        }
        let (changes, is_cut) = lately.since(at(10));
        let known: Vec<_> = changes.iter().map(|change| change.at).collect();
        assert_eq!(known, (10..last).map(at).collect::<Vec<_>>());
        assert!(!is_cut);
        let (changes, is_cut) = lately.since(at(9));
        assert_eq!((changes.len(), is_cut), (CHANGES_MAX, true));
        assert!(lately.since(at(last)).0.is_empty());
    }

    #[tokio::test]
    async fn all_who_ask_meanwhile_are_served_by_the_earliest() {
        let asked = Asked::default();
        [30, 10, 20]
            .map(at)
            .into_iter()
            .for_each(|since| asked.add(since));
        assert_eq!(asked.next().await, at(10));
        let mut next = std::pin::pin!(asked.next());
        assert!(next.as_mut().now_or_never().is_none());
        asked.add(at(5));
        assert_eq!(next.await, at(5));
    }
}
