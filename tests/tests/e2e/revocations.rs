//! What becomes of revocations while NATS or other replicas are away.

use std::time::Duration;

use messaging_auth::{JwtSecret, Role, mint};
use messaging_domain::Timestamp;
use messaging_lifecycle::now;
use messaging_test_support::{
    MongoServer, NatsServer, ServiceProcess, eventually, eventually_some,
};

use crate::support::{Cluster, Request, SECRET, Script, ready, send};

/// A replica that hears nothing of the others reads the database every 30 s.
const READ_BOUND: Duration = Duration::from_secs(60);

const BOUND: Duration = Duration::from_secs(20);

#[tokio::test]
async fn who_is_revoked_is_out_within_a_second_everywhere_and_stays_out() {
    let settings = [
        ("PRESENCE_GRACE_MS", "1000"),
        ("CONNECTIONS_PER_USER_MAX", "0"),
    ];
    let cluster = Cluster::start(&settings).await;
    Script::run("revocations 1000", &cluster).await;
}

#[tokio::test]
async fn a_revocation_holds_at_a_gateway_that_starts_after_nats_came_back_empty() {
    let (mongo, nats) = tokio::join!(MongoServer::shared(), NatsServer::start());
    let mut cluster = Cluster::start_on(&mongo.uri(), &nats.url(), &[]).await;
    let (old, newer) = (token("ada", -10), token("ada", 10));
    assert_eq!(revoke(&cluster.apis[0], "users/ada").await, 200);
    for gateway in &cluster.gateways {
        let what = "the old token is refused";
        eventually(BOUND, what, async || enter(gateway, &old).await == 401).await;
    }
    nats.restart_empty().await;
    cluster.have_gateways(3).await;
    assert_eq!(enter(&cluster.gateways[2], &old).await, 401);
    assert_eq!(enter(&cluster.gateways[2], &newer).await, 101);
    for gateway in &cluster.gateways {
        ready(gateway).await;
        assert_eq!(enter(gateway, &old).await, 401, "{}", gateway.url());
    }
}

#[tokio::test]
async fn without_nats_a_revocation_holds_at_its_api_at_once_and_elsewhere_a_little_later() {
    let (mongo, nats) = tokio::join!(MongoServer::shared(), NatsServer::start());
    let cluster = Cluster::start_on(&mongo.uri(), &nats.url(), &[]).await;
    let [ada, ben] = ["ada", "ben"].map(|user| token(user, -10));
    assert_eq!(revoke(&cluster.apis[0], "users/ben").await, 200);
    for gateway in &cluster.gateways {
        let is_out = async || enter(gateway, &ben).await == 401;
        eventually(BOUND, "ben is out", is_out).await;
    }
    nats.stop().await;
    assert_eq!(revoke(&cluster.apis[0], "users/ada").await, 200);
    assert_eq!(read(&cluster.apis[0], &ada).await, 401);
    assert_eq!(read(&cluster.apis[1], &ben).await, 401, "it is kept");
    let hears = async || read(&cluster.apis[1], &ada).await == 401;
    eventually(READ_BOUND, "the other replica reads of it", hears).await;
    let lifted = call(&cluster.apis[0], "DELETE", "users/ben").await;
    assert_eq!(lifted, 204);
    nats.start_again().await;
    for gateway in &cluster.gateways {
        let is_out = async || enter(gateway, &ada).await == 401;
        eventually(BOUND, "ada is out", is_out).await;
        let is_back = async || enter(gateway, &ben).await == 101;
        eventually(READ_BOUND, "ben is let in again", is_back).await;
    }
}

#[tokio::test]
async fn no_more_are_taken_than_are_set_and_each_for_as_long_as_is_set() {
    let settings = [("REVOCATIONS_MAX", "2"), ("REVOCATION_DAYS", "1")];
    let cluster = Cluster::start(&settings).await;
    let [one, two] = [&cluster.apis[0], &cluster.apis[1]];
    assert_eq!(revoke(one, "users/ada").await, 200);
    assert_eq!(revoke(two, "tokens/j-1").await, 200);
    let (status, body) = send(one, &request("PUT", "users/ben"))
        .await
        .expect("an answer");
    assert_eq!(status, 429, "{body}");
    assert!(body.contains(r#""code":"limit_reached""#), "{body}");
    assert_eq!(revoke(two, "users/ada").await, 200, "it is there already");
    assert_eq!(call(one, "DELETE", "tokens/j-1").await, 204);
    let (status, body) = send(two, &request("PUT", "users/ben"))
        .await
        .expect("an answer");
    assert_eq!(status, 200, "{body}");
    let expires_at = body.split(r#""expiresAt":""#).nth(1).expect("a time");
    let expires_at: Timestamp = expires_at[..24].parse().expect("a time");
    let hours = (expires_at.millis() - now().millis()) / 3_600_000;
    assert_eq!(hours, 23, "{body}");
}

/// A token that was issued so many seconds from now.
fn token(user: &str, issued_in: i64) -> String {
    let user = user.parse().expect("a valid id");
    let issued = Timestamp::from_millis(now().millis() + issued_in * 1_000);
    let hour = "1h".parse().expect("a duration");
    let secret = JwtSecret::new(SECRET.to_owned());
    let role = Some(Role::Client);
    mint(&secret, &user, role, None, issued, hour).expect("it can be signed")
}

fn host() -> String {
    let user = "host".parse().expect("a valid id");
    let (secret, hour) = (JwtSecret::new(SECRET.to_owned()), "1h".parse());
    let hour = hour.expect("a duration");
    let role = Some(Role::Service);
    mint(&secret, &user, role, None, now(), hour).expect("it can be signed")
}

fn request(method: &'static str, path: &str) -> Request {
    Request {
        method,
        path: format!("/api/revocations/{path}"),
        token: host(),
        headers: "",
    }
}

async fn call(api: &ServiceProcess, method: &'static str, path: &str) -> u16 {
    let request = request(method, path);
    let answer = async || send(api, &request).await;
    let (status, _body) = eventually_some(BOUND, "an answer", answer).await;
    status
}

async fn revoke(api: &ServiceProcess, path: &str) -> u16 {
    call(api, "PUT", path).await
}

/// The status with which a call with a token is answered.
async fn read(api: &ServiceProcess, token: &str) -> u16 {
    status(api, token, "/api/messages/conversations", "").await
}

/// The status with which a WebSocket with a token is answered.
async fn enter(gateway: &ServiceProcess, token: &str) -> u16 {
    const UPGRADE: &str = "connection: Upgrade\r\nupgrade: websocket\r\n\
        sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n";
    status(gateway, token, "/ws", UPGRADE).await
}

async fn status(service: &ServiceProcess, token: &str, path: &str, headers: &'static str) -> u16 {
    let request = Request {
        method: "GET",
        path: path.to_owned(),
        token: token.to_owned(),
        headers,
    };
    send(service, &request)
        .await
        .map_or(0, |(status, _)| status)
}
