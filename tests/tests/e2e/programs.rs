//! What a process says and does by itself, for each setting that shows there.

use std::{process::Stdio, time::Duration};

use messaging_test_support::{
    MongoServer, NatsServer, ServiceProcess, binary_path, eventually, unique_prefix,
};
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;

use crate::support::{SECRET, get, ready};

const NATS_NOWHERE: (&str, &str) = ("NATS_URL", "nats://127.0.0.1:1");
const MONGODB_NOWHERE: (&str, &str) = ("MONGODB_URI", "mongodb://127.0.0.1:1/?replicaSet=rs0");
const BOUND: Duration = Duration::from_secs(20);

/// Starts a server that has nobody to talk to.
async fn alone(binary: &str, settings: &[(&str, &str)]) -> ServiceProcess {
    let common = [("JWT_SECRET", SECRET), NATS_NOWHERE, MONGODB_NOWHERE];
    ServiceProcess::start(
        &binary_path(binary),
        common.iter().chain(settings).copied().collect::<Vec<_>>(),
    )
    .await
}

#[tokio::test]
async fn port_0_picks_a_free_port_and_the_address_is_logged() {
    for binary in ["messaging-api", "messaging-gateway", "messaging-standalone"] {
        let service = alone(binary, &[("BIND_ADDR", "127.0.0.1:0")]).await;
        assert_ne!(service.address().port(), 0);
        let answer = get(&service, "/health/live").await.expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 200"), "{binary}: {answer}");
    }
}

#[tokio::test]
async fn log_lines_are_json_in_a_pipe_and_text_on_demand() {
    for binary in ["messaging-api", "messaging-gateway"] {
        for (format, is_json) in [("", true), ("json", true), ("text", false)] {
            let service = alone(binary, &[("LOG_FORMAT", format)]).await;
            let lines = service.log_lines();
            let parsed = lines
                .iter()
                .all(|line| serde_json::from_str::<Value>(line).is_ok_and(|line| line.is_object()));
            assert_eq!(parsed, is_json, "{binary} {format}: {lines:#?}");
        }
    }
}

#[tokio::test]
async fn info_is_logged_unless_set_otherwise() {
    let has = |service: &ServiceProcess, level: &str| {
        let lines = service.log_lines();
        lines
            .iter()
            .any(|line| line.contains(&format!("\"{level}\"")))
    };
    let service = alone("messaging-gateway", &[]).await;
    assert!(has(&service, "INFO") && !has(&service, "DEBUG"));
    let service = alone("messaging-gateway", &[("RUST_LOG", "debug")]).await;
    eventually(BOUND, "a line at debug", async || has(&service, "DEBUG")).await;
}

#[tokio::test]
async fn a_shorter_secret_takes_a_setting_and_is_warned_of() {
    let short = [
        ("JWT_SECRET", "a secret of 21 bytes."),
        ("JWT_SECRET_BYTES_MIN", "21"),
    ];
    for binary in ["messaging-api", "messaging-gateway"] {
        let service = alone(binary, &short).await;
        let lines = service.log_lines();
        let warning = |line: &&String| line.contains("\"WARN\"") && line.contains("JWT_SECRET");
        assert_eq!(lines.iter().filter(warning).count(), 1, "{lines:#?}");
    }
    let token = mint(&short, &["--sub", "u-1"]).await;
    assert_eq!(claim(&token, "sub"), "u-1");
}

#[tokio::test]
async fn origins_of_all_pages_are_warned_of() {
    for binary in ["messaging-api", "messaging-gateway"] {
        let service = alone(binary, &[("CORS_ORIGINS", "*")]).await;
        let lines = service.log_lines();
        let warning = |line: &&String| line.contains("\"WARN\"") && line.contains("CORS_ORIGINS");
        assert_eq!(lines.iter().filter(warning).count(), 1, "{lines:#?}");
    }
}

#[tokio::test]
async fn two_gateways_of_one_host_have_names_of_their_own_and_a_given_one_is_kept() {
    let name = |service: &ServiceProcess| {
        let lines = service.log_lines();
        let lines = lines
            .iter()
            .filter_map(|line| line.split("\"gateway.id\":\"").nth(1));
        let mut names = lines.filter_map(|rest| rest.split('"').next());
        names.next().expect("it tells its name").to_owned()
    };
    let first = name(&alone("messaging-gateway", &[]).await);
    let second = name(&alone("messaging-gateway", &[]).await);
    assert_ne!(first, second);
    let (host, _) = first.rsplit_once('-').expect("a suffix");
    assert!(
        !host.is_empty() && second.starts_with(host),
        "{first} {second}"
    );
    let given = alone("messaging-gateway", &[("GATEWAY_ID", "gw_7-a")]).await;
    assert_eq!(name(&given), "gw_7-a");
}

#[tokio::test]
async fn several_addresses_of_nats_are_taken_and_one_that_answers_is_enough() {
    let nats = NatsServer::shared().await;
    become_ready(&format!("nats://127.0.0.1:1, {}", nats.url()), &[]).await;
}

#[tokio::test]
async fn nats_may_ask_for_tls_and_a_token() {
    let folder = TempDir::new().expect("it can be written");
    let (nats, certificate) = NatsServer::start_with_tls("token-of-nats", folder.path()).await;
    let url = format!("tls://token-of-nats@localhost:{}", nats.address().port());
    let trusted = ("SSL_CERT_FILE", certificate.display().to_string());
    become_ready(&url, &[trusted]).await;
}

/// Starts both services; a gateway is ready once it hears events, by the connections of its own.
async fn become_ready(nats_url: &str, more: &[(&str, String)]) {
    let (mongo, prefix) = (MongoServer::shared().await, unique_prefix());
    let settings = [
        ("JWT_SECRET", SECRET.to_owned()),
        ("MONGODB_URI", mongo.uri()),
        ("MONGODB_DATABASE", prefix.clone()),
        ("NATS_SUBJECT_PREFIX", prefix),
        ("NATS_URL", nats_url.to_owned()),
    ];
    let settings = [&settings[..], more].concat();
    for binary in ["messaging-api", "messaging-gateway"] {
        ready(&ServiceProcess::start(&binary_path(binary), settings.clone()).await).await;
    }
}

/// The token that `messaging-token` prints.
async fn mint(settings: &[(&str, &str)], arguments: &[&str]) -> String {
    let output = Command::new(binary_path("messaging-token"))
        .args(arguments)
        .env_clear()
        .envs(settings.iter().copied())
        .stdin(Stdio::null())
        .output()
        .await
        .expect("it can be run");
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).expect("text");
    let token = text.strip_suffix('\n').expect("one line").to_owned();
    assert!(!token.contains(char::is_whitespace), "{token}");
    token
}

/// A claim of a token, as JSON without its quotes.
fn claim(token: &str, name: &str) -> String {
    let payload = token.split('.').nth(1).expect("three parts");
    let value: Value = serde_json::from_slice(&base64(payload)).expect("claims");
    value[name]
        .as_str()
        .map_or_else(|| value[name].to_string(), str::to_owned)
}

fn base64(text: &str) -> Vec<u8> {
    let digit = |byte: u8| match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'-' => 62,
        _ => 63,
    };
    let bytes = text.as_bytes().chunks(4).flat_map(|chunk| {
        let bits = chunk
            .iter()
            .fold(0_u32, |bits, byte| bits << 6 | u32::from(digit(*byte)));
        let bits = bits << (6 * (4 - chunk.len()));
        bits.to_be_bytes()[1..chunk.len()].to_vec()
    });
    bytes.collect()
}

#[tokio::test]
async fn a_token_is_minted_with_the_claims_and_the_time_asked_for() {
    let secret = [("JWT_SECRET", SECRET)];
    let seconds = |token: &str| -> i64 {
        let number = |name| claim(token, name).parse::<i64>().expect("a number");
        number("exp") - number("iat")
    };
    let token = mint(
        &secret,
        &["--sub", "u-1", "--role", "client", "--name", "Ada L."],
    )
    .await;
    let claims = ["sub", "role", "name"].map(|name| claim(&token, name));
    assert_eq!(claims, ["u-1", "client", "Ada L."]);
    assert_eq!(seconds(&token), 7 * 86_400);
    let bare = mint(&secret, &["--sub", "u-1"]).await;
    assert_eq!(["role", "name"].map(|name| claim(&bare, name)), ["null"; 2]);
    let hour = [("JWT_SECRET", SECRET), ("JWT_EXPIRATION", "1h")];
    assert_eq!(seconds(&mint(&hour, &["--sub", "u-1"]).await), 3_600);
    let short = mint(&hour, &["--sub", "u-1", "--expires-in", "90s"]).await;
    assert_eq!(seconds(&short), 90);
}
