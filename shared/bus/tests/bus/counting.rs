use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt;
use messaging_bus::presence::{Lease, LeaseKind, LeaseTable, PresenceBucket};
use messaging_bus::{Route, serve_commands};
use messaging_lifecycle::Tasks;
use messaging_test_support::{NatsServer, eventually, unique_prefix};
use prometheus::Registry;

use super::requests::Echo;
use super::{BOUND, connect, connect_counted, instance, metric};

const REQUESTS: &str = "fh_bus_requests_total";
const LEASES: &str = "fh_bus_leases";
const RENEWALS: &str = "fh_bus_lease_renewals_total";
const EVENTS: &str = "fh_bus_connection_events_total";

#[tokio::test]
async fn requests_are_counted_by_what_came_of_them() {
    let nats = NatsServer::shared().await;
    let (prefix, registry) = (unique_prefix(), Registry::new());
    let gateway = connect_counted(&nats.url(), &prefix, &registry).await;
    let counts =
        || ["ok", "unserved", "abandoned"].map(|outcome| metric(&registry, REQUESTS, outcome));
    assert_eq!(counts(), [Some(0.0), Some(0.0), None]);
    assert!(gateway.request("send", Bytes::new(), BOUND).await.is_err());
    assert_eq!(counts(), [Some(0.0), Some(1.0), None]);
    let (api, tasks) = (connect(&nats.url(), &prefix).await, Tasks::new());
    let replica = Route::of(&instance("replica"));
    serve_commands(&api, &replica, Arc::new(Echo), &tasks)
        .await
        .expect("NATS takes it");
    let is_served = async || gateway.request("ping", Bytes::new(), BOUND).await.is_ok();
    eventually(BOUND, "the command is served", is_served).await;
    assert_eq!(counts()[0], Some(1.0));
    // Who asks may have no time left for the answer, which nothing can bring before this test lets go.
    let asked = gateway.request("ping", Bytes::new(), BOUND);
    assert!(asked.now_or_never().is_none());
    assert_eq!(counts()[2], Some(1.0));
    tasks.stop(BOUND).await.expect("the commands end");
}

#[tokio::test]
async fn leases_are_counted_while_they_live_and_renewals_by_how_they_ended() {
    let nats = NatsServer::start().await;
    let registry = Registry::new();
    let bus = connect_counted(&nats.url(), &unique_prefix(), &registry).await;
    let (bucket, dying, tasks) = (PresenceBucket::new(&bus), Tasks::new(), Tasks::new());
    let dead = Lease::keep(&bucket, LeaseKind::Gateway, &instance("dying"), &dying);
    let _gateway = Lease::keep(&bucket, LeaseKind::Gateway, &instance("living"), &tasks);
    let _api = Lease::keep(&bucket, LeaseKind::Api, &instance("api"), &tasks);
    let (_table, _deaths) = LeaseTable::follow(&bucket, &tasks);
    let counts = || ["gateway", "api"].map(|kind| metric(&registry, LEASES, kind));
    let all = [Some(2.0), Some(1.0)];
    eventually(BOUND, "all live", async || counts() == all).await;
    assert_eq!(metric(&registry, RENEWALS, "revived"), Some(3.0));
    let renewed = async || metric(&registry, RENEWALS, "renewed") > Some(3.0);
    eventually(BOUND, "they are renewed", renewed).await;
    dying.stop(BOUND).await.expect("it ends");
    dead.release().await;
    let rest = [Some(1.0), Some(1.0)];
    eventually(BOUND, "one is gone", async || counts() == rest).await;
    let failed = metric(&registry, RENEWALS, "failed");
    nats.stop().await;
    let fails = async || metric(&registry, RENEWALS, "failed") > failed;
    eventually(BOUND, "they cannot be renewed", fails).await;
    assert_eq!(metric(&registry, EVENTS, "disconnected"), Some(1.0));
    nats.start_again().await;
    let lives = async || metric(&registry, RENEWALS, "revived") >= Some(5.0);
    eventually(BOUND, "they live again", lives).await;
    tasks.stop(BOUND).await.expect("the tasks end");
}
