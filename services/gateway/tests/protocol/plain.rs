//! The plain dialect and its way in.

use std::sync::atomic::Ordering;

use crate::server::{Server, config, eventually};
use crate::wire::{Socket, request};

#[tokio::test]
async fn events_are_acknowledged_under_the_id_they_bear() {
    let server = Server::start(config()).await;
    let mut socket = Socket::open(server.address, "/ws").await;
    assert_eq!(socket.text().await, r#"{"event":"connected","data":{}}"#);
    socket
        .send(r#"{"id":1,"event":"a","data":{"b":[1]}}"#)
        .await;
    assert_eq!(socket.text().await, r#"{"ack":1,"data":{"b":[1]}}"#);
    socket.send(r#"{"event":"unanswered"}"#).await;
    socket
        .send(r#"{"id":"x\u0001","event":"a","data":1}"#)
        .await;
    assert_eq!(socket.text().await, r#"{"ack":"x\u0001","data":1}"#);
    assert_eq!(
        server.app.log(),
        ["open ", r#"a {"b":[1]}"#, "unanswered ", "a 1"]
    );
}

#[tokio::test]
async fn a_malformed_frame_is_told_of_and_the_connection_stays() {
    let server = Server::start(config()).await;
    let mut socket = Socket::open(server.address, "/ws").await;
    socket.text().await;
    for bad in ["", "nonsense", "[]", r#"{"id":1}"#, r#"{"event":null}"#] {
        socket.send(bad).await;
        let exception = socket.text().await;
        assert!(
            exception.starts_with(
                r#"{"event":"exception","data":{"event":null,"code":"validation_failed","#
            ),
            "{exception}"
        );
    }
    socket.send(r#"{"id":{},"event":"a"}"#).await;
    assert!(socket.text().await.contains(r#""event":"a""#));
    socket.send(r#"{"id":2,"event":"a"}"#).await;
    assert_eq!(socket.text().await, r#"{"ack":2,"data":null}"#);
}

#[tokio::test]
async fn a_refused_connection_is_an_http_status_before_the_upgrade() {
    let server = Server::start(config()).await;
    let bad = Socket::try_open(server.address, "/ws?token=bad", "").await;
    assert!(bad.head.starts_with("http/1.1 401"), "{}", bad.head);
    assert!(bad.head.contains("application/problem+json"));
    let many = Socket::try_open(server.address, "/ws", "authorization: Bearer many\r\n").await;
    assert!(many.head.starts_with("http/1.1 429"), "{}", many.head);
    let plain = request(server.address, "GET", "/ws", "").await;
    assert_eq!(
        (plain.status, plain.body.contains("upgrade_required")),
        (426, true)
    );
    assert_eq!(server.sockets.count(), 0);
    eventually("nothing is kept of them", || {
        server.metric("fh_gateway_links") == 0.0
    })
    .await;
}

#[tokio::test]
async fn a_token_may_come_as_a_subprotocol_which_the_server_selects() {
    let server = Server::start(config()).await;
    let header = "sec-websocket-protocol: bearer, good.token-1\r\n";
    let socket = Socket::open_with(server.address, "/ws", header).await;
    assert!(
        socket.head.contains("sec-websocket-protocol: bearer\r\n"),
        "{}",
        socket.head
    );
    assert_eq!(server.app.log(), ["open good.token-1"]);
}

#[tokio::test]
async fn a_client_that_goes_before_the_decision_is_still_told_of_as_closed() {
    let server = Server::start(config()).await;
    let address = server.address;
    let waiting = Socket::try_open(address, "/ws?token=gated", "");
    tokio::select! {
        _ = waiting => panic!("there is no decision yet"),
        () = eventually("it is being decided", || server.app.deciding.load(Ordering::Relaxed) == 1) => {}
    }
    server.app.gate.add_permits(1);
    eventually("it was opened and closed", || {
        server.app.log() == ["open gated", "closed transport_aborted"]
    })
    .await;
    assert_eq!(server.sockets.count(), 0);
}
