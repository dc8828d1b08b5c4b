use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use messaging_bus::presence::{Entry, Instance, LeaseTable, PresenceBucket};
use messaging_bus::{Bus, CommandHandler, Route, serve_commands};
use messaging_domain::{Timestamp, UserId};
use messaging_lifecycle::Tasks;
use messaging_test_support::eventually;
use prometheus::Registry;
use tokio::sync::Semaphore;

use super::announce::{ANNOUNCING_MAX, Announced};
use super::{Admission, Presence, PresenceConfig};
use crate::api::ApiClient;
use crate::test_bus::bus_of_its_own;

const BOUND: Duration = Duration::from_secs(15);

/// A gateway with one user, as others find him in the bucket.
struct Scene {
    bus: Bus,
    tasks: Tasks,
    bucket: PresenceBucket,
    presence: Presence,
    gateway: Instance,
    user: UserId,
}

impl Scene {
    async fn set() -> Self {
        let bus = bus_of_its_own().await;
        let bucket = PresenceBucket::new(&bus);
        bucket.ensure().await.expect("the bucket is made");
        let (tasks, gateway) = (Tasks::new(), "one".parse().expect("a valid name"));
        let (leases, _deaths) = LeaseTable::follow(&bucket, &tasks);
        let config = PresenceConfig {
            grace: Duration::from_secs(8),
            connections_per_user_max: None,
        };
        let api = ApiClient::new(bus.clone(), leases.clone());
        let registry = Registry::new();
        let presence = Presence::new(&bucket, leases, &gateway, config, &api, &registry, &tasks);
        let presence = presence.expect("registered once");
        let user = "alice".parse().expect("a valid id");
        assert_eq!(presence.open(&user, None).await, Admission::Admitted);
        Self {
            bus,
            tasks,
            bucket,
            presence,
            gateway,
            user,
        }
    }

    async fn entry(&self) -> Entry {
        let entries = self.bucket.entries(std::slice::from_ref(&self.user)).await;
        entries.expect("read").remove(0)
    }

    /// As one does who takes the gateway for dead and saw the entry some time ago.
    async fn delete(&self, seen: &Entry) -> Option<u64> {
        let deleted = self
            .bucket
            .delete_unchanged_user(&self.user, &self.gateway, seen.revision);
        deleted.await.expect("the bucket answers")
    }
}

#[tokio::test]
async fn who_was_found_by_a_clean_up_and_then_written_anew_is_not_deleted() {
    let scene = Scene::set().await;
    let seen = scene.entry().await;
    scene.presence.write_all().await.expect("written");
    assert_eq!(scene.delete(&seen).await, None);
    let entry = scene.entry().await;
    assert_eq!(entry.connections, Some(1));
    assert!(entry.is_rewritten, "nobody was told that he went");
}

#[tokio::test]
async fn who_was_deleted_by_a_clean_up_comes_again() {
    let scene = Scene::set().await;
    let seen = scene.entry().await;
    assert!(scene.delete(&seen).await.is_some());
    assert_eq!(scene.entry().await.connections, None);
    scene.presence.write_all().await.expect("written");
    let entry = scene.entry().await;
    assert_eq!(entry.connections, Some(1));
    assert!(!entry.is_rewritten, "others were told that he went");
}

#[tokio::test]
async fn while_no_api_takes_what_is_announced_again_only_the_first_ones_are_tried() {
    let scene = Scene::set().await;
    for user in ["ben", "carl", "dora", "emil"] {
        let user = user.parse().expect("a valid id");
        let admission = scene.presence.open(&user, None).await;
        assert_eq!(admission, Admission::Admitted);
    }
    let announcements = &scene.presence.inner.announcements;
    let is = async |given_up, left_out| {
        let what = format!("{given_up} given up, {left_out} left out");
        // Each is tried for some ten seconds.
        eventually(4 * BOUND, &what, async || {
            let counted = (Announced::GivenUp, Announced::LeftOut);
            let counted = (announcements.get(counted.0), announcements.get(counted.1));
            counted == (given_up, left_out)
        })
        .await;
    };
    // Nobody serves what an API serves, so no one has heard of the five.
    is(5, 0).await;
    scene
        .presence
        .announce_again(Timestamp::from_millis(0))
        .await;
    is(8, 2).await;
}

/// An API replica that answers only once it is let.
struct Held {
    gate: Semaphore,
    at_a_time: AtomicUsize,
    most_at_a_time: AtomicUsize,
}

impl CommandHandler for Held {
    async fn handle(&self, _name: &str, _payload: &[u8]) -> Bytes {
        let at_a_time = self.at_a_time.fetch_add(1, Ordering::Relaxed) + 1;
        self.most_at_a_time.fetch_max(at_a_time, Ordering::Relaxed);
        let _permit = self.gate.acquire().await;
        self.at_a_time.fetch_sub(1, Ordering::Relaxed);
        Bytes::from_static(br#"{"ok":null}"#)
    }

    fn overloaded(&self) -> Bytes {
        unreachable!("it takes more at a time")
    }
}

#[tokio::test]
async fn a_crowd_is_announced_a_limited_number_at_a_time_and_whole() {
    const CROWD: usize = 3 * ANNOUNCING_MAX;
    let scene = Scene::set().await;
    let announcements = &scene.presence.inner.announcements;
    let replica = Arc::new(Held {
        gate: Semaphore::new(0),
        at_a_time: AtomicUsize::new(0),
        most_at_a_time: AtomicUsize::new(0),
    });
    let route = Route::of(&"api".parse().expect("a valid name"));
    let served = serve_commands(&scene.bus, &route, Arc::clone(&replica), &scene.tasks).await;
    served.expect("NATS takes it");
    let opened: FuturesUnordered<_> = (0..CROWD)
        .map(|number| {
            let presence = &scene.presence;
            async move {
                let user = format!("user-{number}").parse().expect("a valid id");
                presence.open(&user, None).await
            }
        })
        .collect();
    let opened: Vec<_> = opened.collect().await;
    assert!(opened.iter().all(|is| *is == Admission::Admitted));
    eventually(BOUND, "as many as may are on their way", async || {
        replica.at_a_time.load(Ordering::Relaxed) == ANNOUNCING_MAX
    })
    .await;
    assert_eq!(announcements.get(Announced::Told), 0);
    replica.gate.close();
    eventually(BOUND, "all are told", async || {
        announcements.get(Announced::Told) as usize >= CROWD
    })
    .await;
    let most = replica.most_at_a_time.load(Ordering::Relaxed);
    assert_eq!(most, ANNOUNCING_MAX);
}
