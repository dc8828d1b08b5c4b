use messaging_test_support::{MongoServer, NatsServer, free_port};

use crate::support::{Cluster, NO_RATES, Script, health};

#[tokio::test]
async fn published_keys_may_come_late_and_change_and_each_good_token_is_accepted() {
    let (mongo, nats) = tokio::join!(MongoServer::shared(), NatsServer::shared());
    let port = free_port().to_string();
    let url = format!("http://127.0.0.1:{port}/jwks.json");
    let settings = [
        ("JWT_ALGORITHMS", "RS256,ES256,EdDSA"),
        ("JWT_JWKS_URL", url.as_str()),
        ("CONNECTIONS_PER_USER_MAX", "0"),
        NO_RATES[0],
        NO_RATES[1],
    ];
    let mut cluster = Cluster::launch(&mongo.uri(), [&nats.url(); 4], &settings).await;
    for service in cluster.apis.iter().chain(&cluster.gateways) {
        let (live, ready) = (
            health(service, "live").await,
            health(service, "ready").await,
        );
        assert_eq!((live, ready), (Some(200), Some(503)), "{}", service.url());
    }
    Script::run_with(
        &format!("key_rotation {port}"),
        &mut cluster,
        async |question, cluster| match question {
            "see everybody ready" => cluster.ready().await,
            other => panic!("nobody can {other}"),
        },
    )
    .await;
    for service in cluster.apis.iter().chain(&cluster.gateways) {
        let lines = service.log_lines();
        assert!(
            lines.iter().any(|line| line.contains("rotated-0")),
            "{} says nothing of the new keys: {lines:#?}",
            service.url()
        );
        assert!(
            lines.iter().all(|line| !line.contains("eyJ")),
            "{} has logged a token: {lines:#?}",
            service.url()
        );
    }
}
