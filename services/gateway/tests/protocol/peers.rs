use std::time::Duration;

use bytes::Bytes;
use messaging_bus::presence::Instance;
use messaging_bus::{Bus, BusConfig, Route};
use messaging_gateway::transport::{PeerTimes, Peers, TransportConfig};
use messaging_settings::Settings;
use messaging_test_support::{NatsServer, TcpProxy, eventually, unique_prefix};
use prometheus::Registry;

use crate::server::{Server, config};

const BOUND: Duration = Duration::from_secs(15);

/// One of several servers that share their sessions, and its link to the others.
pub(crate) struct Peer {
    pub(crate) server: Server,
    pub(crate) link: TcpProxy,
    pub(crate) bus: Bus,
    pub(crate) route: Route,
}

/// Times that a test can wait for.
pub(crate) fn impatient() -> TransportConfig {
    TransportConfig {
        peers: PeerTimes {
            slice: Duration::from_millis(100),
            gap: Duration::from_secs(1),
            rest: Duration::from_secs(1),
            take: Duration::from_secs(1),
        },
        ..config()
    }
}

/// Servers that share their sessions.
pub(crate) async fn peers<const COUNT: usize>(config: TransportConfig) -> [Peer; COUNT] {
    let nats = NatsServer::shared().await;
    let prefix = unique_prefix();
    let mut started = Vec::with_capacity(COUNT);
    for number in 0..COUNT {
        let link = TcpProxy::start(nats.address()).await;
        let bus = connect(&format!("nats://{}", link.address()), &prefix).await;
        let instance: Instance = format!("gateway-{number}").parse().expect("a name");
        let route = Route::of(&instance);
        let peers = Peers::new(bus.clone(), route);
        let server = Server::start_among(config.clone(), Some(peers)).await;
        started.push(Peer {
            server,
            link,
            bus,
            route,
        });
    }
    for one in &started {
        for other in &started {
            eventually(BOUND, "they reach each other", async || {
                let asked =
                    other
                        .bus
                        .ask_peer(&one.route, ("engine", "anything"), Bytes::new(), BOUND);
                asked.await.is_ok()
            })
            .await;
        }
    }
    started.try_into().unwrap_or_else(|_| panic!("so many"))
}

async fn connect(url: &str, prefix: &str) -> Bus {
    let mut settings = Settings::from_pairs([("NATS_SUBJECT_PREFIX", prefix)]);
    let config = BusConfig::read_at(&mut settings, url);
    let _none = settings.finish().expect("the settings are right");
    let bus = Bus::connect(&config, "test", &Registry::new())
        .await
        .expect("the options are right");
    eventually(BOUND, "NATS is connected", async || bus.is_connected()).await;
    bus
}
