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
    let keys = Keys::make().await;
    let of = |algorithm: &str| {
        [
            ("JWT_ALGORITHMS", algorithm.to_owned()),
            (
                "JWT_PUBLIC_KEY_FILE",
                keys.file(&format!("{algorithm}.public.pem")),
            ),
        ]
    };
    let apis = ["RS256", "ES256", "EdDSA"].map(of);
    keys.run("keys", &apis, &of("ES256")).await;
}

#[tokio::test]
async fn tokens_are_checked_with_a_key_set() {
    let keys = Keys::make().await;
    let set = [
        ("JWT_ALGORITHMS", "RS256,ES256,EdDSA".to_owned()),
        ("JWT_JWKS_FILE", keys.file("jwks.json")),
    ];
    keys.run("jwks", &[set.clone(), set.clone()], &set).await;
}

/// A folder with keys that are used, and others of the same kinds.
struct Keys(tempfile::TempDir);

impl Keys {
    async fn make() -> Self {
        let keys = Self(tempfile::tempdir().expect("a temporary folder"));
        play("contract_keys", [("KEYS_FOLDER", keys.file(""))]).await;
        keys
    }

    fn file(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    /// Runs the cases of a group against APIs and a gateway that check tokens so.
    async fn run(
        &self,
        group: &str,
        apis: &[[(&'static str, String); 2]],
        gateway: &[(&'static str, String); 2],
    ) {
        let prefix = unique_prefix();
        let (mongo, nats) = tokio::join!(MongoServer::shared(), NatsServer::shared());
        let start = async |binary: &str, keys: &[(&'static str, String); 2]| {
            let mut settings = vec![
                ("MONGODB_URI", mongo.uri()),
                ("NATS_URL", nats.url()),
                ("MONGODB_DATABASE", prefix.clone()),
                ("NATS_SUBJECT_PREFIX", prefix.clone()),
                ("JWT_ISSUER", "the platform".to_owned()),
                ("JWT_AUDIENCE", "messaging".to_owned()),
            ];
            settings.extend_from_slice(keys);
            let service = ServiceProcess::start(&binary_path(binary), settings).await;
            ready(&service).await;
            service
        };
        let mut running = Vec::new();
        for keys in apis {
            running.push(start("messaging-api", keys).await);
        }
        let gateway = start("messaging-gateway", gateway).await;
        let urls: Vec<_> = running.iter().map(ServiceProcess::url).collect();
        let variables = [
            ("API_URLS", urls.join(",")),
            ("GATEWAY_URLS", gateway.url()),
            ("JWT_SECRET", SECRET.to_owned()),
            ("KEYS_FOLDER", self.file("")),
        ];
        play(&format!("contract {group}"), variables).await;
    }
}

async fn play(name: &str, variables: impl IntoIterator<Item = (&'static str, String)>) {
    let ended = Script::start(name, variables)
        .play(async |question| panic!("nobody is there to {question}"))
        .await;
    ended.unwrap_or_else(|output| panic!("{output}"));
}
