use std::time::Duration;

use bytes::Bytes;
use messaging_bus::presence::{Instance, Lease, LeaseKind, LeaseTable, PresenceBucket};
use messaging_bus::{BucketError, SessionBucket};
use messaging_lifecycle::Tasks;
use messaging_test_support::{NatsServer, eventually, unique_prefix};

use super::{BOUND, connect, instance, user};

#[tokio::test]
async fn all_entries_of_a_user_are_read_in_one_go_with_the_order_of_their_writes() {
    let nats = NatsServer::shared().await;
    let bucket = PresenceBucket::new(&connect(&nats.url(), &unique_prefix()).await);
    bucket.ensure().await.expect("the bucket is made");
    bucket.ensure().await.expect("making it twice is harmless");
    let (alice, bob, nobody) = (user("alice"), user("bob"), user("nobody"));
    let (one, two) = (instance("one"), instance("two"));
    let first = bucket.put_user(&alice, &one, 1).await.expect("written");
    let second = bucket.put_user(&alice, &two, 2).await.expect("written");
    bucket.put_user(&bob, &two, 1).await.expect("written");
    let deleted = bucket.delete_user(&alice, &one).await.expect("written");
    assert!(first < second && second < deleted);
    let mut entries = bucket
        .entries(&[alice.clone(), nobody])
        .await
        .expect("read");
    entries.sort_by_key(|entry| entry.revision);
    let seen: Vec<_> = entries
        .iter()
        .map(|entry| (entry.instance.clone(), entry.revision, entry.connections))
        .collect();
    assert_eq!(seen, [(two.clone(), second, Some(2)), (one, deleted, None)]);
    let mut users = bucket.users_of(&two).await.expect("read");
    users.sort();
    assert_eq!(users, [alice, bob]);
}

#[tokio::test]
async fn a_dead_gateway_is_claimed_once() {
    let nats = NatsServer::shared().await;
    let bucket = PresenceBucket::new(&connect(&nats.url(), &unique_prefix()).await);
    bucket.ensure().await.expect("the bucket is made");
    let dead = instance("dead");
    bucket.register(&dead).await.expect("written");
    let registered = bucket.registered().await.expect("read");
    assert_eq!(registered, std::slice::from_ref(&dead));
    assert!(bucket.claim(&dead).await.expect("written"));
    assert!(!bucket.claim(&dead).await.expect("written"));
    // It came to life, and may die anew.
    bucket.register(&dead).await.expect("written");
    assert!(bucket.claim(&dead).await.expect("written"));
    bucket.unregister(&dead).await.expect("written");
    assert!(bucket.registered().await.expect("read").is_empty());
}

#[tokio::test]
async fn a_lease_that_is_not_renewed_dies_and_one_that_is_lives_on() {
    let nats = NatsServer::shared().await;
    let bucket = PresenceBucket::new(&connect(&nats.url(), &unique_prefix()).await);
    let (dying, living, watching) = (Tasks::new(), Tasks::new(), Tasks::new());
    let _dying_lease = Lease::keep(&bucket, LeaseKind::Gateway, &instance("dying"), &dying);
    let _living_lease = Lease::keep(&bucket, LeaseKind::Gateway, &instance("living"), &living);
    let (table, mut deaths) = LeaseTable::follow(&bucket, &watching);
    let both = async || {
        ["dying", "living"]
            .iter()
            .all(|name| table.is_alive(LeaseKind::Gateway, &instance(name)))
    };
    eventually(BOUND, "both leases are seen", both).await;
    dying.stop(BOUND).await.expect("it ends");
    let death = tokio::time::timeout(BOUND, deaths.recv())
        .await
        .expect("in time");
    assert_eq!(death, Some((LeaseKind::Gateway, instance("dying"))));
    assert!(table.is_alive(LeaseKind::Gateway, &instance("living")));
    assert!(!table.is_alive(LeaseKind::Gateway, &instance("dying")));
}

#[tokio::test]
async fn everyone_chooses_the_same_replica_for_a_key_and_another_only_if_it_is_gone() {
    let nats = NatsServer::shared().await;
    let bucket = PresenceBucket::new(&connect(&nats.url(), &unique_prefix()).await);
    let tasks = Tasks::new();
    let names = ["one", "two", "three"].map(instance);
    let mut leases: Vec<_> = names
        .iter()
        .map(|name| Lease::keep(&bucket, LeaseKind::Api, name, &tasks))
        .collect();
    let _gateway = Lease::keep(&bucket, LeaseKind::Gateway, &instance("gateway"), &tasks);
    let tables = [(); 2].map(|()| LeaseTable::follow(&bucket, &tasks).0);
    let choices = |table: &LeaseTable| -> Vec<Option<Instance>> {
        let choose = |key: u32| table.choose(LeaseKind::Api, &key, |_| true);
        (0..300).map(choose).collect()
    };
    let shares = |choices: &[Option<Instance>]| {
        let count = |name: &Instance| choices.iter().flatten().filter(|of| *of == name).count();
        names.each_ref().map(count)
    };
    let mut before = Vec::new();
    eventually(BOUND, "both choose alike, and evenly", async || {
        let [one, two] = tables.each_ref().map(choices);
        let is_even = shares(&one).iter().all(|share| (60..140).contains(share));
        let are_alike = one == two;
        before = one;
        are_alike && is_even
    })
    .await;
    let passed_over = |key: &u32| {
        tables[0].choose(LeaseKind::Api, key, |name| {
            Some(name) != before[*key as usize].as_ref()
        })
    };
    for key in 0..300 {
        let other = passed_over(&key);
        assert!(other.is_some() && other != before[key as usize], "{key}");
    }
    leases.remove(2).release().await;
    let has_gone = async || {
        let after = choices(&tables[0]);
        let is_kept = |(then, now): (&Option<Instance>, &Option<Instance>)| {
            then.as_ref() == Some(&names[2]) || then == now
        };
        shares(&after)[2] == 0
            && after.iter().all(Option::is_some)
            && before.iter().zip(&after).all(is_kept)
    };
    eventually(BOUND, "its share alone is chosen anew", has_gone).await;
    tasks.stop(BOUND).await.expect("the tasks end");
}

#[tokio::test]
async fn leases_revive_when_nats_comes_back_empty_and_nobody_is_taken_for_dead() {
    let nats = NatsServer::start().await;
    let bucket = PresenceBucket::new(&connect(&nats.url(), &unique_prefix()).await);
    let tasks = Tasks::new();
    let mut lease = Lease::keep(&bucket, LeaseKind::Gateway, &instance("one"), &tasks);
    eventually(BOUND, "the lease lives", async || lease.is_alive()).await;
    let (table, mut deaths) = LeaseTable::follow(&bucket, &tasks);
    let is_seen = async || table.is_alive(LeaseKind::Gateway, &instance("one"));
    eventually(BOUND, "the lease is seen", is_seen).await;
    nats.restart_empty().await;
    tokio::time::timeout(BOUND, lease.revived())
        .await
        .expect("it revives");
    eventually(BOUND, "the lease is seen again", is_seen).await;
    assert!(deaths.try_recv().is_err(), "nobody died");
    tasks.stop(BOUND).await.expect("the tasks end");
}

/// Takes its time, and counts what it did.
#[tokio::test]
async fn a_session_has_one_writer_at_a_time_and_expires_by_itself() {
    let nats = NatsServer::shared().await;
    let bucket = SessionBucket::new(&connect(&nats.url(), &unique_prefix()).await);
    bucket.ensure().await.expect("the bucket is made");
    let value = |text: &'static str| Bytes::from_static(text.as_bytes());
    assert_eq!(bucket.read("pid").await.expect("read"), None);
    let first = bucket.write("pid", value("one"), 0, BOUND).await;
    let first = first.expect("the first write");
    let again = bucket.write("pid", value("rival"), 0, BOUND).await;
    assert!(matches!(again, Err(BucketError::Conflict)), "{again:?}");
    let second = bucket.write("pid", value("two"), first, BOUND).await;
    let second = second.expect("the next write");
    let late = bucket.write("pid", value("late"), first, BOUND).await;
    assert!(matches!(late, Err(BucketError::Conflict)), "{late:?}");
    let read = bucket.read("pid").await.expect("read").expect("there");
    assert_eq!((read.value, read.revision), (value("two"), second));
    bucket.delete("pid", second).await.expect("deleted");
    assert_eq!(bucket.read("pid").await.expect("read"), None);
    let brief = bucket.write("brief", value("x"), 0, Duration::from_secs(1));
    brief.await.expect("written");
    let is_gone = async || bucket.read("brief").await.expect("read").is_none();
    eventually(BOUND, "the entry has expired", is_gone).await;
}
