use messaging_test_support::{MongoServer, NatsServer, ServiceProcess, binary_path, eventually};

use crate::settings::faults_of;
use crate::support::{Cluster, SECRET, health};

const NATS_NOWHERE: (&str, &str) = ("NATS_URL", "nats://127.0.0.1:1");
const MONGODB_NOWHERE: (&str, &str) = ("MONGODB_URI", "mongodb://127.0.0.1:1/?replicaSet=rs0");
const BOUND: std::time::Duration = std::time::Duration::from_secs(20);

#[tokio::test]
async fn services_that_are_asked_to_end_do_so_while_nats_is_down() {
    let nats = NatsServer::start().await;
    let mongo = MongoServer::shared().await;
    let mut cluster = Cluster::start_on(&mongo.uri(), &nats.url(), &[("DRAIN_SECONDS", "1")]).await;
    nats.stop().await;
    for service in cluster.apis.iter_mut().chain(&mut cluster.gateways) {
        eventually(BOUND, "it has noticed", async || {
            health(service, "ready").await == Some(503)
        })
        .await;
        assert_eq!(service.terminate().await, 0, "{:#?}", service.log_lines());
    }
}

#[tokio::test]
async fn an_address_of_mongodb_that_is_none_is_a_fault_of_its_setting() {
    for binary in ["messaging-api", "messaging-standalone"] {
        for (variable, value) in [
            ("MONGODB_URI", "http://localhost"),
            ("MONGODB_URI", "mongodb://"),
            ("MONGODB_URI", "mongodb://h/?nonsense"),
            ("MONGODB_DATABASE", "a b/c"),
        ] {
            let settings = [
                ("JWT_SECRET", SECRET),
                NATS_NOWHERE,
                MONGODB_NOWHERE,
                (variable, value),
            ];
            assert_eq!(
                faults_of(binary, &[], &settings).await,
                [variable],
                "{binary} {value}"
            );
        }
    }
}

#[tokio::test]
async fn keys_that_are_not_where_a_setting_says_are_a_fault_of_it() {
    for (variable, value) in [
        ("JWT_PUBLIC_KEY_FILE", "/nowhere/at/all"),
        ("JWT_JWKS_FILE", "/nowhere/at/all"),
        ("JWT_JWKS_FILE", "/dev/null"),
        ("JWT_JWKS_URL", "nowhere"),
    ] {
        let settings = [
            ("JWT_SECRET", SECRET),
            NATS_NOWHERE,
            MONGODB_NOWHERE,
            ("JWT_ALGORITHMS", "RS256"),
            (variable, value),
        ];
        for binary in ["messaging-api", "messaging-gateway", "messaging-standalone"] {
            assert_eq!(
                faults_of(binary, &[], &settings).await,
                [variable],
                "{binary} {value}"
            );
        }
    }
}

#[tokio::test]
async fn a_standalone_tells_of_each_fault_in_one_line() {
    assert_eq!(
        faults_of("messaging-standalone", &[], &[]).await,
        ["JWT_SECRET"]
    );
    let bad = [
        ("JWT_SECRET", SECRET),
        ("CORS_ORIGINS", "x"),
        ("FRAME_BYTES_MAX", "0"),
        ("JWT_ALGORITHMS", "none"),
    ];
    let expected = ["CORS_ORIGINS", "FRAME_BYTES_MAX", "JWT_ALGORITHMS"];
    assert_eq!(faults_of("messaging-standalone", &[], &bad).await, expected);
}

#[tokio::test]
async fn a_demo_in_a_folder_that_cannot_be_written_says_so_in_one_line() {
    let settings = [("DEMO", "1"), ("DATA_DIR", "/proc/data")];
    assert_eq!(
        faults_of("messaging-standalone", &[], &settings).await,
        ["DATA_DIR"]
    );
}

#[tokio::test]
async fn a_path_outside_of_the_api_has_a_problem_document_too() {
    let settings = [("JWT_SECRET", SECRET), NATS_NOWHERE, MONGODB_NOWHERE];
    let api = ServiceProcess::start(&binary_path("messaging-api"), settings).await;
    let answer = crate::support::get(&api, "/nothing")
        .await
        .expect("an answer");
    assert!(
        answer.contains("application/problem+json") && answer.contains("not_found"),
        "{answer}"
    );
}
