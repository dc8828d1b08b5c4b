use std::time::Duration;

use messaging_test_support::{
    MongoServer, NatsServer, ServiceProcess, Signal, TcpProxy, eventually,
};

use crate::support::{Cluster, NO_RATES, Script, health, metric, ready};

const BOUND: Duration = Duration::from_secs(20);

/// How many messages a gateway was given by clients and could not have stored.
async fn failed_sends(gateway: &ServiceProcess) -> f64 {
    let labels = [("event", "send_message"), ("outcome", "failed")];
    metric(gateway, "fh_gateway_event_seconds_count", &labels).await
}

#[tokio::test]
async fn what_was_acked_survives_the_death_of_an_api_replica() {
    let mut cluster = Cluster::start(&NO_RATES).await;
    Script::run_with(
        "api_killed",
        &mut cluster,
        async |question, cluster| match question {
            "kill api 0" => cluster.apis[0].kill().await,
            other => panic!("nobody can {other}"),
        },
    )
    .await;
}

#[tokio::test]
async fn while_nats_is_down_nothing_is_acked_falsely_and_afterwards_everything_arrives() {
    let (mongo, nats) = tokio::join!(MongoServer::shared(), NatsServer::start());
    let mut cluster = Cluster::start_on(&mongo.uri(), &nats.url(), &NO_RATES).await;
    Script::run_with(
        "nats_stopped",
        &mut cluster,
        async |question, _| match question {
            "stop nats" => nats.stop().await,
            "start nats" => nats.start_again().await,
            "restart nats empty" => nats.restart_empty().await,
            other => panic!("nobody can {other}"),
        },
    )
    .await;
    for gateway in &cluster.gateways {
        assert!(failed_sends(gateway).await >= 1.0, "they are our fault");
    }
}

#[tokio::test]
async fn whose_link_to_nats_alone_breaks_misses_nothing_and_tells_everything_once_it_is_mended() {
    let (mongo, nats) = tokio::join!(MongoServer::shared(), NatsServer::shared());
    let upstream = nats.address();
    let (api, gateway) = tokio::join!(TcpProxy::start(upstream), TcpProxy::start(upstream));
    let direct = nats.url();
    let [to_api, to_gateway] = [&api, &gateway].map(|proxy| format!("nats://{}", proxy.address()));
    let urls = [&*to_api, &*direct, &*direct, &*to_gateway];
    let settings = [NO_RATES[0], NO_RATES[1], ("PRESENCE_GRACE_MS", "1000")];
    let mut cluster = Cluster::launch(&mongo.uri(), urls, &settings).await;
    cluster.ready().await;
    Script::run_with(
        "link_cut 1000",
        &mut cluster,
        async |question, _| match question {
            "cut the link of api 0" => api.cut(),
            "mend the link of api 0" => api.mend(),
            "cut the link of gateway 1" => gateway.cut(),
            "mend the link of gateway 1" => gateway.mend(),
            other => panic!("nobody can {other}"),
        },
    )
    .await;
}

#[tokio::test]
async fn presence_is_right_after_a_gateway_stood_still_and_after_nats_was_away() {
    let (mongo, nats) = tokio::join!(MongoServer::shared(), NatsServer::start());
    let settings = [("PRESENCE_GRACE_MS", "1000")];
    let mut cluster = Cluster::start_on(&mongo.uri(), &nats.url(), &settings).await;
    with_presence_faults(&mut cluster, &nats).await;
}

/// Lets gateways stand still and die, and NATS be away, while users look at who is there. The cluster's grace is a second.
pub(crate) async fn with_presence_faults(cluster: &mut Cluster, nats: &NatsServer) {
    Script::run_with(
        "presence_faults 1000",
        cluster,
        async |question, cluster| match question {
            "pause gateway 1" => cluster.gateways[1].signal(Signal::SIGSTOP),
            "resume gateway 1" => cluster.gateways[1].signal(Signal::SIGCONT),
            "kill gateway 1" => cluster.gateways[1].kill().await,
            "stop nats" => nats.stop().await,
            "start nats" => nats.start_again().await,
            other => panic!("nobody can {other}"),
        },
    )
    .await;
}

#[tokio::test]
async fn who_comes_back_from_a_gateway_that_died_is_not_told_of_as_if_he_came() {
    let mut cluster = Cluster::start(&[("PRESENCE_GRACE_MS", "8000")]).await;
    Script::run_with(
        "presence_return 8000",
        &mut cluster,
        async |question, cluster| match question {
            "kill gateway 1" => cluster.gateways[1].kill().await,
            other => panic!("nobody can {other}"),
        },
    )
    .await;
}

#[tokio::test]
async fn while_mongodb_stands_still_nothing_is_acked_falsely_and_afterwards_all_is_well() {
    let (mongo, nats) = tokio::join!(MongoServer::start(), NatsServer::shared());
    let mut cluster = Cluster::start_on(&mongo.uri(), &nats.url(), &NO_RATES).await;
    Script::run_with(
        "mongodb_paused",
        &mut cluster,
        async |question, _| match question {
            "pause mongodb" => mongo.pause().await,
            "resume mongodb" => mongo.resume(),
            other => panic!("nobody can {other}"),
        },
    )
    .await;
    let mut sends = 0.0;
    for gateway in &cluster.gateways {
        sends += failed_sends(gateway).await;
    }
    let (mut calls, mut timeouts) = (0.0, 0.0);
    for api in &cluster.apis {
        let failed = [("outcome", "failed")];
        calls += metric(api, "fh_api_request_seconds_count", &failed).await;
        timeouts += metric(api, "fh_store_errors_total", &[("kind", "timeout")]).await;
    }
    let least = f64::min(sends, f64::min(calls, timeouts));
    assert!(
        least >= 1.0,
        "{sends} sends, {calls} calls, {timeouts} timeouts"
    );
}

#[tokio::test]
async fn a_gateway_and_an_api_replica_that_are_asked_to_end_let_their_clients_move() {
    let settings = [NO_RATES[0], NO_RATES[1], ("DRAIN_SECONDS", "3")];
    let mut cluster = Cluster::start(&settings).await;
    Script::run_with(
        "drain",
        &mut cluster,
        async |question, cluster| match question {
            "end gateway 0" => cluster.gateways[0].signal(Signal::SIGTERM),
            "end api 0" => cluster.apis[0].signal(Signal::SIGTERM),
            "see the end of gateway 0" => assert_eq!(cluster.gateways[0].exited().await, 0),
            "see the end of api 0" => assert_eq!(cluster.apis[0].exited().await, 0),
            other => panic!("nobody can {other}"),
        },
    )
    .await;
}

#[tokio::test]
async fn a_rollout_refuses_nobody_and_loses_nothing_though_the_front_hears_late_of_ends() {
    let settings = [
        NO_RATES[0],
        NO_RATES[1],
        ("CONNECTIONS_PER_USER_MAX", "0"),
        ("DRAIN_SECONDS", "6"),
    ];
    let mut cluster = Cluster::start(&settings).await;
    // The gateways of the old release, and those of the new one.
    cluster.have_gateways(6).await;
    Script::run_with("rollout", &mut cluster, async |question, cluster| {
        let (act, place) = question.rsplit_once(' ').expect("an act and a place");
        let gateway = &mut cluster.gateways[place.parse::<usize>().expect("a place")];
        match act {
            "end gateway" => gateway.signal(Signal::SIGTERM),
            "see the end of gateway" => assert_eq!(gateway.exited().await, 0),
            other => panic!("nobody can {other}"),
        }
    })
    .await;
}

#[tokio::test]
async fn services_that_start_before_mongodb_and_nats_are_live_and_become_ready() {
    let (mongo, nats) = tokio::join!(MongoServer::start(), NatsServer::start());
    tokio::join!(mongo.stop(), nats.stop());
    let cluster = Cluster::launch(&mongo.uri(), [&nats.url(); 4], &[]).await;
    let services: Vec<&ServiceProcess> = cluster.apis.iter().chain(&cluster.gateways).collect();
    for service in &services {
        assert_eq!(
            health(service, "live").await,
            Some(200),
            "{}",
            service.url()
        );
        assert_eq!(
            health(service, "ready").await,
            Some(503),
            "{}",
            service.url()
        );
    }
    nats.start_again().await;
    for gateway in &cluster.gateways {
        ready(gateway).await;
    }
    for api in &cluster.apis {
        assert_eq!(
            health(api, "ready").await,
            Some(503),
            "{} has no MongoDB",
            api.url()
        );
    }
    mongo.start_again().await;
    for service in &services {
        ready(service).await;
    }
    Script::run("exchange", &cluster).await;
    nats.stop().await;
    for service in &services {
        let what = format!("{} is not ready without NATS", service.url());
        eventually(BOUND, &what, async || {
            health(service, "ready").await == Some(503)
        })
        .await;
        assert_eq!(
            health(service, "live").await,
            Some(200),
            "{}",
            service.url()
        );
    }
}
