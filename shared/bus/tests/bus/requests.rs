use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use messaging_bus::{
    Bus, CommandHandler, PeerHandler, RequestError, Route, serve_commands, serve_peers,
};
use messaging_lifecycle::Tasks;
use messaging_test_support::{NatsServer, TcpProxy, eventually, unique_prefix};

use super::{BOUND, connect, instance, topic};

pub(super) struct Echo;

impl CommandHandler for Echo {
    async fn handle(&self, name: &str, payload: &[u8]) -> Bytes {
        [name.as_bytes(), b":", payload].concat().into()
    }

    fn overloaded(&self) -> Bytes {
        Bytes::from_static(b"overloaded")
    }
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
    for name in ["one", "two"] {
        serve_commands(&api, &replica(name), Arc::new(Echo), &tasks)
            .await
            .expect("NATS takes it");
    }
    let is_served = async || gateway.request("ping", Bytes::new(), BOUND).await.is_ok();
    eventually(BOUND, "the command is served", is_served).await;
    let answer = gateway
        .request("send", Bytes::from_static(b"hi"), BOUND)
        .await
        .expect("served");
    assert_eq!(&answer[..], b"send:hi");
    tasks.stop(BOUND).await.expect("the commands end");
}

#[tokio::test]
async fn a_command_for_one_replica_reaches_it_alone_and_is_refused_at_once_when_it_is_gone() {
    let nats = NatsServer::shared().await;
    let prefix = unique_prefix();
    let gateway = connect(&nats.url(), &prefix).await;
    let api = connect(&nats.url(), &prefix).await;
    let mut replicas = Vec::new();
    for name in ["one", "two"] {
        let (tasks, slow) = (Tasks::new(), Arc::new(Slow::default()));
        serve_commands(&api, &replica(name), Arc::clone(&slow), &tasks)
            .await
            .expect("NATS takes it");
        replicas.push((replica(name), tasks, slow));
    }
    let [(one, ends, done), (two, stays, other)] = &replicas[..] else {
        unreachable!("there are two")
    };
    let ask = async |of: &Route| gateway.request_at(of, "send", Bytes::new(), BOUND).await;
    let are_served = async || ask(one).await.is_ok() && ask(two).await.is_ok();
    eventually(BOUND, "both replicas serve", are_served).await;
    let before = (done.done(), other.done());
    for _ in 0..50 {
        ask(one).await.expect("it serves");
    }
    assert_eq!((done.done(), other.done()), (before.0 + 50, before.1));
    let mut senders = tokio::task::JoinSet::new();
    for _ in 0..64 {
        senders.spawn(send_until_refused(gateway.clone(), Some(*one)));
    }
    let are_done = async || done.done() > before.0 + 1_000;
    eventually(BOUND, "commands are being done", are_done).await;
    ends.stop(BOUND).await.expect("the commands end");
    let (answered, refusals): (Vec<_>, Vec<_>) = senders.join_all().await.into_iter().unzip();
    let answered = answered.iter().sum::<usize>();
    assert_eq!(answered, done.done() - before.0 - 50, "each was answered");
    for refusal in refusals {
        assert!(matches!(refusal, RequestError::Unserved), "{refusal:?}");
    }
    assert!(gateway.request("send", Bytes::new(), BOUND).await.is_ok());
    stays.stop(BOUND).await.expect("the commands end");
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

/// Does not answer the first command.
#[derive(Default)]
struct Silent {
    asked: AtomicUsize,
}

impl CommandHandler for Silent {
    async fn handle(&self, name: &str, payload: &[u8]) -> Bytes {
        if name == "query" && self.asked.fetch_add(1, Ordering::Relaxed) == 0 {
            std::future::pending::<()>().await;
        }
        Bytes::copy_from_slice(payload)
    }

    fn overloaded(&self) -> Bytes {
        Bytes::from_static(b"overloaded")
    }
}

#[tokio::test]
async fn a_query_whose_answer_was_lost_with_the_connection_is_asked_again_at_once() {
    let nats = NatsServer::shared().await;
    let prefix = unique_prefix();
    let proxy = TcpProxy::start(nats.address()).await;
    let url = format!("nats://{}", proxy.address());
    let (api, gateway) = (
        connect(&nats.url(), &prefix).await,
        connect(&url, &prefix).await,
    );
    let tasks = Tasks::new();
    let silent = Arc::new(Silent::default());
    serve_commands(&api, &replica("one"), Arc::clone(&silent), &tasks)
        .await
        .expect("NATS takes it");
    let is_served = async || gateway.request("ping", Bytes::new(), BOUND).await.is_ok();
    eventually(BOUND, "the command is served", is_served).await;
    // Far longer than the test may take: it is not the time that ends it.
    let patience = BOUND * 20;
    let query = gateway.query("query", Bytes::from_static(b"hi"), patience);
    let cut = async {
        let is_asked = async || silent.asked.load(Ordering::Relaxed) == 1;
        eventually(BOUND, "it is asked", is_asked).await;
        proxy.cut();
        let is_lost = async || !gateway.is_connected();
        eventually(BOUND, "the loss is seen", is_lost).await;
        proxy.mend();
    };
    let answered = async { tokio::join!(query, cut).0 };
    let answer = tokio::time::timeout(BOUND, answered).await;
    assert_eq!(answer.expect("in time").expect("it is answered"), "hi");
    assert_eq!(silent.asked.load(Ordering::Relaxed), 2);
    tasks
        .stop(Duration::ZERO)
        .await
        .expect_err("the first one never ends");
}

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
    serve_commands(&api, &replica("one"), Arc::clone(&slow), &tasks)
        .await
        .expect("NATS takes it");
    let is_served = async || gateway.request("ping", Bytes::new(), BOUND).await.is_ok();
    eventually(BOUND, "the command is served", is_served).await;
    let mut senders = tokio::task::JoinSet::new();
    for _ in 0..64 {
        senders.spawn(send_until_refused(gateway.clone(), None));
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

fn replica(name: &str) -> Route {
    Route::of(&instance(name))
}

/// How many commands were answered, and why the next one was not.
async fn send_until_refused(bus: Bus, replica: Option<Route>) -> (usize, RequestError) {
    let mut answered = 0;
    loop {
        let answer = match &replica {
            Some(replica) => bus.request_at(replica, "send", Bytes::new(), BOUND).await,
            None => bus.request("send", Bytes::new(), BOUND).await,
        };
        match answer {
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
    for name in ["one", "two", "three"] {
        let (bus, tasks, slow) = (
            connect(&nats.url(), &prefix).await,
            Tasks::new(),
            Arc::new(Slow::default()),
        );
        let served = serve_commands(&bus, &replica(name), Arc::clone(&slow), &tasks).await;
        served.expect("NATS takes it");
        let is_served =
            async || gateway.request("send", Bytes::new(), BOUND).await.is_ok() && slow.done() > 0;
        eventually(BOUND, "the replica serves", is_served).await;
        replicas.push((bus, tasks, slow));
    }
    let mut senders = tokio::task::JoinSet::new();
    for _ in 0..64 {
        senders.spawn(send_until_refused(gateway.clone(), None));
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
