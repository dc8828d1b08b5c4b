use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use messaging_bus::{EventSink, Intake, Topic};
use messaging_domain::ConversationId;
use messaging_lifecycle::Tasks;
use messaging_telemetry::TraceParent;
use messaging_test_support::{NatsCluster, NatsServer, eventually, unique_prefix};
use parking_lot::Mutex;

use super::{BOUND, connect, topic};

#[derive(Default)]
struct Received(Mutex<Vec<(Topic, Bytes)>>);

impl EventSink for Received {
    fn event(&self, topic: &Topic, payload: &[u8], _: Option<&TraceParent>) {
        let payload = Bytes::copy_from_slice(payload);
        self.0.lock().push((topic.clone(), payload));
    }
}

#[tokio::test]
async fn an_intake_hears_its_topics_in_order_and_nothing_else() {
    let nats = NatsServer::shared().await;
    let prefix = unique_prefix();
    let (bus, other) = (
        connect(&nats.url(), &prefix).await,
        connect(&nats.url(), &prefix).await,
    );
    let (tasks, received) = (Tasks::new(), Arc::new(Received::default()));
    let intake = Intake::start(&bus, &received, 2, &tasks);
    for number in 0..20 {
        intake
            .subscribe(&topic(number))
            .await
            .expect("NATS takes it");
    }
    intake.unsubscribe(&topic(3)).await;
    // A request is answered only after the subscriptions before it have reached the server.
    let _ = bus
        .request("nobody", Bytes::new(), Duration::from_secs(5))
        .await;
    for round in 0..50u8 {
        for number in 0..21 {
            other
                .publish(&topic(number), vec![round].into())
                .await
                .expect("it is connected");
        }
    }
    eventually(BOUND, "all events arrived", async || {
        received.0.lock().len() >= 19 * 50
    })
    .await;
    let mut rounds: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for (topic, payload) in received.0.lock().iter() {
        rounds
            .entry(format!("{topic:?}"))
            .or_default()
            .push(payload[0]);
    }
    assert_eq!(rounds.len(), 19);
    for seen in rounds.values() {
        assert_eq!(*seen, (0..50).collect::<Vec<u8>>());
    }
    tasks.stop(BOUND).await.expect("the workers end");
}

/// An intake that hears some topics, and all that it hears.
async fn hearing(bus: &messaging_bus::Bus, topics: std::ops::Range<u8>) -> (Intake, Arc<Received>) {
    let received = Arc::new(Received::default());
    let intake = Intake::start(bus, &received, 2, &Tasks::new());
    for number in topics {
        let subscribed = intake.subscribe(&topic(number)).await;
        subscribed.expect("NATS takes it");
    }
    (intake, received)
}

#[tokio::test]
async fn what_was_subscribed_to_is_heard_again_after_an_outage_which_is_told_of() {
    let nats = NatsServer::start().await;
    let prefix = unique_prefix();
    let bus = connect(&nats.url(), &prefix).await;
    let (intake, received) = hearing(&bus, 0..4).await;
    let (hears_all, mut interruptions) = (intake.hears_all(), intake.interruptions());
    interruptions.mark_unchanged();
    nats.kill().await;
    eventually(BOUND, "it is known", async || !hears_all()).await;
    assert!(
        !interruptions.has_changed().expect("it lives"),
        "it is not over yet"
    );
    nats.start_again().await;
    eventually(BOUND, "all is heard again", async || hears_all()).await;
    assert!(interruptions.has_changed().expect("it lives"));
    let other = connect(&nats.url(), &prefix).await;
    for number in 0..4 {
        let published = other.publish(&topic(number), Bytes::new()).await;
        published.expect("it is connected");
    }
    eventually(BOUND, "all arrived", async || received.0.lock().len() == 4).await;
}

#[tokio::test]
async fn a_server_that_stands_still_is_given_up() {
    let nats = NatsServer::start().await;
    let bus = connect(&nats.url(), &unique_prefix()).await;
    let (intake, _received) = hearing(&bus, 0..1).await;
    let hears_all = intake.hears_all();
    nats.pause().await;
    eventually(BOUND, "it is known", async || !hears_all()).await;
    nats.resume();
    eventually(BOUND, "it goes on", async || hears_all()).await;
}

#[tokio::test]
async fn more_subscriptions_than_a_server_takes_in_wait_and_none_is_lost() {
    // More than the two links and the sockets below them hold.
    const MANY: u32 = 50_000;
    let nats = NatsServer::start().await;
    let prefix = unique_prefix();
    let bus = connect(&nats.url(), &prefix).await;
    let (intake, received) = hearing(&bus, 0..1).await;
    let topics: Vec<Topic> = (1..=MANY).map(numbered).collect();
    let mut confirmed = pin!(join_all(topics.iter().map(|topic| intake.subscribe(topic))));
    nats.pause().await;
    let hears_all = intake.hears_all();
    let given_up = eventually(BOUND, "the server is given up", async || !hears_all());
    tokio::select! {
        _ = &mut confirmed => panic!("a server that stands still has confirmed them"),
        () = given_up => {}
    }
    nats.resume();
    for subscribed in confirmed.await {
        subscribed.expect("NATS takes it");
    }
    assert_eq!(intake.topic_count(), topics.len() + 1);
    let other = connect(&nats.url(), &prefix).await;
    let some: Vec<&Topic> = topics.iter().step_by(101).collect();
    for topic in &some {
        let published = other.publish(topic, Bytes::new()).await;
        published.expect("it is connected");
    }
    eventually(BOUND, "they are heard", async || {
        received.0.lock().len() >= some.len()
    })
    .await;
    let heard = received.0.lock();
    let heard: BTreeSet<_> = heard
        .iter()
        .map(|(topic, _)| format!("{topic:?}"))
        .collect();
    let wanted = some.iter().map(|topic| format!("{topic:?}")).collect();
    assert_eq!(heard, wanted);
}

fn numbered(number: u32) -> Topic {
    let mut id = [0xff; 12];
    id[..4].copy_from_slice(&number.to_be_bytes());
    Topic::Conversation(ConversationId::from_bytes(id))
}

#[tokio::test]
async fn a_subscription_that_nobody_waited_for_is_none() {
    let nats = NatsServer::start().await;
    let prefix = unique_prefix();
    let bus = connect(&nats.url(), &prefix).await;
    let (intake, received) = hearing(&bus, 0..1).await;
    nats.kill().await;
    let hears_all = intake.hears_all();
    eventually(BOUND, "it is known", async || !hears_all()).await;
    let topics = [topic(1), topic(2)];
    let waited = topics
        .each_ref()
        .map(|topic| tokio::time::timeout(Duration::from_millis(50), intake.subscribe(topic)));
    for waited in waited {
        assert!(waited.await.is_err(), "there is no server to take it in");
    }
    assert_eq!(intake.topic_count(), 1);
    nats.start_again().await;
    eventually(BOUND, "all is heard again", async || hears_all()).await;
    let other = connect(&nats.url(), &prefix).await;
    // What is wanted comes last, so that what is not would have come by then.
    for number in [1, 2, 0] {
        let published = other.publish(&topic(number), Bytes::new()).await;
        published.expect("it is connected");
    }
    eventually(BOUND, "the wanted one arrived", async || {
        received
            .0
            .lock()
            .iter()
            .any(|(heard, _)| *heard == topic(0))
    })
    .await;
    assert_eq!(received.0.lock().len(), 1);
}

#[tokio::test]
async fn events_come_by_the_server_that_requests_go_to() {
    let nats = NatsCluster::start(3).await;
    let urls: Vec<String> = nats.addresses().map(|at| format!("nats://{at}")).collect();
    let prefix = unique_prefix();
    let bus = connect(&urls.join(","), &prefix).await;
    let (intake, received) = hearing(&bus, 0..1).await;
    let hears_all = intake.hears_all();
    for node in 0..nats.size() {
        // Each is killed in turn, the one that is used among them.
        nats.kill(node).await;
        let heard = || received.0.lock().len();
        let before = heard();
        eventually(BOUND, "it is heard by another one", async || {
            let subscribed = intake.subscribe(&topic(1)).await.is_ok();
            let published = bus.publish(&topic(0), Bytes::new()).await.is_ok();
            subscribed && published && hears_all() && heard() > before
        })
        .await;
        nats.start_again(node).await;
    }
}

#[tokio::test]
async fn who_needs_a_password_gets_it_on_both_connections() {
    let nats = NatsServer::start_with_password("me", "p@ss").await;
    let prefix = unique_prefix();
    let url = nats.url().replace("//", "//me:p%40ss@");
    let bus = connect(&url, &prefix).await;
    let (_intake, received) = hearing(&bus, 0..1).await;
    let published = bus.publish(&topic(0), Bytes::new()).await;
    published.expect("it is connected");
    eventually(BOUND, "it arrived", async || received.0.lock().len() == 1).await;
}
