use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use messaging_domain::Party;
use messaging_store::ConversationKey;
use messaging_test_support::{MongoCluster, eventually};

use crate::world::{BOUND, Replica, World, assert_gapless, named};

/// Sends one message after the other until told to stop, each again until it is acknowledged; returns what was.
async fn send_on(
    replicas: &[Replica],
    key: &ConversationKey,
    sender: usize,
    stop: &AtomicBool,
) -> BTreeMap<u64, String> {
    let mut acked = BTreeMap::new();
    for round in 0_usize.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let name = format!("{sender}-{round}");
        eventually(BOUND, "a message is acknowledged", async || {
            let replica = &replicas[(sender + round) % replicas.len()];
            let sent = replica
                .store
                .append(key, Party::Client, named(&name, &name))
                .await;
            sent.is_ok_and(|appended| acked.insert(appended.message.seq, name.clone()).is_none())
        })
        .await;
    }
    acked
}

#[tokio::test(flavor = "multi_thread")]
async fn elections_lose_no_acknowledged_message_and_leave_no_gap() {
    let cluster = MongoCluster::start(3).await;
    let world = World::at(cluster.uri());
    let replica = || world.replica_with(|config| config.operation_timeout = Duration::from_secs(4));
    let replicas = [replica(), replica()];
    let keys = [
        replicas[0].conversation("c-1").await,
        replicas[0].conversation("c-2").await,
    ];
    let stop = AtomicBool::new(false);
    let senders = (0..12).map(|sender| send_on(&replicas, &keys[sender % 2], sender, &stop));
    let elections = async {
        cluster.step_down().await;
        cluster.settled().await;
        let killed = cluster.primary().await;
        cluster.kill(killed).await;
        cluster.primary().await;
        cluster.start_again(killed).await;
        cluster.settled().await;
        stop.store(true, Ordering::Relaxed);
    };
    let (acked, ()) = tokio::join!(join_all(senders), elections);
    for (index, key) in keys.iter().enumerate() {
        let names: Vec<&String> = acked
            .iter()
            .skip(index)
            .step_by(2)
            .flat_map(BTreeMap::values)
            .collect();
        let seqs: BTreeSet<u64> = acked
            .iter()
            .skip(index)
            .step_by(2)
            .flat_map(BTreeMap::keys)
            .copied()
            .collect();
        assert_eq!(
            seqs.len(),
            names.len(),
            "no two messages were acknowledged with one seq"
        );
        // Each was sent until it was acknowledged, so the log holds these and nothing else.
        let stored = assert_gapless(&world.raw().await, key).await;
        assert_eq!(stored, seqs.len() as u64);
        assert_eq!(seqs, (1..=stored).collect());
        eventually(BOUND, "each message is published", async || {
            let all = replicas.iter().flat_map(Replica::committed);
            let seqs: BTreeSet<u64> = all
                .filter(|one| one.message.conversation_id == key.id())
                .map(|one| one.message.seq)
                .collect();
            seqs.len() as u64 == stored
        })
        .await;
    }
}
