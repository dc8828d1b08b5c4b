//! The bus on a real nats-server.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use messaging_bus::presence::{Instance, Lease, LeaseKind, LeaseTable, PresenceBucket};
use messaging_bus::{
    BucketError, Bus, BusConfig, CommandHandler, EventSink, Intake, PeerHandler, RequestError,
    Route, SessionBucket, Topic, serve_commands, serve_peers,
};
use messaging_domain::{ConversationId, UserId};
use messaging_lifecycle::Tasks;
use messaging_settings::Settings;
use messaging_test_support::{NatsServer, eventually, unique_prefix};
use parking_lot::Mutex;
use prometheus::Registry;

const BOUND: Duration = Duration::from_secs(15);

async fn connect(url: &str, prefix: &str) -> Bus {
    let mut settings = Settings::from_pairs([("NATS_SUBJECT_PREFIX", prefix)]);
    let config = BusConfig::read_at(&mut settings, url);
    let _none = settings.finish().expect("the settings are right");
    let bus = Bus::connect(&config, "test", &Registry::new())
        .await
        .expect("the options are right");
    eventually(BOUND, "NATS is connected", async || bus.is_connected()).await;
    bus
}

#[derive(Default)]
struct Received(Mutex<Vec<(Topic, Bytes)>>);

impl EventSink for Received {
    fn event(&self, topic: &Topic, payload: &Bytes) {
        self.0.lock().push((topic.clone(), payload.clone()));
    }
}

struct Echo;

impl CommandHandler for Echo {
    async fn handle(&self, name: &str, payload: &[u8]) -> Bytes {
        [name.as_bytes(), b":", payload].concat().into()
    }

    fn overloaded(&self) -> Bytes {
        Bytes::from_static(b"overloaded")
    }
}

fn topic(number: u8) -> Topic {
    Topic::Conversation(ConversationId::from_bytes([number; 12]))
}

fn user(name: &str) -> UserId {
    name.parse().expect("a valid id")
}

fn instance(name: &str) -> Instance {
    name.parse().expect("a valid name")
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
    intake.unsubscribe(&topic(3));
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

#[tokio::test]
async fn a_command_is_answered_by_one_replica_and_refused_at_once_when_there_is_none() {
    let nats = NatsServer::shared().await;
    let prefix = unique_prefix();
    let (api, gateway) = (
        connect(&nats.url(), &prefix).await,
        connect(&nats.url(), &prefix).await,
    );
    let refused = gateway.request("send", Bytes::new(), BOUND).await;
    assert!(
        matches!(refused, Err(RequestError::Unserved)),
        "{refused:?}"
    );
    let tasks = Tasks::new();
    serve_commands(&api, Arc::new(Echo), &tasks)
        .await
        .expect("NATS takes it");
    serve_commands(&api, Arc::new(Echo), &tasks)
        .await
        .expect("NATS takes it");
    let is_served = async || gateway.request("ping", Bytes::new(), BOUND).await.is_ok();
    eventually(BOUND, "the command is served", is_served).await;
    let answer = gateway
        .request("send", Bytes::from_static(b"hi"), BOUND)
        .await
        .expect("served");
    assert_eq!(&answer[..], b"send:hi");
    tasks.stop(BOUND).await.expect("the commands end");
}

struct Peer(&'static str);

impl PeerHandler for Peer {
    async fn handle(&self, request: &str, payload: Bytes) -> Option<Bytes> {
        let answer = [self.0.as_bytes(), b" ", request.as_bytes(), b" ", &payload].concat();
        (request != "told").then(|| answer.into())
    }
}

#[tokio::test]
async fn a_gateway_asks_one_other_and_learns_at_once_that_it_is_gone() {
    let nats = NatsServer::shared().await;
    let prefix = unique_prefix();
    let (one, two) = (
        connect(&nats.url(), &prefix).await,
        connect(&nats.url(), &prefix).await,
    );
    let tasks = Tasks::new();
    let [route_one, route_two] = ["one", "two"].map(|name| Route::of(&instance(name)));
    for (bus, route, name) in [(&one, route_one, "one"), (&two, route_two, "two")] {
        serve_peers(bus, &route, "area", Arc::new(Peer(name)), &tasks)
            .await
            .expect("NATS takes it");
    }
    let ask = async |route: &Route| {
        one.ask_peer(route, ("area", "poll"), Bytes::from_static(b"sid"), BOUND)
            .await
    };
    // The server takes each connection's subscription in its own time.
    for route in [route_one, route_two] {
        eventually(BOUND, "the gateway is reached", async || {
            ask(&route).await.is_ok()
        })
        .await;
    }
    assert_eq!(ask(&route_two).await.expect("served"), "two poll sid");
    assert_eq!(ask(&route_one).await.expect("served"), "one poll sid");
    let gone = ask(&Route::of(&instance("three"))).await;
    assert!(matches!(gone, Err(RequestError::Unserved)), "{gone:?}");
    tasks.stop(BOUND).await.expect("the requests end");
}

#[tokio::test]
async fn an_outage_fails_requests_at_once_and_is_told_when_it_is_over() {
    let nats = NatsServer::start().await;
    let bus = connect(&nats.url(), &unique_prefix()).await;
    let mut connections = bus.connections();
    connections.mark_unchanged();
    nats.stop().await;
    eventually(BOUND, "the loss is seen", async || !bus.is_connected()).await;
    let refused = bus.request("send", Bytes::new(), BOUND).await;
    assert!(
        matches!(refused, Err(RequestError::Unserved)),
        "{refused:?}"
    );
    assert!(bus.publish(&topic(1), Bytes::new()).await.is_err());
    nats.start_again().await;
    tokio::time::timeout(BOUND, connections.changed())
        .await
        .expect("in time")
        .expect("the bus lives");
    eventually(BOUND, "NATS is connected again", async || {
        bus.is_connected()
    })
    .await;
}

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
#[derive(Default)]
struct Slow {
    done: AtomicUsize,
}

impl Slow {
    fn done(&self) -> usize {
        self.done.load(Ordering::Relaxed)
    }
}

impl CommandHandler for Slow {
    async fn handle(&self, name: &str, payload: &[u8]) -> Bytes {
        tokio::time::sleep(Duration::from_millis(5)).await;
        if name == "send" {
            self.done.fetch_add(1, Ordering::Relaxed);
        }
        Bytes::copy_from_slice(payload)
    }

    fn overloaded(&self) -> Bytes {
        Bytes::from_static(b"overloaded")
    }
}

#[tokio::test]
async fn a_replica_that_stops_finishes_what_it_was_given() {
    let nats = NatsServer::shared().await;
    let prefix = unique_prefix();
    let (api, gateway) = (
        connect(&nats.url(), &prefix).await,
        connect(&nats.url(), &prefix).await,
    );
    let tasks = Tasks::new();
    let slow = Arc::new(Slow::default());
    serve_commands(&api, Arc::clone(&slow), &tasks)
        .await
        .expect("NATS takes it");
    let is_served = async || gateway.request("ping", Bytes::new(), BOUND).await.is_ok();
    eventually(BOUND, "the command is served", is_served).await;
    let mut senders = tokio::task::JoinSet::new();
    for _ in 0..64 {
        senders.spawn(send_until_refused(gateway.clone()));
    }
    let are_done = async || slow.done() > 1_000;
    eventually(BOUND, "commands are being done", are_done).await;
    tasks.stop(BOUND).await.expect("the commands end");
    let (answered, refusals): (Vec<_>, Vec<_>) = senders.join_all().await.into_iter().unzip();
    assert_eq!(answered.iter().sum::<usize>(), slow.done());
    // Whoever comes after the end finds nobody, at once; nobody waits for an answer that never comes.
    for refusal in refusals {
        assert!(matches!(refusal, RequestError::Unserved), "{refusal:?}");
    }
}

/// How many commands were answered, and why the next one was not.
async fn send_until_refused(bus: Bus) -> (usize, RequestError) {
    let mut answered = 0;
    loop {
        match bus.request("send", Bytes::new(), BOUND).await {
            Ok(_) => answered += 1,
            Err(error) => return (answered, error),
        }
    }
}

#[tokio::test]
async fn while_a_replica_stops_the_others_serve_and_no_command_is_lost() {
    let nats = NatsServer::shared().await;
    let prefix = unique_prefix();
    let gateway = connect(&nats.url(), &prefix).await;
    let mut replicas = Vec::new();
    for _ in 0..3 {
        let (bus, tasks, slow) = (
            connect(&nats.url(), &prefix).await,
            Tasks::new(),
            Arc::new(Slow::default()),
        );
        let served = serve_commands(&bus, Arc::clone(&slow), &tasks).await;
        served.expect("NATS takes it");
        let is_served =
            async || gateway.request("send", Bytes::new(), BOUND).await.is_ok() && slow.done() > 0;
        eventually(BOUND, "the replica serves", is_served).await;
        replicas.push((bus, tasks, slow));
    }
    let mut senders = tokio::task::JoinSet::new();
    for _ in 0..64 {
        senders.spawn(send_until_refused(gateway.clone()));
    }
    for (number, (_, tasks, _)) in replicas.iter().enumerate() {
        let before: usize = replicas.iter().map(|(.., slow)| slow.done()).sum();
        let are_done = async || {
            let done: usize = replicas.iter().map(|(.., slow)| slow.done()).sum();
            done > before + 1_000
        };
        eventually(BOUND, "commands are being done", are_done).await;
        if number < 2 {
            assert_eq!(
                senders.try_join_next().map(|_| "a sender was refused"),
                None
            );
        }
        tasks.stop(BOUND).await.expect("the commands end");
    }
    for (_, refusal) in senders.join_all().await {
        assert!(matches!(refusal, RequestError::Unserved), "{refusal:?}");
    }
}
