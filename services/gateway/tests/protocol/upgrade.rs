//! The move from long-polling to a WebSocket.

use std::time::Duration;

use messaging_gateway::connection::{Class, CloseReason, EventFrame};

use crate::polling::{POLLING, connected, get, post};
use crate::server::{Server, config, config_with_heartbeat, eventually};
use crate::wire::Socket;

pub(crate) fn websocket(path: &str) -> String {
    path.replace("transport=polling", "transport=websocket")
}

#[tokio::test]
async fn a_session_moves_with_everything_that_waits() {
    let server = Server::start(config()).await;
    let path = connected(&server).await;
    let poll = get(&server, &path);
    let upgrade = async {
        let mut socket = Socket::open(server.address, &websocket(&path)).await;
        socket.send("2probe").await;
        assert_eq!(socket.text().await, "3probe");
        socket
    };
    let (polled, mut socket) = tokio::join!(poll, upgrade);
    assert_eq!(polled.body, "6");
    assert_eq!(
        post(&server, &path, "42/messages,1[\"x\",\"last post\"]")
            .await
            .body,
        "ok"
    );
    assert_eq!(get(&server, &path).await.body, "6");
    socket.send("5").await;
    socket.send("42/messages,2[\"x\",\"first frame\"]").await;
    assert_eq!(socket.text().await, "43/messages,1[\"last post\"]");
    assert_eq!(socket.text().await, "43/messages,2[\"first frame\"]");
    assert_eq!(get(&server, &path).await.status, 400);
    assert_eq!(post(&server, &path, "3").await.status, 400);
    drop(socket);
    eventually("it is closed", || {
        server.app.count("closed transport_aborted") == 1
    })
    .await;
    assert_eq!(server.app.count("open"), 1);
}

#[tokio::test]
async fn probe_upgrade_and_events_may_come_at_once() {
    let server = Server::start(config()).await;
    let path = connected(&server).await;
    let mut socket = Socket::open(server.address, &websocket(&path)).await;
    socket.send("2probe").await;
    socket.send("5").await;
    socket.send("42/messages,1[\"x\"]").await;
    assert_eq!(socket.text().await, "3probe");
    assert_eq!(socket.text().await, "43/messages,1[]");
}

#[tokio::test]
async fn a_second_websocket_is_shown_out_and_the_first_lives_on() {
    let server = Server::start(config()).await;
    let path = connected(&server).await;
    let mut socket = Socket::open(server.address, &websocket(&path)).await;
    let mut second = Socket::open(server.address, &websocket(&path)).await;
    assert_eq!(second.next().await, None);
    socket.send("2probe").await;
    socket.send("5").await;
    assert_eq!(socket.text().await, "3probe");
    let mut third = Socket::open(server.address, &websocket(&path)).await;
    assert_eq!(third.next().await, None);
    socket.send("42/messages,1[\"x\"]").await;
    assert_eq!(socket.text().await, "43/messages,1[]");
}

#[tokio::test]
async fn a_probe_that_fails_leaves_the_session_where_it_was() {
    let mut config = config();
    config.upgrade_timeout = Duration::from_millis(50);
    let server = Server::start(config).await;
    let path = connected(&server).await;
    for packets in [
        &["nonsense"][..],
        &["5"],
        &["2probe", "2probe"],
        &["2probe", "42/messages,[\"x\"]"],
        &[],
        &["2probe"],
    ] {
        let mut socket = Socket::open(server.address, &websocket(&path)).await;
        for packet in packets {
            socket.send(packet).await;
        }
        while socket.next().await.is_some() {}
        assert_eq!(
            post(&server, &path, "42/messages,1[\"y\"]").await.body,
            "ok"
        );
        assert_eq!(
            get(&server, &path).await.body,
            "43/messages,1[]",
            "{packets:?}"
        );
    }
    assert_eq!((server.app.count("x"), server.app.count("closed")), (0, 0));
}

#[tokio::test]
async fn a_session_that_has_moved_goes_on_with_its_heartbeat() {
    let server = Server::start(config_with_heartbeat()).await;
    let path = connected(&server).await;
    let mut socket = Socket::open(server.address, &websocket(&path)).await;
    socket.send("2probe").await;
    socket.send("5").await;
    assert_eq!(socket.text().await, "3probe");
    for _ in 0..2 {
        assert_eq!(socket.text().await, "2");
        socket.send("3").await;
    }
    assert_eq!(socket.text().await, "2");
    assert_eq!(socket.close_code().await, 1001);
}

#[tokio::test]
async fn there_are_only_so_many_places_for_polling_and_a_move_frees_one() {
    let mut config = config();
    config.polling_sessions_max = 1;
    let server = Server::start(config).await;
    let path = connected(&server).await;
    assert_eq!(get(&server, POLLING).await.status, 503);
    let mut socket = Socket::open(server.address, &websocket(&path)).await;
    socket.send("2probe").await;
    socket.send("5").await;
    assert_eq!(socket.text().await, "3probe");
    socket.send("42/messages,1[\"x\"]").await;
    assert_eq!(socket.text().await, "43/messages,1[]");
    assert_eq!(get(&server, POLLING).await.status, 200);
}

#[tokio::test]
async fn a_session_that_ends_while_it_moves_says_its_last_words_where_it_moved_to() {
    let server = Server::start(config()).await;
    let path = connected(&server).await;
    let mut socket = Socket::open(server.address, &websocket(&path)).await;
    socket.send("2probe").await;
    assert_eq!(socket.text().await, "3probe");
    let connection = server.sockets.connections().pop().expect("one");
    connection.send(&EventFrame::new("token_expired", "{}"), Class::Durable);
    connection.close(CloseReason::TokenExpired);
    eventually("it has ended", || {
        server.app.count("closed token_expired") == 1
    })
    .await;
    assert_eq!(get(&server, &path).await.body, "6");
    socket.send("5").await;
    assert_eq!(socket.text().await, "42/messages,[\"token_expired\",{}]");
    assert_eq!(socket.close_code().await, 4401);
}
