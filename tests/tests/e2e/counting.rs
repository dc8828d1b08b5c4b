//! What `/metrics` says after something was done.

use std::time::Duration;

use messaging_test_support::{ServiceProcess, eventually};

use crate::support::{Cluster, NO_RATES, Script, metric};

const BOUND: Duration = Duration::from_secs(20);

/// The sum over several processes.
async fn sum(services: &[ServiceProcess], name: &str, labels: &[(&str, &str)]) -> f64 {
    let mut sum = 0.0;
    for service in services {
        sum += metric(service, name, labels).await;
    }
    sum
}

#[tokio::test]
async fn what_clients_ask_for_is_counted_by_what_came_of_it() {
    let cluster = Cluster::start(&NO_RATES).await;
    Script::run("errors", &cluster).await;
    let events = async |event, outcome| {
        let labels = [("event", event), ("outcome", outcome)];
        sum(&cluster.gateways, "fh_gateway_event_seconds_count", &labels).await
    };
    // Each of two connections asks twice for what there is not, and sends once what can be sent.
    assert_eq!(events("unknown", "refused").await, 4.0);
    assert_eq!(events("unknown", "ok").await, 0.0);
    assert_eq!(events("send_message", "ok").await, 2.0);
    // Refused by the gateway, and by an API replica.
    assert!(events("refresh_token", "refused").await >= 4.0);
    assert!(events("create_message", "refused").await >= 6.0);
    let connects = async |outcome| {
        let labels = [("outcome", outcome)];
        sum(
            &cluster.gateways,
            "fh_gateway_connect_seconds_count",
            &labels,
        )
        .await
    };
    assert!(connects("opened").await >= 4.0);
    assert!(connects("unauthorized").await >= 18.0);
    let calls = async |method, route, outcome| {
        let labels = [("method", method), ("route", route), ("outcome", outcome)];
        sum(&cluster.apis, "fh_api_request_seconds_count", &labels).await
    };
    assert_eq!(calls("put", "/api/contracts/{id}", "ok").await, 1.0);
    assert_eq!(calls("post", "/api/messages", "ok").await, 1.0);
    assert_eq!(calls("post", "/api/messages", "refused").await, 0.0);
}

#[tokio::test]
async fn a_call_that_is_refused_is_not_counted_as_our_fault() {
    let cluster = Cluster::start(&NO_RATES).await;
    Script::run("rest_messages", &cluster).await;
    let calls = async |outcome| {
        sum(
            &cluster.apis,
            "fh_api_request_seconds_count",
            &[("outcome", outcome)],
        )
        .await
    };
    assert!(calls("refused").await > 0.0);
    assert!(calls("ok").await > 0.0);
    assert_eq!(calls("failed").await, 0.0);
}

#[tokio::test]
async fn the_delivery_of_a_message_is_timed_once_by_each_gateway_however_often_it_is_told_of() {
    let cluster = Cluster::start(&NO_RATES).await;
    Script::run("repeats", &cluster).await;
    for gateway in &cluster.gateways {
        let name = "fh_gateway_delivery_seconds_count";
        let timed = async || metric(gateway, name, &[]).await >= 2.0;
        eventually(BOUND, "both messages are delivered", timed).await;
        assert_eq!(metric(gateway, name, &[]).await, 2.0);
    }
}

#[tokio::test]
async fn each_process_knows_how_many_others_live() {
    let mut cluster = Cluster::start(&NO_RATES).await;
    let leases = async |service: &ServiceProcess| {
        let of = async |kind| metric(service, "fh_bus_leases", &[("kind", kind)]).await;
        (of("api").await, of("gateway").await)
    };
    for service in cluster.apis.iter().chain(&cluster.gateways) {
        let seen = async || leases(service).await == (2.0, 2.0);
        eventually(BOUND, "all four are seen", seen).await;
        assert!(metric(service, "process_open_fds", &[]).await > 0.0);
    }
    cluster.apis[1].kill().await;
    cluster.gateways[1].kill().await;
    for service in [&cluster.apis[0], &cluster.gateways[0]] {
        let seen = async || leases(service).await == (1.0, 1.0);
        eventually(BOUND, "two are gone", seen).await;
    }
}
