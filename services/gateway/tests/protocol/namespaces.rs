//! Several namespaces over one transport, as Socket.IO has them.

use std::time::Duration;

use bytes::Bytes;
use messaging_gateway::connection::{Class, EventFrame};
use messaging_gateway::transport::TransportConfig;
use serde_json::Value;

use crate::polling::{get, handshake, post};
use crate::server::{Server, config, eventually};
use crate::wire::{BINARY, Socket};

const PATH: &str = "/socket.io/?EIO=4&transport=websocket";

fn two_namespaces() -> TransportConfig {
    TransportConfig {
        namespaces: vec!["/".to_owned(), "/custom".to_owned()],
        ..config()
    }
}

/// Joins a namespace; checks that the answer holds the id and nothing else.
async fn join(socket: &mut Socket, connect: &str, prefix: &str) {
    socket.send(connect).await;
    let answer = socket.text().await;
    let json = answer.strip_prefix(prefix).expect("a CONNECT packet");
    let answer: Value = serde_json::from_str(json).expect("JSON");
    let fields = answer.as_object().expect("an object");
    assert_eq!(fields.keys().collect::<Vec<_>>(), ["sid"]);
    assert!(fields["sid"].as_str().is_some_and(|sid| sid.len() >= 20));
    assert!(socket.text().await.ends_with(r#"["connected",{}]"#));
}

async fn opened(server: &Server) -> Socket {
    let mut socket = Socket::open(server.address, PATH).await;
    socket.text().await;
    socket
}

#[tokio::test]
async fn each_namespace_is_joined_by_itself_with_its_own_credentials() {
    let server = Server::start(two_namespaces()).await;
    let mut socket = opened(&server).await;
    join(&mut socket, r#"40{"token":"one"}"#, "40").await;
    join(&mut socket, r#"40/custom,{"token":"two"}"#, "40/custom,").await;
    socket.send("40/random").await;
    assert_eq!(
        socket.text().await,
        r#"44/random,{"message":"Invalid namespace"}"#
    );
    socket.send(r#"421["x","a"]"#).await;
    assert_eq!(socket.text().await, r#"431["a"]"#);
    socket.send(r#"42/custom,2["x","b"]"#).await;
    assert_eq!(socket.text().await, r#"43/custom,2["b"]"#);
    let expected = [
        r#"open {"token":"one"}"#,
        r#"open {"token":"two"}"#,
        r#"x "a""#,
        r#"x "b""#,
    ];
    assert_eq!(server.app.log(), expected);
}

#[tokio::test]
async fn leaving_one_namespace_leaves_the_other_as_it_is() {
    let server = Server::start(two_namespaces()).await;
    let mut socket = opened(&server).await;
    join(&mut socket, "40", "40").await;
    join(&mut socket, "40/custom,", "40/custom,").await;
    socket.send("41").await;
    eventually("one is closed", || {
        server.app.count("closed namespace_left") == 1
    })
    .await;
    assert_eq!(server.sockets.count(), 1);
    socket.send(r#"42/custom,1["x","still here"]"#).await;
    assert_eq!(socket.text().await, r#"43/custom,1["still here"]"#);
    socket.send(r#"42["x"]"#).await;
    assert_eq!(
        socket.close_code().await,
        1002,
        "an event where it has left"
    );
    eventually("both are closed", || server.app.count("closed") == 2).await;
}

#[tokio::test]
async fn an_event_of_the_server_brings_its_attachments_behind_it() {
    let server = Server::start(config()).await;
    let event = EventFrame::with_attachments(
        "message-back",
        r#"1,{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}"#,
        vec![Bytes::from_static(&[1, 2, 3]), Bytes::from_static(b"")],
    );
    let text = r#"452-/messages,["message-back",1,{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#;

    let mut socket = opened(&server).await;
    join(&mut socket, "40/messages,", "40/messages,").await;
    let connection = server.sockets.connections().pop().expect("one");
    connection.send(&event, Class::Durable);
    assert_eq!(socket.text().await, text);
    assert_eq!(socket.next().await, Some((BINARY, vec![1, 2, 3])));
    assert_eq!(socket.next().await, Some((BINARY, Vec::new())));
    drop(socket);
    eventually("it is gone", || server.sockets.count() == 0).await;

    let path = crate::polling::connected(&server).await;
    let connection = server.sockets.connections().pop().expect("one");
    connection.send(&event, Class::Durable);
    assert_eq!(
        get(&server, &path).await.body,
        format!("{text}\u{1e}bAQID\u{1e}b")
    );
}

#[tokio::test]
async fn whoever_polls_and_joins_no_namespace_in_time_is_closed() {
    let config = TransportConfig {
        connect_timeout: Duration::from_millis(200),
        ..config()
    };
    let server = Server::start(config).await;
    let path = handshake(&server).await;
    assert_eq!(get(&server, &path).await.body, "1");
    assert_eq!(get(&server, &path).await.status, 400);
    assert_eq!(post(&server, &path, "40/messages,").await.status, 400);
}
