//! The life of a connection: exactly one end, in any case.

use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::server::{Server, config, eventually};
use crate::wire::{FINAL, PING, PONG, Socket, request};

#[tokio::test]
async fn a_connection_that_breaks_off_is_closed_once() {
    let server = Server::start(config()).await;
    for _ in 0..10 {
        let mut socket = Socket::open(server.address, "/ws").await;
        socket.text().await;
    }
    eventually("all are gone", || {
        server.app.count("closed transport_aborted") == 10
    })
    .await;
    assert_eq!(
        (server.app.count("closed"), server.sockets.count()),
        (10, 0)
    );
}

#[tokio::test]
async fn a_panic_in_an_event_ends_that_connection_alone() {
    let server = Server::start(config()).await;
    let mut clumsy = Socket::open(server.address, "/ws").await;
    let mut other = Socket::open(server.address, "/ws").await;
    clumsy.send(r#"{"event":"panic"}"#).await;
    assert_eq!(clumsy.close_code().await, 1011);
    eventually("it is closed", || server.app.count("closed internal") == 1).await;
    other.send(r#"{"id":1,"event":"x"}"#).await;
    other.text().await;
    assert_eq!(other.text().await, r#"{"ack":1,"data":null}"#);
}

#[tokio::test]
async fn the_event_that_runs_is_finished_before_the_end_is_told() {
    let server = Server::start(config()).await;
    let mut socket = Socket::open(server.address, "/ws").await;
    for _ in 0..3 {
        socket.send(r#"{"event":"gated"}"#).await;
    }
    socket.send_frame(FINAL | PING, b"still there").await;
    socket.text().await;
    assert_eq!(
        socket.next().await,
        Some((PONG, b"still there".to_vec())),
        "while an event is being processed"
    );
    drop(socket);
    eventually("it is noticed", || {
        server.metric("fh_gateway_closed_links_total") == 1.0
    })
    .await;
    server.app.gate.add_permits(3);
    eventually("it is closed", || {
        server.app.log() == ["open ", "gated ", "closed transport_aborted"]
    })
    .await;
}

#[tokio::test]
async fn new_ones_are_refused_while_the_old_ones_stay() {
    let server = Server::start(config()).await;
    let mut old = Socket::open(server.address, "/ws").await;
    old.text().await;
    server.sockets.refuse_new();
    let new = Socket::try_open(server.address, "/ws", "").await;
    assert!(
        new.head.starts_with("http/1.1 503") && new.head.contains("retry-after: "),
        "{}",
        new.head
    );
    let polling = request(
        server.address,
        "GET",
        "/socket.io/?EIO=4&transport=polling",
        "",
    )
    .await;
    assert!(
        polling.status == 503 && polling.head.contains("retry-after: "),
        "{polling:?}"
    );
    let websocket =
        Socket::try_open(server.address, "/socket.io/?EIO=4&transport=websocket", "").await;
    assert!(
        websocket.head.starts_with("http/1.1 503"),
        "{}",
        websocket.head
    );
    old.send(r#"{"id":1,"event":"x"}"#).await;
    assert_eq!(old.text().await, r#"{"ack":1,"data":null}"#);
}

#[tokio::test]
async fn one_that_was_let_in_while_the_others_were_told_to_go_is_told_too() {
    let server = Server::start(config()).await;
    let path = "/socket.io/?EIO=4&transport=websocket&token=gated";
    let mut socket = Socket::open(server.address, path).await;
    socket.text().await;
    socket.send("40/messages,").await;
    eventually("it waits to be let in", || {
        server.app.deciding.load(Ordering::Relaxed) == 1
    })
    .await;
    server.sockets.refuse_new();
    server.app.gate.add_permits(1);
    assert!(socket.text().await.starts_with("40/messages,"));
    assert!(
        socket
            .text()
            .await
            .starts_with("42/messages,[\"connected\"")
    );
    let told = socket.text().await;
    let expected = r#"42/messages,["server_draining",{"reconnectInMs":0}]"#;
    assert_eq!(told, expected);
    assert_eq!(socket.close_code().await, 1012);
}

#[tokio::test]
async fn when_the_tasks_are_to_end_every_connection_is_closed() {
    let server = Server::start(config()).await;
    let mut plain = Socket::open(server.address, "/ws").await;
    plain.text().await;
    let mut socketio = Socket::open(server.address, "/socket.io/?EIO=4&transport=websocket").await;
    socketio.text().await;
    let polling = request(
        server.address,
        "GET",
        "/socket.io/?EIO=4&transport=polling",
        "",
    )
    .await;
    assert_eq!(polling.status, 200);
    let (stopped, one, two) = tokio::join!(
        server.tasks.stop(Duration::from_secs(9)),
        plain.close_code(),
        socketio.close_code()
    );
    assert_eq!((stopped, one, two), (Ok(()), 1012, 1012));
    assert_eq!(server.app.log(), ["open ", "closed draining"]);
}

#[tokio::test]
async fn an_application_that_waits_for_room_while_it_decides_does_not_wait_for_ever() {
    let server = Server::start(config()).await;
    let mut plain = Socket::open(server.address, "/ws?token=eager").await;
    assert_eq!(plain.text().await, r#"{"event":"connected","data":{}}"#);
    assert!(plain.text().await.starts_with(r#"{"event":"filler""#));
    let mut socketio = Socket::open(
        server.address,
        "/socket.io/?EIO=4&transport=websocket&token=eager",
    )
    .await;
    socketio.text().await;
    socketio.send("40/messages,").await;
    assert!(socketio.text().await.starts_with("40/messages,"));
    socketio.text().await;
    assert!(
        socketio
            .text()
            .await
            .starts_with(r#"42/messages,["filler""#)
    );
}

#[tokio::test]
async fn there_are_only_so_many_places_whatever_the_transport() {
    let mut config = config();
    config.connections_max = 3;
    let server = Server::start(config).await;
    let plain = Socket::open(server.address, "/ws").await;
    let _engine = Socket::open(server.address, "/socket.io/?EIO=4&transport=websocket").await;
    let polling = "/socket.io/?EIO=4&transport=polling";
    assert_eq!(
        request(server.address, "GET", polling, "").await.status,
        200
    );
    assert_eq!(
        request(server.address, "GET", polling, "").await.status,
        503
    );
    for path in ["/ws", "/socket.io/?EIO=4&transport=websocket"] {
        let refused = Socket::try_open(server.address, path, "").await;
        assert!(refused.head.starts_with("http/1.1 503"), "{}", refused.head);
    }
    drop(plain);
    eventually("its place is free", || {
        server.metric("fh_gateway_links") == 2.0
    })
    .await;
    Socket::open(server.address, "/ws").await;
}
