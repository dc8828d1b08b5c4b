//! Socket.IO over a WebSocket from the beginning.

use std::time::Duration;

use messaging_gateway::connection::CloseReason;

use crate::server::{Server, config, config_with_heartbeat, eventually};
use crate::wire::{BINARY, FINAL, Socket, TEXT};

const PATH: &str = "/socket.io/?EIO=4&transport=websocket";

async fn shaken(server: &Server) -> Socket {
    let mut socket = Socket::open(server.address, PATH).await;
    let handshake = socket.text().await;
    assert!(
        handshake.starts_with(r#"0{"sid":""#) && handshake.contains(r#""upgrades":[],"#),
        "{handshake}"
    );
    socket
}

async fn connected(server: &Server) -> Socket {
    let mut socket = shaken(server).await;
    socket.send("40/messages,").await;
    assert!(socket.text().await.starts_with(r#"40/messages,{"sid":""#));
    assert_eq!(socket.text().await, r#"42/messages,["connected",{}]"#);
    socket
}

#[tokio::test]
async fn what_the_application_sends_while_it_decides_comes_after_the_answer() {
    let server = Server::start(config()).await;
    connected(&server).await;
}

#[tokio::test]
async fn events_that_come_with_the_connect_packet_take_effect_after_it_in_order() {
    let server = Server::start(config()).await;
    let mut socket = shaken(&server).await;
    socket.send(r#"40/messages,{"token":"gated"}"#).await;
    for number in 0..40 {
        socket.send(&format!(r#"42/messages,["n",{number}]"#)).await;
    }
    server.app.gate.add_permits(1);
    assert!(socket.text().await.starts_with("40/messages,"));
    eventually("all came", || server.app.count("n ") == 40).await;
    let expected: Vec<_> = (0..40).map(|number| format!("n {number}")).collect();
    assert_eq!(server.app.log()[1..], expected);
}

#[tokio::test]
async fn a_refusal_is_a_connect_error_and_another_try_may_follow() {
    let server = Server::start(config()).await;
    let mut socket = shaken(&server).await;
    socket.send(r#"40/messages,{"token":"bad"}"#).await;
    assert_eq!(
        socket.text().await,
        r#"44/messages,{"data":{"code":"unauthorized"},"message":"unauthorized"}"#
    );
    socket.send(r#"40/messages,{"token":"many"}"#).await;
    assert_eq!(
        socket.text().await,
        r#"44/messages,{"data":{"code":"limit_reached"},"message":"too many connections"}"#
    );
    socket.send("40/elsewhere,").await;
    assert_eq!(
        socket.text().await,
        r#"44/elsewhere,{"message":"Invalid namespace"}"#
    );
    socket.send("40").await;
    assert_eq!(socket.text().await, r#"44{"message":"Invalid namespace"}"#);
    socket.send(r#"40/messages,{"token":"good"}"#).await;
    assert!(socket.text().await.starts_with("40/messages,"));
    assert_eq!(server.app.log(), [r#"open {"token":"good"}"#]);
}

#[tokio::test]
async fn acknowledgements_bear_the_id_and_the_attachments() {
    let server = Server::start(config()).await;
    let mut socket = connected(&server).await;
    socket.send(r#"42/messages,7["x",{"a":1}]"#).await;
    assert_eq!(socket.text().await, r#"43/messages,7[{"a":1}]"#);
    socket
        .send(r#"451-/messages,8["x",{"_placeholder":true,"num":0}]"#)
        .await;
    socket.send_frame(FINAL | BINARY, b"\0\xff").await;
    assert_eq!(
        socket.text().await,
        r#"461-/messages,8[{"_placeholder":true,"num":0}]"#
    );
    assert_eq!(socket.next().await, Some((BINARY, b"\0\xff".to_vec())));
}

#[tokio::test]
async fn a_malformed_packet_closes_the_connection() {
    let server = Server::start(config()).await;
    let bad = [
        "4",
        "4abc",
        "42/messages,{}",
        r#"42/messages,x["a"]"#,
        "40/messages,",
        r#"42/elsewhere,["a"]"#,
        "44/messages,{}",
        "0",
        "2",
        "5",
        "7",
        "abc",
        r#"451-/messages,["a"]x"#,
    ];
    for (number, packet) in bad.into_iter().enumerate() {
        let mut socket = connected(&server).await;
        socket.send(packet).await;
        assert_eq!(socket.close_code().await, 1002, "{packet}");
        eventually(packet, || {
            server.app.count("closed protocol_violation") == number + 1
        })
        .await;
    }
    let mut socket = connected(&server).await;
    socket
        .send_frame(FINAL | BINARY, b"an attachment of nothing")
        .await;
    assert_eq!(socket.close_code().await, 1002);
    let mut socket = connected(&server).await;
    socket
        .send(r#"451-/messages,["x",{"_placeholder":true,"num":0}]"#)
        .await;
    socket.send(r#"42/messages,["too early"]"#).await;
    assert_eq!(socket.close_code().await, 1002);
}

#[tokio::test]
async fn attachments_count_together_with_their_event() {
    let server = Server::start(config()).await;
    let mut socket = connected(&server).await;
    let event =
        r#"452-/messages,["x",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#;
    socket.send(event).await;
    socket.send_frame(FINAL | BINARY, &[0; 6_000]).await;
    socket.send_frame(FINAL | BINARY, &[0; 6_000]).await;
    assert_eq!(socket.close_code().await, 1009);
}

#[tokio::test]
async fn leaving_the_namespace_closes_the_connection_but_not_the_transport() {
    let server = Server::start(config()).await;
    let mut socket = connected(&server).await;
    socket.send("41/messages,").await;
    eventually("it is closed", || {
        server.app.log() == ["open ", "closed namespace_left"]
    })
    .await;
    assert_eq!(server.sockets.count(), 0);
    socket.send("40/messages,").await;
    assert!(socket.text().await.starts_with("40/messages,"));
    socket.text().await;
    socket.send("1").await;
    assert_eq!(socket.close_code().await, 1000);
    eventually("it is closed again", || {
        server.app.count("closed client_left") == 1
    })
    .await;
}

#[tokio::test]
async fn whoever_joins_no_namespace_in_time_is_closed() {
    let mut config = config();
    config.connect_timeout = Duration::from_millis(500);
    let server = Server::start(config).await;
    let mut idle = shaken(&server).await;
    let mut busy = connected(&server).await;
    assert_eq!(idle.close_code().await, 1000);
    busy.send(r#"42/messages,1["x"]"#).await;
    assert_eq!(busy.text().await, "43/messages,1[]");
}

#[tokio::test]
async fn a_client_that_answers_pings_stays_and_one_that_does_not_goes() {
    let server = Server::start(config_with_heartbeat()).await;
    let (mut good, mut silent) = (connected(&server).await, connected(&server).await);
    for _ in 0..2 {
        assert_eq!(good.next().await, Some((TEXT, b"2".to_vec())));
        good.send("3").await;
    }
    assert_eq!(silent.close_code().await, 1001);
    eventually("one is left", || {
        server.app.count("closed ping_timeout") == 1
    })
    .await;
    assert_eq!(server.sockets.count(), 1);
}

#[tokio::test]
async fn what_was_sent_before_an_orderly_end_arrives() {
    let server = Server::start(config()).await;
    let mut socket = connected(&server).await;
    let connection = server.sockets.connections().pop().expect("one");
    assert!(connection.id().len() >= 20);
    let event = messaging_gateway::connection::EventFrame::new("token_expired", "{}");
    connection.send(&event, messaging_gateway::connection::Class::Durable);
    connection.close(CloseReason::TokenExpired);
    assert_eq!(socket.text().await, r#"42/messages,["token_expired",{}]"#);
    assert_eq!(socket.close_code().await, 4401);
    assert!(connection.closed());
}
