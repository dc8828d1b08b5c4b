//! Long-polling.

use std::time::Duration;

use messaging_gateway::connection::{Class, CloseReason, EventFrame};

use crate::server::{Server, config, config_with_heartbeat, eventually};
use crate::wire::{Answer, request};

pub(crate) const POLLING: &str = "/socket.io/?EIO=4&transport=polling";

/// A session that has joined the namespace.
pub(crate) async fn connected(server: &Server) -> String {
    let path = handshake(server).await;
    assert_eq!(post(server, &path, "40/messages,").await.body, "ok");
    eventually("it is open", || server.sockets.count() == 1).await;
    let answer = get(server, &path).await;
    assert!(
        answer.body.starts_with(r#"40/messages,{"sid":""#),
        "{answer:?}"
    );
    assert!(
        answer
            .body
            .ends_with("\u{1e}42/messages,[\"connected\",{}]"),
        "{answer:?}"
    );
    path
}

pub(crate) async fn handshake(server: &Server) -> String {
    let answer = get(server, POLLING).await;
    assert_eq!(answer.status, 200);
    assert!(
        answer.body.contains(r#""upgrades":["websocket"],"#),
        "{answer:?}"
    );
    let sid = answer.body.split('"').nth(3).expect("a sid").to_owned();
    format!("{POLLING}&sid={sid}")
}

pub(crate) async fn get(server: &Server, path: &str) -> Answer {
    request(server.address, "GET", path, "").await
}

pub(crate) async fn post(server: &Server, path: &str, body: &str) -> Answer {
    request(server.address, "POST", path, body).await
}

#[tokio::test]
async fn bad_requests_are_answered_with_the_codes_of_engine_io() {
    let server = Server::start(config()).await;
    let path = handshake(&server).await;
    for (method, path, code) in [
        ("GET", "/socket.io/?transport=polling", 5),
        ("GET", "/socket.io/?EIO=3&transport=polling", 5),
        ("GET", "/socket.io/?EIO=4", 0),
        ("GET", "/socket.io?EIO=4&transport=abc", 0),
        ("POST", POLLING, 2),
        ("GET", "/socket.io/?EIO=4&transport=polling&sid=nobody", 1),
        ("PUT", &path, 3),
        ("GET", "/socket.io/?EIO=4&transport=websocket", 3),
    ] {
        let answer = request(server.address, method, path, "").await;
        assert_eq!(answer.status, 400, "{method} {path}");
        assert!(
            answer
                .body
                .starts_with(&format!(r#"{{"code":{code},"message":""#)),
            "{answer:?}"
        );
    }
}

#[tokio::test]
async fn packets_come_and_go_in_payloads() {
    let server = Server::start(config()).await;
    let path = connected(&server).await;
    let body = "42/messages,1[\"x\",1]\u{1e}451-/messages,2[\"x\",{\"_placeholder\":true,\"num\":0}]\u{1e}bAP8=";
    let (answer, polled) = tokio::join!(post(&server, &path, body), get(&server, &path));
    assert_eq!((answer.status, &*answer.body), (200, "ok"));
    let mut polled = polled.body;
    if !polled.contains("bAP8=") {
        polled = format!("{polled}\u{1e}{}", get(&server, &path).await.body);
    }
    assert_eq!(
        polled,
        "43/messages,1[1]\u{1e}461-/messages,2[{\"_placeholder\":true,\"num\":0}]\u{1e}bAP8="
    );
}

#[tokio::test]
async fn a_payload_is_no_larger_than_its_limit_and_nothing_is_lost() {
    let server = Server::start(config()).await;
    let path = connected(&server).await;
    let connection = server.sockets.connections().pop().expect("one");
    for number in 0..40 {
        connection.send(
            &EventFrame::new("n", format!(r#"[{number},"{}"]"#, "x".repeat(900))),
            Class::Durable,
        );
    }
    let mut packets = Vec::new();
    while packets.len() < 40 {
        let answer = get(&server, &path).await;
        assert!(answer.body.len() <= 10_000, "{}", answer.body.len());
        packets.extend(answer.body.split('\u{1e}').map(str::to_owned));
    }
    for (number, packet) in packets.iter().enumerate() {
        assert!(
            packet.starts_with(&format!(r#"42/messages,["n",[{number},"#)),
            "{packet}"
        );
    }
}

#[tokio::test]
async fn a_second_poll_ends_the_session() {
    let server = Server::start(config()).await;
    let path = connected(&server).await;
    let second = async {
        server.polled(1.0).await;
        get(&server, &path).await
    };
    let (first, second) = tokio::join!(get(&server, &path), second);
    assert_eq!((first.status, &*first.body, second.status), (200, "1", 400));
    assert_eq!(get(&server, &path).await.status, 400);
    eventually("it is closed", || {
        server.app.count("closed protocol_violation") == 1
    })
    .await;
}

#[tokio::test]
async fn a_poll_that_is_aborted_ends_the_session() {
    let server = Server::start(config()).await;
    let path = connected(&server).await;
    tokio::select! {
        answer = get(&server, &path) => panic!("there was nothing to tell, yet it got {answer:?}"),
        () = server.polled(1.0) => {}
    }
    eventually("it is closed", || {
        server.app.count("closed transport_aborted") == 1
    })
    .await;
    assert_eq!(get(&server, &path).await.status, 400);
}

#[tokio::test]
async fn a_payload_that_cannot_be_read_ends_the_session_and_nothing_of_it_counts() {
    let server = Server::start(config()).await;
    for (number, body) in [
        "abc",
        "",
        "42/messages,[\"x\"]\u{1e}",
        "42/messages,[\"x\"]\u{1e}b?",
        "2",
    ]
    .into_iter()
    .enumerate()
    {
        let path = connected(&server).await;
        assert_eq!(post(&server, &path, body).await.status, 400, "{body:?}");
        assert_eq!(get(&server, &path).await.status, 400, "{body:?}");
        eventually(body, || {
            server.app.count("closed protocol_violation") == number + 1
        })
        .await;
    }
    assert_eq!(server.app.count("x"), 0);
}

#[tokio::test]
async fn a_body_over_the_limit_is_413_and_ends_the_session() {
    let server = Server::start(config()).await;
    let path = connected(&server).await;
    let answer = post(
        &server,
        &path,
        &format!("42/messages,[\"{}\"]", "x".repeat(10_000)),
    )
    .await;
    assert!(
        answer.status == 413 && answer.body.contains("payload_too_large"),
        "{answer:?}"
    );
    eventually("it is closed", || server.app.count("closed too_big") == 1).await;
}

#[tokio::test]
async fn a_client_that_leaves_gets_its_poll_back() {
    let server = Server::start(config()).await;
    let path = connected(&server).await;
    let leave = async {
        server.polled(1.0).await;
        post(&server, &path, "1").await
    };
    let (polled, left) = tokio::join!(get(&server, &path), leave);
    assert_eq!((&*polled.body, &*left.body), ("6", "ok"));
    assert_eq!(get(&server, &path).await.status, 400);
    eventually("it is closed", || {
        server.app.count("closed client_left") == 1
    })
    .await;
}

#[tokio::test]
async fn a_poll_brings_the_ping_and_without_a_pong_the_session_ends() {
    let server = Server::start(config_with_heartbeat()).await;
    let path = connected(&server).await;
    for _ in 0..2 {
        assert_eq!(get(&server, &path).await.body, "2");
        assert_eq!(post(&server, &path, "3").await.body, "ok");
    }
    assert_eq!(get(&server, &path).await.body, "2");
    assert_eq!(get(&server, &path).await.body, "1");
    assert_eq!(get(&server, &path).await.status, 400);
    eventually("it is closed", || {
        server.app.count("closed ping_timeout") == 1
    })
    .await;
}

#[tokio::test]
async fn last_words_can_be_fetched_after_the_end() {
    let server = Server::start(config()).await;
    let path = connected(&server).await;
    let connection = server.sockets.connections().pop().expect("one");
    connection.send(&EventFrame::new("token_expired", "{}"), Class::Durable);
    connection.close(CloseReason::TokenExpired);
    eventually("it is closed", || {
        server.app.count("closed token_expired") == 1
    })
    .await;
    let last = get(&server, &path).await.body;
    assert_eq!(last, "42/messages,[\"token_expired\",{}]");
    assert_eq!(get(&server, &path).await.body, "1");
    assert_eq!(get(&server, &path).await.status, 400);
}

#[tokio::test]
async fn a_post_waits_while_its_events_are_not_taken() {
    let server = Server::start(config()).await;
    let path = connected(&server).await;
    let event = "42/messages,[\"gated\"]";
    let body = vec![event; 100].join("\u{1e}");
    let posted = post(&server, &path, &body);
    tokio::pin!(posted);
    let early = tokio::time::timeout(Duration::from_millis(100), &mut posted).await;
    assert!(early.is_err(), "100 events fit into an inbox of 64");
    server.app.gate.add_permits(100);
    assert_eq!(posted.await.body, "ok");
    eventually("all came", || server.app.count("gated") == 100).await;
}
