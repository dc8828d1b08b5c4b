use std::collections::{HashMap, HashSet};
use std::time::Duration;

use futures_util::future::join_all;
use messaging_domain::{ConversationId, Party, Timestamp};
use messaging_store::AppendError;
use messaging_test_support::eventually;

use crate::world::{BOUND, World, assert_gapless, contract_id, message, named, user};

fn party(index: usize) -> Party {
    if index.is_multiple_of(3) {
        Party::Client
    } else {
        Party::Freelancer
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_senders_on_three_replicas_leave_no_gap_and_no_repeat() {
    let world = World::new().await;
    let replicas = [world.replica(), world.replica(), world.replica()];
    let mut keys = Vec::new();
    for index in 0..8 {
        keys.push(replicas[0].conversation(&format!("c-{index}")).await);
    }
    let senders = (0..256).map(|sender: usize| {
        let (replica, key) = (&replicas[sender % 3], &keys[sender % keys.len()]);
        async move {
            let mut seqs = Vec::new();
            for round in 0..4 {
                seqs.push(
                    replica
                        .say(key, party(sender), &format!("{sender}/{round}"))
                        .await,
                );
            }
            assert!(
                seqs.is_sorted(),
                "one sender's messages keep their order: {seqs:?}"
            );
            (key.id(), seqs)
        }
    });
    let mut acked: HashMap<ConversationId, Vec<u64>> = HashMap::new();
    for (id, seqs) in join_all(senders).await {
        acked.entry(id).or_default().extend(seqs);
    }
    let raw = world.raw().await;
    for key in &keys {
        let seqs = acked.get_mut(&key.id()).unwrap();
        seqs.sort_unstable();
        assert_eq!(*seqs, (1..=128).collect::<Vec<u64>>());
        assert_eq!(assert_gapless(&raw, key).await, 128);
        let seen = replicas[2]
            .store
            .conversation(key, Party::Client)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(
            (seen.last_seq, seen.unread_count),
            (128, acked_by_freelancer(&replicas, key))
        );
    }
}

fn acked_by_freelancer(
    replicas: &[crate::world::Replica],
    key: &messaging_store::ConversationKey,
) -> u64 {
    let all = replicas.iter().flat_map(crate::world::Replica::committed);
    all.filter(|one| {
        one.message.conversation_id == key.id() && one.message.sender_id == user("freelancer")
    })
    .count() as u64
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_first_messages_on_two_replicas_make_one_conversation() {
    let world = World::new().await;
    let replicas = [world.replica(), world.replica()];
    replicas[0].contract("c-1", &[]).await;
    let firsts = (0..50).map(|sender: usize| {
        let store = &replicas[sender % 2].store;
        async move {
            let sender_id = user(if party(sender) == Party::Client {
                "client"
            } else {
                "freelancer"
            });
            let key = store
                .open_conversation(&contract_id("c-1"), None, &sender_id)
                .await
                .unwrap();
            store
                .append(&key, party(sender), message("first!"))
                .await
                .unwrap();
            key
        }
    });
    let keys = join_all(firsts).await;
    assert!(keys.iter().all(|key| *key == keys[0]));
    assert_eq!(assert_gapless(&world.raw().await, &keys[0]).await, 50);
    let list = replicas[1]
        .store
        .conversations(&user("client"), 20, None)
        .await
        .unwrap();
    assert_eq!(list.items.len(), 1);
    assert_eq!(list.items[0].last_seq, 50);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_hook_gets_each_committed_message_once_in_order_and_before_the_sender_does() {
    let world = World::new().await;
    let replica = world.replica();
    let keys = [
        replica.conversation("c-1").await,
        replica.conversation("c-2").await,
    ];
    let sends = (0..200).map(|index: usize| {
        let (replica, key) = (&replica, &keys[index % 2]);
        async move {
            let name = format!("m-{}", index / 4);
            let appended = replica
                .store
                .append(key, party(index / 4), named(&name, "text"))
                .await
                .unwrap();
            let published = replica.committed();
            assert!(
                published
                    .iter()
                    .any(|one| one.message.id == appended.message.id)
            );
        }
    });
    join_all(sends).await;
    let published = replica.committed();
    let ids: HashSet<_> = published.iter().map(|one| one.message.id).collect();
    assert_eq!((ids.len(), published.len()), (100, 100));
    for key in &keys {
        let seqs: Vec<u64> = published
            .iter()
            .filter(|one| one.message.conversation_id == key.id())
            .map(|one| one.message.seq)
            .collect();
        assert_eq!(seqs, (1..=50).collect::<Vec<u64>>());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_another_replica_has_passed_heals_by_collision_and_is_then_looked_up() {
    let world = World::new().await;
    let (one, other) = (world.replica(), world.replica());
    let key = one.conversation("c-1").await;
    assert_eq!(one.say(&key, Party::Client, "1").await, 1);
    assert_eq!(other.say(&key, Party::Freelancer, "2").await, 2);
    assert_eq!(other.say(&key, Party::Freelancer, "3").await, 3);
    assert_eq!(one.say(&key, Party::Client, "4").await, 4);
    let collisions =
        |replica: &crate::world::Replica| replica.metric("fh_store_collisions_total", None);
    eventually(BOUND, "the collision is counted", async || {
        collisions(&one) >= 1.0
    })
    .await;
    let before = collisions(&one) + collisions(&other);
    for round in 0..10_u64 {
        assert_eq!(other.say(&key, Party::Freelancer, "x").await, 5 + 2 * round);
        assert_eq!(one.say(&key, Party::Client, "y").await, 6 + 2 * round);
    }
    // Both have learnt that they are not alone, the second one by one more collision.
    assert!(collisions(&one) + collisions(&other) - before <= 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_goes_back_does_not_turn_the_order_of_times_around() {
    let world = World::new().await;
    let now = world.replica();
    let past = world.replica_with(|config| config.clock = || Timestamp::from_millis(1_000));
    let key = now.conversation("c-1").await;
    let first = now
        .store
        .append(&key, Party::Client, message("1"))
        .await
        .unwrap()
        .message;
    let second = past
        .store
        .append(&key, Party::Client, message("2"))
        .await
        .unwrap()
        .message;
    assert_eq!(second.created_at, first.created_at);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_refuses_at_once() {
    let world = World::new().await;
    let replica = world.replica_with(|config| config.queue_messages_max = 10);
    let key = replica.conversation("c-1").await;
    let sends = (0..50).map(|_| replica.store.append(&key, Party::Client, message("x")));
    let outcomes = join_all(sends).await;
    let refused = outcomes
        .iter()
        .filter(|outcome| matches!(outcome, Err(AppendError::Overloaded)))
        .count();
    assert_eq!(refused, 40);
    assert_eq!(replica.metric("fh_store_overloaded_total", None), 40.0);
    eventually(BOUND, "the queue is empty", async || {
        replica.metric("fh_store_queue_messages", None) == 0.0
    })
    .await;
    let large = world.replica_with(|config| config.queue_bytes_max = 1_000);
    assert!(
        large
            .store
            .append(&key, Party::Client, message("small"))
            .await
            .is_ok()
    );
    let outcome = large
        .store
        .append(&key, Party::Client, message(&"x".repeat(1_000)))
        .await;
    assert!(matches!(outcome, Err(AppendError::Overloaded)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_is_stored_before_the_committer_ends() {
    let world = World::new().await;
    let replica = world.replica();
    let key = replica.conversation("c-1").await;
    let sends = (0..100).map(|_| replica.store.append(&key, Party::Client, message("x")));
    let (outcomes, stopped) =
        tokio::join!(join_all(sends), replica.tasks.stop(Duration::from_secs(20)));
    assert!(outcomes.iter().all(Result::is_ok));
    assert_eq!(stopped, Ok(()));
    let late = replica
        .store
        .append(&key, Party::Client, message("late"))
        .await;
    assert!(matches!(
        late,
        Err(AppendError::Store(
            messaging_store::StoreError::Unavailable { .. }
        ))
    ));
}
