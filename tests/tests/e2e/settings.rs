use std::net::TcpListener;

use messaging_test_support::{ServiceProcess, binary_path};

use crate::support::SECRET;

const SERVERS: [&str; 3] = ["messaging-api", "messaging-gateway", "messaging-standalone"];

/// Variables that every server reads, with values that are none.
const BAD_IN_ALL: [(&str, &str); 9] = [
    ("BIND_ADDR", "nowhere"),
    ("TCP_CONNECTIONS_MAX", "all"),
    ("JWT_ALGORITHMS", "none"),
    ("CORS_ORIGINS", "example.org"),
    ("NATS_URL", "http://"),
    ("NATS_SUBJECT_PREFIX", "a b.*"),
    ("DRAIN_SECONDS", "-1"),
    ("LOG_FORMAT", "xml"),
    ("FRAME_BYTES_MAX", "0"),
];

const BAD_IN_API: [(&str, &str); 4] = [
    ("REQUESTS_PER_SECOND", "many"),
    ("REQUESTS_BURST", "-5"),
    ("REVOCATION_DAYS", "0"),
    ("REVOCATIONS_MAX", "all"),
];

const BAD_IN_GATEWAY: [(&str, &str); 11] = [
    ("GATEWAY_ID", "a b"),
    ("EVENTS_PER_SECOND", "1.5"),
    ("EVENTS_BURST", "few"),
    ("CONNECTIONS_MAX", "-1"),
    ("CONNECTIONS_PER_USER_MAX", "-1"),
    ("CONVERSATIONS_PER_CONNECTION_MAX", "0"),
    ("OUTBOX_BYTES_MAX", "1"),
    ("PRESENCE_GRACE_MS", "soon"),
    ("PING_INTERVAL_MS", "0"),
    ("PING_TIMEOUT_MS", "25s"),
    ("CANARY_INTERVAL_MS", "often"),
];

/// Runs a binary with these settings alone, sees it end with 64, and returns the variables that it complains of.
pub(crate) async fn faults_of(
    binary: &str,
    arguments: &[&str],
    settings: &[(&str, &str)],
) -> Vec<String> {
    // A port that is taken: whoever binds before he has looked at his settings ends otherwise.
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("it is bound").to_string();
    let first = [("BIND_ADDR", address.as_str())];
    let settings = first.iter().chain(settings);
    let mut process = ServiceProcess::spawn(
        &binary_path(binary),
        arguments,
        settings.copied().collect::<Vec<_>>(),
    );
    let code = process.exited().await;
    let lines = process.log_lines();
    assert_eq!(code, 64, "{binary}: {lines:#?}");
    let variables = lines.iter().map(|line| match line.split_once(": ") {
        Some((variable, message)) if !message.is_empty() => variable.to_owned(),
        _ => panic!("{binary}: a line that names no variable: {lines:#?}"),
    });
    let mut variables: Vec<String> = variables.collect();
    variables.sort();
    variables
}

fn sorted<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut names: Vec<String> = names.into_iter().map(str::to_owned).collect();
    names.sort();
    names
}

#[tokio::test]
async fn every_missing_setting_ends_a_process_with_64_and_a_line() {
    let missing = [
        (
            "messaging-api",
            sorted(["JWT_SECRET", "MONGODB_URI", "NATS_URL"]),
        ),
        ("messaging-gateway", sorted(["JWT_SECRET", "NATS_URL"])),
    ];
    for (binary, variables) in missing {
        assert_eq!(faults_of(binary, &[], &[]).await, variables, "{binary}");
    }
    let arguments = ["--sub", "u-1", "--role", "client"];
    assert_eq!(
        faults_of("messaging-token", &arguments, &[]).await,
        ["JWT_SECRET"]
    );
}

#[tokio::test]
async fn every_malformed_setting_ends_a_process_with_64_and_a_line() {
    let given = [
        ("JWT_SECRET", SECRET),
        ("MONGODB_URI", "mongodb://127.0.0.1:1"),
    ];
    let services = [
        ("messaging-api", &BAD_IN_API[..]),
        ("messaging-gateway", &BAD_IN_GATEWAY[..]),
    ];
    for (binary, own) in services {
        let bad = [&BAD_IN_ALL, own].concat();
        let expected = sorted(bad.iter().map(|(variable, _)| *variable));
        let settings = [&given[..], &bad].concat();
        assert_eq!(
            faults_of(binary, &[], &settings).await,
            expected,
            "{binary}"
        );
    }
}

#[tokio::test]
async fn a_secret_that_is_too_short_or_never_expires_is_refused() {
    let nats = ("NATS_URL", "nats://127.0.0.1:1");
    let short = ("JWT_SECRET", "too short");
    assert_eq!(
        faults_of("messaging-gateway", &[], &[nats, short]).await,
        ["JWT_SECRET"]
    );
    let arguments = ["--sub", "u-1"];
    assert_eq!(
        faults_of("messaging-token", &arguments, &[short]).await,
        ["JWT_SECRET"]
    );
    let never = [("JWT_SECRET", SECRET), ("JWT_EXPIRATION", "never")];
    assert_eq!(
        faults_of("messaging-token", &arguments, &never).await,
        ["JWT_EXPIRATION"]
    );
}

#[tokio::test]
async fn a_credentials_file_that_is_not_there_is_a_fault_of_its_setting() {
    let settings = [
        ("JWT_SECRET", SECRET),
        ("MONGODB_URI", "mongodb://127.0.0.1:1/?replicaSet=rs0"),
        ("NATS_URL", "nats://127.0.0.1:1"),
        ("NATS_CREDS", "/nowhere/at/all"),
    ];
    for binary in SERVERS {
        assert_eq!(
            faults_of(binary, &[], &settings).await,
            ["NATS_CREDS"],
            "{binary}"
        );
    }
}

#[tokio::test]
async fn a_folder_without_a_page_is_a_fault_of_its_setting() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path().to_str().expect("a plain path");
    for web in [folder, "/nowhere/at/all"] {
        let settings = [("JWT_SECRET", SECRET), ("WEB_DIR", web)];
        let faults = faults_of("messaging-standalone", &[], &settings).await;
        assert_eq!(faults, ["WEB_DIR"], "{web}");
    }
}
