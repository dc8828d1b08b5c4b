//! Peers that do not read, and peers that send more than is taken.

use std::time::Duration;

use crate::server::{Server, config, config_with_heartbeat, eventually};
use crate::wire::{FINAL, Socket, TEXT, frame};

#[tokio::test]
async fn a_slow_reader_is_closed_and_the_others_are_not() {
    let server = Server::start(config()).await;
    let mut slow = Socket::open(server.address, "/ws").await;
    let mut other = Socket::open(server.address, "/ws").await;
    other.text().await;
    slow.send(r#"{"event":"flood"}"#).await;
    eventually("it is closed", || server.app.count("closed too_slow") == 1).await;
    other.send(r#"{"id":1,"event":"x"}"#).await;
    assert_eq!(other.text().await, r#"{"ack":1,"data":null}"#);
    // What was on its way is read; what waited is gone, and the close frame comes if there is still time for it.
    let mut bytes = 0;
    while let Some((_, payload)) = slow.next().await {
        bytes += payload.len();
    }
    assert!(bytes < 8_000_000, "{bytes}");
}

#[tokio::test]
async fn a_reader_that_has_become_slow_is_told_4408() {
    let server = Server::start(config()).await;
    let mut slow = Socket::open(server.address, "/ws").await;
    slow.text().await;
    // Once it is over, the peer begins to read again.
    slow.send(r#"{"event":"flood"}"#).await;
    eventually("it is over", || {
        server.metric("fh_gateway_closed_links_total") == 1.0
    })
    .await;
    assert_eq!(slow.close_code().await, 4408);
}

#[tokio::test]
async fn droppable_events_are_left_out_and_counted_but_close_nobody() {
    let server = Server::start(config()).await;
    let mut slow = Socket::open(server.address, "/ws").await;
    slow.send(r#"{"event":"drizzle"}"#).await;
    eventually("they were sent", || server.app.count("drizzle") == 1).await;
    slow.send(r#"{"id":1,"event":"x"}"#).await;
    eventually("some were left out", || {
        server.metric("fh_gateway_dropped_events_total") > 0.0
    })
    .await;
    while !slow.text().await.starts_with(r#"{"ack":1"#) {}
    assert_eq!(server.app.count("closed"), 0);
}

#[tokio::test]
async fn a_sender_waits_while_its_events_are_not_taken_and_loses_none() {
    let server = Server::start(config()).await;
    let mut socket = Socket::open(server.address, "/ws").await;
    socket.send(r#"{"event":"gated"}"#).await;
    // Far more than the inbox and the buffers of two sockets hold.
    let filler = "x".repeat(9_000);
    let event = |number: usize| format!(r#"{{"event":"n","data":[{number},"{filler}"]}}"#);
    const EVENTS: usize = 2_000;
    let all: Vec<u8> = (0..EVENTS)
        .flat_map(|number| frame(FINAL | TEXT, event(number).as_bytes()))
        .collect();
    let send = async {
        socket.send_raw(&all).await;
    };
    tokio::pin!(send);
    let sent = tokio::time::timeout(Duration::from_millis(300), &mut send).await;
    assert!(
        sent.is_err(),
        "18 MB were taken in, though nobody took them out"
    );
    server.app.gate.add_permits(1);
    send.await;
    eventually("all came", || server.app.count("n ") == EVENTS).await;
    let log = server.app.log();
    for (number, line) in log.iter().filter(|line| line.starts_with("n ")).enumerate() {
        assert!(
            line.starts_with(&format!("n [{number},")),
            "out of order at {number}"
        );
    }
}

#[tokio::test]
async fn a_sender_whose_pongs_wait_behind_its_own_events_is_alive() {
    const EVENTS: usize = 200;
    let server = Server::start(config_with_heartbeat()).await;
    let path = "/socket.io/?EIO=4&transport=websocket";
    let mut socket = Socket::open(server.address, path).await;
    socket.send("40/messages,").await;
    while !socket.text().await.starts_with("42/messages") {}
    for _ in 0..EVENTS {
        socket.send(r#"42/messages,["gated"]"#).await;
    }
    let answer = async {
        loop {
            if socket.text().await == "2" {
                socket.send("3").await;
            }
        }
    };
    // Longer in all than the answer to a ping may take.
    let work = async {
        for _ in 0..EVENTS {
            server.app.gate.add_permits(1);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        eventually("all came", || server.app.count("gated") == EVENTS).await;
    };
    tokio::select! {
        () = answer => {}
        () = work => {}
    }
    assert_eq!(server.app.count("closed"), 0);
}

#[tokio::test]
async fn a_silent_peer_is_pinged_and_then_closed_while_any_frame_keeps_one_alive() {
    let server = Server::start(config_with_heartbeat()).await;
    let mut silent = Socket::open(server.address, "/ws").await;
    let mut talker = Socket::open(server.address, "/ws").await;
    let talk = async {
        loop {
            talker.send(r#"{"event":"x"}"#).await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::select! {
        () = talk => {}
        code = silent.close_code() => assert_eq!(code, 1001),
    }
    assert_eq!(
        (
            server.app.count("closed ping_timeout"),
            server.sockets.count()
        ),
        (1, 1)
    );
}

#[tokio::test]
async fn a_peer_that_answers_pings_without_reading_is_closed() {
    let mut config = config_with_heartbeat();
    config.outbox_bytes_max = 64_000_000;
    let server = Server::start(config).await;
    let mut socket = Socket::open(server.address, "/ws").await;
    socket.send(r#"{"event":"flood"}"#).await;
    let talk = async {
        while socket.send_if_open(r#"{"event":"x"}"#).await && server.app.count("closed") == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::join!(
        talk,
        eventually("it is closed", || server.app.count("closed") == 1)
    );
    assert_eq!(server.app.count("closed too_slow"), 1);
}
