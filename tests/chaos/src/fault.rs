//! What can go wrong, by name.

use std::time::Duration;

use messaging_test_support::Signal;
use rand::{Rng, rngs::StdRng};
use tokio::time::sleep;

use crate::{
    cluster::{Cluster, Replica},
    oracle::Attempts,
    proxy::Link,
};

const DELAY: Duration = Duration::from_millis(200);
const STEP_DOWN_MS: u64 = 3_000;
/// How often answers are lost in one run.
const LOST_ANSWERS: usize = 12;

/// A kind of process.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Part {
    Gateway,
    Api,
    Primary,
    Secondary,
    Nats,
}

/// A link between processes: that of one process of the first kind to all of the second; of clients: of all of them.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Wire {
    GatewayNats,
    ApiNats,
    ApiMongod,
    ClientFront,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Fault {
    /// Nothing at all.
    Control,
    /// Killed with -9, and started again after a while.
    Kill(Part),
    /// Its clock is stopped for a while.
    Pause(Part),
    StepDown,
    Cut(Wire),
    Delay(Wire),
    /// The link between an API and NATS breaks for moments, again and again, so that commits are not answered.
    LostAnswers,
    /// All of NATS is killed and comes back without streams.
    NatsEmpty,
    /// Every gateway and API is asked to end and started anew, one after the other.
    RollingRestart,
}

/// All faults, by name.
pub(crate) const ALL: [(&str, Fault); 23] = [
    ("control", Fault::Control),
    ("kill-gateway", Fault::Kill(Part::Gateway)),
    ("kill-api", Fault::Kill(Part::Api)),
    ("kill-primary", Fault::Kill(Part::Primary)),
    ("kill-secondary", Fault::Kill(Part::Secondary)),
    ("kill-nats", Fault::Kill(Part::Nats)),
    ("pause-gateway", Fault::Pause(Part::Gateway)),
    ("pause-api", Fault::Pause(Part::Api)),
    ("pause-primary", Fault::Pause(Part::Primary)),
    ("pause-secondary", Fault::Pause(Part::Secondary)),
    ("pause-nats", Fault::Pause(Part::Nats)),
    ("step-down", Fault::StepDown),
    ("cut-gateway-nats", Fault::Cut(Wire::GatewayNats)),
    ("cut-api-nats", Fault::Cut(Wire::ApiNats)),
    ("cut-api-mongod", Fault::Cut(Wire::ApiMongod)),
    ("cut-client-front", Fault::Cut(Wire::ClientFront)),
    ("delay-gateway-nats", Fault::Delay(Wire::GatewayNats)),
    ("delay-api-nats", Fault::Delay(Wire::ApiNats)),
    ("delay-api-mongod", Fault::Delay(Wire::ApiMongod)),
    ("delay-client-front", Fault::Delay(Wire::ClientFront)),
    ("lost-answers", Fault::LostAnswers),
    ("nats-empty", Fault::NatsEmpty),
    ("rolling-restart", Fault::RollingRestart),
];

/// The fault of a name.
pub(crate) fn find(name: &str) -> Option<(&'static str, Fault)> {
    ALL.into_iter().find(|(known, _)| *known == name)
}

impl Fault {
    /// What is promised of attempts to connect while it happens: in a rolling restart there is always a gateway to come to, so
    /// one attempt may fail for each gateway that ends.
    pub(crate) fn attempts(self, cluster: &Cluster) -> Attempts {
        match self {
            Self::RollingRestart => Attempts::Most(cluster.gateways.len()),
            _ => Attempts::Any,
        }
    }

    /// Does it and puts it right again; when this returns, it is over.
    pub(crate) async fn happen(self, cluster: &mut Cluster, random: &mut StdRng) {
        match self {
            Self::Control => between(random, 2_000, 3_000).await,
            Self::Kill(part) => kill(part, cluster, random).await,
            Self::Pause(part) => pause(part, cluster, random).await,
            Self::StepDown => {
                cluster.mongo.step_down().await;
                between(random, STEP_DOWN_MS, 2 * STEP_DOWN_MS).await;
                cluster.mongo.settled().await;
            }
            Self::Cut(wire) => {
                let link = wire.link(cluster, random);
                link.cut();
                between(random, 1_000, 6_000).await;
                link.mend();
            }
            Self::Delay(wire) => {
                let link = wire.link(cluster, random);
                link.delay(DELAY);
                between(random, 3_000, 6_000).await;
                link.mend();
            }
            Self::LostAnswers => {
                for _ in 0..LOST_ANSWERS {
                    let link = Wire::ApiNats.link(cluster, random);
                    link.cut();
                    between(random, 10, 100).await;
                    link.mend();
                    between(random, 300, 900).await;
                }
            }
            Self::NatsEmpty => cluster.nats.restart_empty().await,
            Self::RollingRestart => {
                for replica in cluster.gateways.iter_mut().chain(&mut cluster.apis) {
                    // With what code it ended is the business of other tests.
                    let _in_order = replica.terminate().await;
                    replica.start_again().await;
                }
            }
        }
    }
}

impl Wire {
    fn link(self, cluster: &Cluster, random: &mut StdRng) -> Link {
        let mut one = |replicas: &[Replica]| random.random_range(0..replicas.len());
        match self {
            Self::GatewayNats => {
                let index = one(&cluster.gateways);
                cluster.gateways[index].to_nats.clone()
            }
            Self::ApiNats => cluster.apis[one(&cluster.apis)].to_nats.clone(),
            Self::ApiMongod => cluster.apis[one(&cluster.apis)].to_mongod.clone(),
            Self::ClientFront => cluster.to_front.clone(),
        }
    }
}

async fn kill(part: Part, cluster: &mut Cluster, random: &mut StdRng) {
    match part {
        Part::Gateway | Part::Api => {
            let replica = replica(part, cluster, random);
            replica.kill().await;
            between(random, 500, 4_000).await;
            replica.start_again().await;
        }
        Part::Primary | Part::Secondary => {
            let node = mongod(part, cluster, random).await;
            cluster.mongo.kill(node).await;
            between(random, 1_000, 5_000).await;
            cluster.mongo.start_again(node).await;
            cluster.mongo.settled().await;
        }
        Part::Nats => {
            let node = random.random_range(0..cluster.nats.size());
            cluster.nats.kill(node).await;
            between(random, 500, 4_000).await;
            cluster.nats.start_again(node).await;
        }
    }
}

async fn pause(part: Part, cluster: &mut Cluster, random: &mut StdRng) {
    match part {
        Part::Gateway | Part::Api => {
            let replica = replica(part, cluster, random);
            replica.signal(Signal::SIGSTOP);
            between(random, 1_000, 8_000).await;
            replica.signal(Signal::SIGCONT);
        }
        Part::Primary | Part::Secondary => {
            let node = mongod(part, cluster, random).await;
            cluster.mongo.pause(node).await;
            between(random, 1_000, 6_000).await;
            cluster.mongo.resume(node);
        }
        Part::Nats => {
            let node = random.random_range(0..cluster.nats.size());
            cluster.nats.pause(node).await;
            between(random, 1_000, 8_000).await;
            cluster.nats.resume(node);
        }
    }
}

/// One of the gateways or of the APIs.
fn replica<'a>(part: Part, cluster: &'a mut Cluster, random: &mut StdRng) -> &'a mut Replica {
    let replicas = match part {
        Part::Gateway => &mut cluster.gateways,
        _ => &mut cluster.apis,
    };
    let index = random.random_range(0..replicas.len());
    &mut replicas[index]
}

async fn mongod(part: Part, cluster: &Cluster, random: &mut StdRng) -> usize {
    let primary = cluster.mongo.primary().await;
    let further = random.random_range(1..cluster.mongo.size());
    match part {
        Part::Primary => primary,
        _ => (primary + further) % cluster.mongo.size(),
    }
}

/// A while of a fault, whose length is part of it.
async fn between(random: &mut StdRng, low_ms: u64, high_ms: u64) {
    sleep(Duration::from_millis(random.random_range(low_ms..high_ms))).await;
}
