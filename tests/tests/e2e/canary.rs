use std::time::Duration;

use messaging_test_support::{MongoServer, NatsServer, ServiceProcess, eventually};

use crate::support::{Cluster, get, metric, sum_of};

const BOUND: Duration = Duration::from_secs(30);

/// What a gateway has counted of its canary.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Canary {
    sent: f64,
    lost: f64,
    heard: f64,
}

/// All of one answer: between two of them a probe can come and go.
async fn canary(gateway: &ServiceProcess) -> Canary {
    let text = get(gateway, "/metrics").await.expect("an answer");
    let of = |what| sum_of(&text, &format!("fh_gateway_canary_{what}"), &[]);
    Canary {
        heard: of("seconds_count"),
        lost: of("lost_total"),
        sent: of("sent_total"),
    }
}

#[tokio::test]
async fn probes_get_there_while_all_is_well_and_are_lost_while_nats_or_mongodb_is_away() {
    let (mongo, nats) = tokio::join!(MongoServer::start(), NatsServer::start());
    let settings = [("CANARY_INTERVAL_MS", "100")];
    let cluster = Cluster::start_on(&mongo.uri(), &nats.url(), &settings).await;
    for gateway in &cluster.gateways {
        let heard = async || canary(gateway).await.heard >= 5.0;
        eventually(BOUND, "probes are heard", heard).await;
        let labels = [("command", "probe"), ("outcome", "ok")];
        let mut answered = 0.0;
        for api in &cluster.apis {
            answered += metric(api, "fh_api_command_seconds_count", &labels).await;
        }
        assert!(answered >= 5.0, "{answered}");
    }
    let gateway = &cluster.gateways[0];
    nats.stop().await;
    let before = canary(gateway).await;
    let lost = async || canary(gateway).await.lost >= before.lost + 3.0;
    eventually(BOUND, "probes are lost without NATS", lost).await;
    nats.start_again().await;
    heard_again(gateway).await;

    mongo.pause().await;
    let before = canary(gateway).await;
    let lost = async || canary(gateway).await.lost >= before.lost + 1.0;
    eventually(BOUND, "probes are lost without MongoDB", lost).await;
    mongo.resume();
    heard_again(gateway).await;
    let now = canary(gateway).await;
    assert!(now.heard + now.lost <= now.sent, "{now:?}");
    assert!(
        now.sent <= now.heard + now.lost + 1.0,
        "one at a time: {now:?}"
    );
}

async fn heard_again(gateway: &ServiceProcess) {
    let before = canary(gateway).await;
    let heard = async || canary(gateway).await.heard >= before.heard + 3.0;
    eventually(BOUND, "probes are heard again", heard).await;
}

#[tokio::test]
async fn a_canary_that_is_turned_off_sends_nothing() {
    let off = Cluster::start(&[("CANARY_INTERVAL_MS", "0")]).await;
    let on = Cluster::start(&[("CANARY_INTERVAL_MS", "50")]).await;
    let heard = async || canary(&on.gateways[0]).await.heard >= 10.0;
    eventually(BOUND, "the others send", heard).await;
    for gateway in &off.gateways {
        let none = Canary {
            sent: 0.0,
            lost: 0.0,
            heard: 0.0,
        };
        assert_eq!(canary(gateway).await, none);
    }
}
