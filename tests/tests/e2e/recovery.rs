//! Clients that come back and go on where they were.

use messaging_test_support::{MongoServer, NatsServer};

use crate::support::{Cluster, NO_RATES, Script};

#[tokio::test]
async fn a_client_goes_on_where_it_was_whatever_broke() {
    let (mongo, nats) = tokio::join!(MongoServer::shared(), NatsServer::start());
    let settings = [
        NO_RATES[0],
        NO_RATES[1],
        ("CONNECTIONS_PER_USER_MAX", "2"),
        ("PRESENCE_GRACE_MS", "2000"),
    ];
    let mut cluster = Cluster::start_on(&mongo.uri(), &nats.url(), &settings).await;
    Script::run_with(
        "recovery",
        &mut cluster,
        async |question, cluster| match question {
            "restart nats empty" => nats.restart_empty().await,
            "kill gateway 0" => cluster.gateways[0].kill().await,
            other => panic!("nobody can {other}"),
        },
    )
    .await;
}

#[tokio::test]
async fn many_clients_come_and_come_back_through_a_front_without_sticky_sessions() {
    let settings = [NO_RATES[0], NO_RATES[1], ("CONNECTIONS_PER_USER_MAX", "0")];
    let cluster = Cluster::start(&settings).await;
    Script::run("front", &cluster).await;
}

#[tokio::test]
async fn after_the_time_that_is_set_a_client_begins_anew() {
    let settings = [("RECOVERY_SECONDS", "1")];
    let cluster = Cluster::start(&settings).await;
    Script::run("recovery_late", &cluster).await;
}

#[tokio::test]
async fn recovery_can_be_turned_off() {
    let settings = [("RECOVERY_SECONDS", "0")];
    let cluster = Cluster::start(&settings).await;
    Script::run("recovery_off", &cluster).await;
}
