//! What is counted of sockets.

use messaging_gateway::connection::{Class, EventFrame};

use crate::polling::{POLLING, connected, get, post};
use crate::server::{Server, config, eventually};
use crate::upgrade::websocket;
use crate::wire::Socket;

const LINKS: &str = "fh_gateway_links";
const WAITING: &str = "fh_gateway_outbox_bytes";

#[tokio::test]
async fn links_are_counted_by_what_they_speak_and_over_what() {
    let server = Server::start(config()).await;
    let links = || {
        let polling = server.labelled(LINKS, "polling");
        [
            polling,
            server.labelled(LINKS, "plain"),
            server.metric(LINKS),
        ]
    };
    assert_eq!(server.metric("fh_gateway_max_links"), 50_000.0);
    let path = connected(&server).await;
    assert_eq!(links(), [1.0, 0.0, 1.0]);
    let plain = Socket::open(server.address, "/ws").await;
    assert_eq!(links(), [1.0, 1.0, 2.0]);
    let direct = Socket::open(server.address, &websocket(POLLING)).await;
    assert_eq!(links(), [1.0, 1.0, 3.0]);
    let mut moving = Socket::open(server.address, &websocket(&path)).await;
    moving.send("2probe").await;
    assert_eq!(moving.text().await, "3probe");
    assert_eq!(links(), [1.0, 1.0, 3.0]);
    moving.send("5").await;
    eventually("it has moved", || links() == [0.0, 1.0, 3.0]).await;
    drop((plain, direct, moving));
    eventually("they are gone", || links() == [0.0; 3]).await;
}

#[tokio::test]
async fn a_session_that_only_polls_is_counted_until_its_end() {
    let server = Server::start(config()).await;
    let path = connected(&server).await;
    assert_eq!(post(&server, &path, "1").await.body, "ok");
    assert_eq!(get(&server, &path).await.body, "6");
    eventually("it is gone", || server.metric(LINKS) == 0.0).await;
}

#[tokio::test]
async fn what_waits_is_counted_until_it_is_fetched_or_given_up() {
    let server = Server::start(config()).await;
    let path = connected(&server).await;
    assert_eq!(server.metric(WAITING), 0.0);
    let send = |bytes| {
        let connection = server.sockets.connections().pop().expect("one");
        let event = EventFrame::new("x", format!("\"{}\"", "x".repeat(bytes)));
        connection.send(&event, Class::Durable);
    };
    send(1_000);
    let one = server.metric(WAITING);
    assert!((1_000.0..1_100.0).contains(&one), "{one}");
    send(2_000);
    assert_eq!(server.metric(WAITING), one * 2.0 + 1_000.0);
    assert!(get(&server, &path).await.body.len() > 3_000);
    eventually("nothing waits", || server.metric(WAITING) == 0.0).await;
    send(1_000);
    assert_eq!(server.metric(WAITING), one);
    assert_eq!(post(&server, &path, "1").await.body, "ok");
    // What waited, and then that it is over.
    assert!(get(&server, &path).await.body.len() > 1_000);
    assert_eq!(get(&server, &path).await.status, 200);
    eventually("the session is forgotten", || {
        (server.metric(LINKS), server.metric(WAITING)) == (0.0, 0.0)
    })
    .await;
}

#[tokio::test]
async fn a_slow_reader_leaves_nothing_that_waits() {
    let server = Server::start(config()).await;
    let mut slow = Socket::open(server.address, "/ws").await;
    slow.send(r#"{"event":"flood"}"#).await;
    eventually("it is closed", || server.app.count("closed too_slow") == 1).await;
    drop(slow);
    eventually("it is given up", || {
        (server.metric(LINKS), server.metric(WAITING)) == (0.0, 0.0)
    })
    .await;
}
