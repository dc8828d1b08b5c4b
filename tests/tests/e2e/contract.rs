//! The rows of `docs/contract.md` against running clusters, and that each row has a test.

use messaging_test_support::{MongoServer, NatsServer, ServiceProcess, binary_path, unique_prefix};

use crate::support::{Cluster, SECRET, Script, ready};

const SMALL: [(&str, &str); 11] = [
    ("FRAME_BYTES_MAX", "4096"),
    ("EVENTS_PER_SECOND", "1"),
    ("EVENTS_BURST", "5"),
    ("REQUESTS_PER_SECOND", "1"),
    ("REQUESTS_BURST", "12"),
    ("CONNECTIONS_PER_USER_MAX", "4"),
    ("CONVERSATIONS_PER_CONNECTION_MAX", "2"),
    ("PRESENCE_GRACE_MS", "600"),
    ("PING_INTERVAL_MS", "1000"),
    ("PING_TIMEOUT_MS", "1000"),
    ("CORS_ORIGINS", "https://app.example, http://localhost:5173"),
];

const OPEN: [(&str, &str); 4] = [
    ("EVENTS_PER_SECOND", "0"),
    ("REQUESTS_PER_SECOND", "0"),
    ("CONNECTIONS_PER_USER_MAX", "0"),
    ("CORS_ORIGINS", "*"),
];

/// How each token begins: with the first bytes of its header, in base64.
const TOKEN_START: &str = "eyJ";

#[tokio::test]
async fn each_row_of_the_contract_has_a_test_and_each_test_a_row() {
    play("contract_rows check", []).await;
}

#[tokio::test]
async fn the_contract_holds_where_nothing_is_set() {
    run("defaults", &[]).await;
}

#[tokio::test]
async fn the_contract_holds_where_limits_are_small() {
    run("small", &SMALL).await;
}

#[tokio::test]
async fn the_contract_holds_where_rates_are_not_limited() {
    run("open", &OPEN).await;
}

/// Runs the cases of a group, and sees that no token was logged on the way.
async fn run(group: &str, settings: &[(&str, &str)]) {
    let cluster = Cluster::start(settings).await;
    Script::run(&format!("contract {group}"), &cluster).await;
    for service in cluster.apis.iter().chain(&cluster.gateways) {
        let lines = service.log_lines();
        let telling: Vec<_> = lines
            .iter()
            .filter(|line| line.contains(TOKEN_START))
            .collect();
        assert_eq!(telling, [""; 0], "a token was logged");
        assert!(!lines.is_empty(), "it logs");
    }
}

#[tokio::test]
async fn no_token_is_logged_however_much_is_logged() {
    let cluster = Cluster::start(&[("RUST_LOG", "debug")]).await;
    Script::run("contract defaults token", &cluster).await;
    for service in cluster.apis.iter().chain(&cluster.gateways) {
        let lines = service.log_lines();
        assert!(
            lines.iter().any(|line| line.contains("\"DEBUG\"")),
            "it logs much"
        );
        assert!(
            !lines.iter().any(|line| line.contains(TOKEN_START)),
            "a token was logged"
        );
    }
}

#[tokio::test]
async fn two_systems_that_share_a_nats_do_not_meet() {
    let (one, other) = tokio::join!(Cluster::start(&[]), Cluster::start(&[]));
    let both = |first: &ServiceProcess, second: &ServiceProcess| {
        format!("{},{}", first.url(), second.url())
    };
    let variables = [
        ("API_URLS", both(&one.apis[0], &other.apis[0])),
        ("GATEWAY_URLS", both(&one.gateways[0], &other.gateways[0])),
        ("JWT_SECRET", SECRET.to_owned()),
    ];
    play("contract twins", variables).await;
}

#[tokio::test]
async fn the_contract_holds_for_both_services_in_one_process() {
    let (mongo, nats) = tokio::join!(MongoServer::shared(), NatsServer::shared());
    let prefix = unique_prefix();
    let settings = [
        ("JWT_SECRET", SECRET.to_owned()),
        ("MONGODB_URI", mongo.uri()),
        ("MONGODB_DATABASE", prefix.clone()),
        ("NATS_URL", nats.url()),
        ("NATS_SUBJECT_PREFIX", prefix),
    ];
    let standalone = ServiceProcess::start(&binary_path("messaging-standalone"), settings).await;
    ready(&standalone).await;
    let twice = format!("{0},{0}", standalone.url());
    let variables = [
        ("API_URLS", twice.clone()),
        ("GATEWAY_URLS", twice),
        ("JWT_SECRET", SECRET.to_owned()),
    ];
    play("contract defaults", variables).await;
}

#[tokio::test]
async fn tokens_are_checked_with_public_keys() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let keys = folder.path().display().to_string();
    play("contract_keys", [("KEYS_FOLDER", keys.clone())]).await;
    let prefix = unique_prefix();
    let (mongo, nats) = tokio::join!(MongoServer::shared(), NatsServer::shared());
    let start = async |binary: &str, algorithm: &str| {
        let file = format!("{keys}/{algorithm}.public.pem");
        let settings = [
            ("MONGODB_URI", mongo.uri()),
            ("NATS_URL", nats.url()),
            ("MONGODB_DATABASE", prefix.clone()),
            ("NATS_SUBJECT_PREFIX", prefix.clone()),
            ("JWT_ALGORITHMS", algorithm.to_owned()),
            ("JWT_PUBLIC_KEY_FILE", file),
            ("JWT_ISSUER", "the platform".to_owned()),
            ("JWT_AUDIENCE", "messaging".to_owned()),
        ];
        let service = ServiceProcess::start(&binary_path(binary), settings).await;
        ready(&service).await;
        service
    };
    let apis = [
        start("messaging-api", "RS256").await,
        start("messaging-api", "ES256").await,
        start("messaging-api", "EdDSA").await,
    ];
    let gateway = start("messaging-gateway", "ES256").await;
    let variables = [
        (
            "API_URLS",
            apis.each_ref().map(ServiceProcess::url).join(","),
        ),
        ("GATEWAY_URLS", gateway.url()),
        ("JWT_SECRET", SECRET.to_owned()),
        ("KEYS_FOLDER", keys),
    ];
    play("contract keys", variables).await;
}

async fn play(name: &str, variables: impl IntoIterator<Item = (&'static str, String)>) {
    let ended = Script::start(name, variables)
        .play(async |question| panic!("nobody is there to {question}"))
        .await;
    ended.unwrap_or_else(|output| panic!("{output}"));
}
