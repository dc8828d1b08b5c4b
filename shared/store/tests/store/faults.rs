use std::time::{Duration, Instant};

use futures_util::future::join_all;
use messaging_domain::Party;
use messaging_store::{
    AppendError, HistoryRange, Store, StoreConfig, StoreConfigError, StoreError,
};
use messaging_test_support::{MongoServer, eventually};
use mongodb::bson::{Document, doc, oid::ObjectId};

use crate::world::{BOUND, Replica, World, assert_gapless, message, named, user};

const DEADLINE: Duration = Duration::from_secs(1);

/// Waits until the indexes are there: on a busy machine making them takes longer than the short deadline of a test.
async fn prepared(replica: &Replica) {
    eventually(BOUND, "the indexes are there", async || {
        replica.store.prepare().await.is_ok()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_down_is_told_within_the_deadline_and_used_again_when_it_is_back() {
    let server = MongoServer::start().await;
    let world = World::at(server.uri());
    let replica = world.replica_with(|config| config.operation_timeout = DEADLINE);
    prepared(&replica).await;
    let key = replica.conversation("c-1").await;
    replica.say(&key, Party::Client, "1").await;
    let [found, lost] = ["primary_found", "primary_lost"]
        .map(|event| replica.metric("fh_store_connection_events_total", Some(event)));
    assert_eq!((found, lost), (1.0, 0.0));
    assert_eq!(replica.metric("fh_store_errors_total", None), 0.0);
    server.kill().await;
    let started = Instant::now();
    let sends =
        join_all((0..20).map(|_| replica.store.append(&key, Party::Client, message("lost?"))))
            .await;
    assert!(
        sends.iter().all(|send| matches!(
            send,
            Err(AppendError::Store(StoreError::Unavailable { .. }))
        )),
        "{sends:?}"
    );
    assert!(matches!(
        replica.store.ping().await,
        Err(StoreError::Unavailable { .. })
    ));
    assert!(matches!(
        replica
            .store
            .history(&key, HistoryRange::Newest, 1, 1)
            .await,
        Err(StoreError::Unavailable { .. })
    ));
    assert!(started.elapsed() < 4 * DEADLINE, "{:?}", started.elapsed());
    let event = |event| replica.metric("fh_store_connection_events_total", Some(event));
    assert!(event("heartbeat_failed") >= 1.0);
    assert_eq!(event("primary_lost"), 1.0);
    // A batch, the ping and the history.
    let errors = replica.metric("fh_store_errors_total", None);
    assert!(errors >= 3.0, "{errors}");
    assert_eq!(
        replica.metric("fh_store_errors_total", Some("refused")),
        0.0
    );
    server.start_again().await;
    eventually(BOUND, "the database is used again", async || {
        replica.store.ping().await.is_ok()
    })
    .await;
    eventually(BOUND, "a message is stored", async || {
        replica
            .store
            .append(&key, Party::Client, named("m-1", "back"))
            .await
            .is_ok()
    })
    .await;
    let count = assert_gapless(&world.raw().await, &key).await;
    assert!(count >= 2, "{count}");
    assert_eq!(event("primary_found"), 2.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_starts_while_the_database_is_down() {
    let server = MongoServer::start().await;
    let world = World::at(server.uri());
    server.stop().await;
    let replica = world.replica_with(|config| config.operation_timeout = DEADLINE);
    assert!(matches!(
        replica.store.prepare().await,
        Err(StoreError::Unavailable { .. })
    ));
    server.start_again().await;
    eventually(BOUND, "the indexes are there", async || {
        replica.store.prepare().await.is_ok()
    })
    .await;
    replica.store.prepare().await.unwrap();
    let key = replica.conversation("c-1").await;
    assert_eq!(replica.say(&key, Party::Client, "1").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_of_unknown_outcome_is_published_if_it_was_stored() {
    let server = MongoServer::start().await;
    let world = World::at(server.uri());
    let replica = world.replica_with(|config| config.operation_timeout = DEADLINE);
    prepared(&replica).await;
    let key = replica.conversation("c-1").await;
    replica.say(&key, Party::Client, "1").await;
    server.pause().await;
    let sends = (0..5).map(|index| {
        let (replica, key) = (&replica, &key);
        async move {
            replica
                .store
                .append(key, Party::Client, named(&format!("m-{index}"), "in doubt"))
                .await
        }
    });
    let sends = join_all(sends).await;
    assert!(sends.iter().all(Result::is_err));
    server.resume();
    // Whoever sends again learns what became of it.
    for index in 0..5 {
        eventually(BOUND, "the message is answered", async || {
            replica
                .store
                .append(
                    &key,
                    Party::Client,
                    named(&format!("m-{index}"), "in doubt"),
                )
                .await
                .is_ok()
        })
        .await;
    }
    assert_eq!(assert_gapless(&world.raw().await, &key).await, 6);
    eventually(BOUND, "each message is published", async || {
        let mut seqs: Vec<u64> = replica
            .committed()
            .iter()
            .map(|one| one.message.seq)
            .collect();
        seqs.sort_unstable();
        seqs.dedup();
        seqs == [1, 2, 3, 4, 5, 6]
    })
    .await;
    let repaired = async || replica.metric("fh_store_repairs_total", Some("done")) >= 1.0;
    eventually(BOUND, "the repair ends", repaired).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_summary_that_cannot_be_written_is_repaired_later_and_holds_nobody_up() {
    let world = World::new().await;
    let replica = world.replica();
    let key = replica.conversation("c-1").await;
    let raw = world.raw().await;
    raw.run_command(doc! { "collMod": "conversations", "validator": { "lastSeq": 0 } })
        .await
        .unwrap();
    assert_eq!(replica.say(&key, Party::Client, "1").await, 1);
    assert_eq!(replica.say(&key, Party::Client, "2").await, 2);
    assert_eq!(
        replica.metric("fh_store_unsummarized_batches_total", None),
        2.0
    );
    assert!(
        replica
            .store
            .conversations(&user("client"), 20, None)
            .await
            .unwrap()
            .items
            .is_empty()
    );
    raw.run_command(doc! { "collMod": "conversations", "validator": {} })
        .await
        .unwrap();
    eventually(BOUND, "the summary is repaired", async || {
        let items = replica
            .store
            .conversations(&user("client"), 20, None)
            .await
            .unwrap()
            .items;
        items.first().is_some_and(|item| item.last_seq == 2)
    })
    .await;
    assert_eq!(replica.committed().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_that_no_store_wrote_are_an_error_and_no_panic() {
    let world = World::new().await;
    let replica = world.replica();
    let key = replica.conversation("c-1").await;
    replica.say(&key, Party::Client, "1").await;
    let garbage = doc! { "c": ObjectId::from_bytes(key.id().bytes()), "seq": 2_i64, "sender": "no/id", "at": "yesterday" };
    world
        .raw()
        .await
        .collection::<Document>("messages")
        .insert_one(garbage)
        .await
        .unwrap();
    let store = &replica.store;
    assert!(matches!(
        store.history(&key, HistoryRange::Newest, 9, 1 << 20).await,
        Err(StoreError::Internal { .. })
    ));
    assert!(matches!(
        store.conversation(&key, Party::Client).await,
        Err(StoreError::Internal { .. })
    ));
    assert!(matches!(
        store.mark_read(&key, Party::Client, None).await,
        Err(StoreError::Internal { .. })
    ));
    let collided = store.append(&key, Party::Client, message("2")).await;
    assert!(
        matches!(
            collided,
            Err(AppendError::Store(StoreError::Internal { .. }))
        ),
        "{collided:?}"
    );
}

#[tokio::test]
async fn settings_that_cannot_work_are_refused_before_anything_starts() {
    let tasks = messaging_lifecycle::Tasks::new();
    let new = |config: StoreConfig| {
        let hook = std::sync::Arc::new(|_| -> futures_util::future::BoxFuture<'static, ()> {
            Box::pin(std::future::ready(()))
        });
        Store::new(config, hook, &tasks, &prometheus::Registry::new()).err()
    };
    assert!(matches!(
        new(StoreConfig::new("mysql://x", "db")),
        Some(StoreConfigError::Uri(_))
    ));
    let contradictory = "mongodb://a,b/?directConnection=true";
    assert!(matches!(
        new(StoreConfig::new(contradictory, "db")),
        Some(StoreConfigError::Uri(_))
    ));
    assert!(matches!(
        new(StoreConfig::new("mongodb://", "db")),
        Some(StoreConfigError::Uri(_))
    ));
    assert!(matches!(
        new(StoreConfig::new("mongodb://localhost", "a.b")),
        Some(StoreConfigError::Database)
    ));
    let mut zero = StoreConfig::new("mongodb://localhost", "db");
    zero.batch_messages_max = 0;
    assert!(matches!(
        new(zero),
        Some(StoreConfigError::Zero("batch_messages_max"))
    ));
    assert_eq!(tasks.count(), 0);
}
