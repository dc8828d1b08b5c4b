use std::time::Duration;

use messaging_bus::presence::{Entry, Instance, LeaseTable, PresenceBucket};
use messaging_domain::{Timestamp, UserId};
use messaging_lifecycle::Tasks;
use messaging_test_support::eventually;
use prometheus::Registry;

use super::announce::Announced;
use super::{Admission, Presence, PresenceConfig};
use crate::api::ApiClient;
use crate::test_bus::bus_of_its_own;

const BOUND: Duration = Duration::from_secs(15);

/// A gateway with one user, as others find him in the bucket.
struct Scene {
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
        let api = ApiClient::new(bus, leases.clone());
        let registry = Registry::new();
        let presence = Presence::new(&bucket, leases, &gateway, config, &api, &registry, &tasks);
        let presence = presence.expect("registered once");
        let user = "alice".parse().expect("a valid id");
        assert_eq!(presence.open(&user, None).await, Admission::Admitted);
        Self {
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
