//! The way into an Engine.IO session.

use serde_json::{Value, json};

use crate::polling::POLLING;
use crate::server::{Server, config};
use crate::wire::{Socket, request};

const WEBSOCKET: &str = "/socket.io/?EIO=4&transport=websocket";

fn check(open: &str, upgrades: Value) {
    let json = open.strip_prefix('0').expect("an open packet");
    let mut handshake: Value = serde_json::from_str(json).expect("JSON");
    let sid = handshake["sid"].take();
    assert!(sid.as_str().is_some_and(|sid| sid.len() >= 20), "{open}");
    let expected = json!({
        "sid": null,
        "upgrades": upgrades,
        "pingInterval": 25_000,
        "pingTimeout": 20_000,
        "maxPayload": 10_000,
    });
    assert_eq!(handshake, expected);
}

#[tokio::test]
async fn the_handshake_has_exactly_its_five_keys_on_both_transports() {
    let server = Server::start(config()).await;
    let polled = request(server.address, "GET", POLLING, "").await;
    assert_eq!(polled.status, 200);
    check(&polled.body, json!(["websocket"]));
    let mut socket = Socket::open(server.address, WEBSOCKET).await;
    check(&socket.text().await, json!([]));
}

#[tokio::test]
async fn a_bad_request_for_an_upgrade_is_refused_with_400() {
    let server = Server::start(config()).await;
    for path in [
        "/socket.io/?transport=websocket",
        "/socket.io/?EIO=abc&transport=websocket",
        "/socket.io/?EIO=3&transport=websocket",
        "/socket.io/?EIO=4",
        "/socket.io/?EIO=4&transport=abc",
        "/socket.io/?EIO=4&transport=websocket&sid=nobody",
    ] {
        let socket = Socket::try_open(server.address, path, "").await;
        assert!(socket.head.starts_with("http/1.1 400"), "{path}");
    }
    assert_eq!(server.metric("fh_gateway_links"), 0.0);
}

#[tokio::test]
async fn every_method_but_get_is_refused_without_a_session() {
    let server = Server::start(config()).await;
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"] {
        let answer = request(server.address, method, POLLING, "").await;
        assert_eq!(answer.status, 400, "{method}");
    }
    assert_eq!(server.metric("fh_gateway_links"), 0.0);
}
