//! A seeded simulation of sessions that several gateways share: a client polls and posts through any of them, moves to a WebSocket
//! at any of them, breaks off and comes again; messages between the gateways come late, out of order or never; gateways stop, die
//! and are cut off. The client must see each message once and in order, its events must take effect once and in order, and of
//! whatever cannot go on it must hear: nothing hangs, and nothing is left behind.
//!
//! All of it is the code of the gateway, from HTTP down to the network and the records, which are in memory. Time is paused, so the
//! seconds of a session pass at once. `HAND_OVER_SEED=7 cargo test -p messaging-gateway simulation::` plays one seed, and tells it.

mod alarm;
mod application;
mod attempt;
mod client;
mod gateway;
mod hearing;
mod network;
mod records;
mod socket;
mod takeover;
mod world;

pub(crate) use network::Port;

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use prometheus::Registry;
use tokio::time::{sleep, timeout};

use self::alarm::watched;
use self::client::Client;
use self::gateway::Gateway;
use self::network::{Network, Weather};
use self::world::{Counts, World};
use crate::connection::SocketMetrics;

const SEEDS: u64 = 800;
const SEEDS_TWICE: u64 = 20;
const GATEWAYS: usize = 3;

/// How long things go wrong.
const TROUBLE: Duration = Duration::from_secs(5);

/// How long it may take afterwards until the client has everything: it may not have noticed the last trouble yet.
const SETTLED_WITHIN: Duration = Duration::from_secs(300);

/// How long a gateway may remember a client that is gone.
const FORGOTTEN_WITHIN: Duration = Duration::from_secs(90);

/// What one seed comes to.
struct Outcome {
    counts: Counts,
    fault: Option<String>,
    trace: Vec<String>,
}

#[test]
fn a_session_is_served_by_one_gateway_at_a_time_and_loses_nothing_or_ends() {
    if let Some(seed) = chosen_seed() {
        let outcome = play(seed, true);
        println!("{}\n{:?}", outcome.trace.join("\n"), outcome.counts);
        assert_eq!(outcome.fault, None, "seed {seed}");
        return;
    }
    let next = AtomicU64::new(0);
    let total = Mutex::new((Counts::default(), Vec::new()));
    std::thread::scope(|threads| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            threads.spawn(|| {
                while let seed = next.fetch_add(1, Ordering::Relaxed)
                    && seed < SEEDS
                {
                    let outcome = play(seed, false);
                    let (counts, faults) = &mut *total.lock();
                    counts.add(&outcome.counts);
                    faults.extend(outcome.fault.map(|fault| (seed, fault)));
                }
            });
        }
    });
    let (counts, mut faults) = total.into_inner();
    faults.sort_unstable();
    let faults: Vec<_> = faults
        .iter()
        .map(|(seed, fault)| format!("HAND_OVER_SEED={seed}: {fault}"))
        .collect();
    let count = faults.len();
    assert_eq!(count, 0, "{count} of {SEEDS}:\n{}", faults.join("\n"));
    println!("{counts:?}");
    let seen = [counts.moved, counts.recovered, counts.deaths, counts.failed];
    assert!(
        seen.iter().all(|count| *count > SEEDS / 20),
        "most worlds are harmless: {counts:?}"
    );
}

#[test]
fn a_seed_plays_the_same_each_time() {
    for seed in 0..SEEDS_TWICE {
        assert_eq!(
            play(seed, true).trace,
            play(seed, true).trace,
            "seed {seed}"
        );
    }
}

fn chosen_seed() -> Option<u64> {
    #[expect(
        clippy::disallowed_methods,
        reason = "which seed is looked at is no setting of anything"
    )]
    let seed = std::env::var("HAND_OVER_SEED").ok()?;
    Some(seed.parse().expect("HAND_OVER_SEED is a number"))
}

fn play(seed: u64, tells: bool) -> Outcome {
    let (mut outcome, error) = watched(|| Paused::run(live(seed, tells)));
    outcome.fault = outcome.fault.or(error);
    outcome
}

/// A runtime in which time passes only when nothing else can be done.
struct Paused;

impl Paused {
    fn run<F: Future>(future: F) -> F::Output {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build();
        runtime.expect("a runtime").block_on(future)
    }
}

async fn live(seed: u64, tells: bool) -> Outcome {
    let network = Network::new(seed, weather(seed));
    let world = World::new(seed, Arc::clone(&network), tells);
    let metrics = SocketMetrics::register(&Registry::new()).expect("an empty registry");
    let metrics = Arc::new(metrics);
    let mut gateways = Vec::new();
    for number in 0..GATEWAYS {
        gateways.push(Rc::new(Gateway::start(number, &world, &metrics).await));
    }
    let client = Rc::new(Client::new(&world, &gateways));
    let trouble = async {
        make_trouble(&world, &gateways).await;
        world.settle();
    };
    let lived = timeout(TROUBLE + SETTLED_WITHIN, async {
        tokio::join!(trouble, client.live())
    });
    if lived.await.is_err() {
        world.fault("the client never has everything".to_owned());
    }
    wind_down(&world, &gateways, &metrics).await;
    let dead = |gateway: &usize| world.is_dead(*gateway);
    let deaths = (0..GATEWAYS).filter(dead).count() as u64;
    let failed = metrics.failed_moves();
    world.count(|counts| {
        counts.deaths += deaths;
        counts.failed += failed;
    });
    network.dissolve();
    Outcome {
        counts: world.counts(),
        fault: world.take_fault(),
        trace: world.trace(),
    }
}

/// A third of the worlds have a network without fault.
fn weather(seed: u64) -> Weather {
    let is_bad = !seed.is_multiple_of(3);
    Weather {
        loss: if is_bad { 0.03 } else { 0.0 },
        lateness: if is_bad { 0.05 } else { 0.0 },
        delay_ms_max: if seed.is_multiple_of(2) { 10 } else { 100 },
    }
}

/// Stores and notifies all the time, and lets a gateway die, stop or be cut off in some of the worlds.
async fn make_trouble(world: &Arc<World>, gateways: &[Rc<Gateway>]) {
    let talk = async {
        loop {
            sleep(world.millis(0..600)).await;
            if world.chance(0.7) {
                world.store();
            } else {
                world.notify();
            }
        }
    };
    let harm = async {
        let victim = world.number(0..GATEWAYS as u64) as usize;
        if world.chance(0.3) {
            let steps = world.number(0..80) as usize;
            world.network.doom(victim, steps);
        }
        loop {
            sleep(world.millis(0..4_000)).await;
            match world.number(0..6) {
                0 if !world.is_dead(victim) => world.kill(victim),
                1 => gateways[victim].drain(),
                2 => {
                    let other = world.number(0..GATEWAYS as u64) as usize;
                    world.tell(|| format!("gateway {other} is cut off"));
                    world.network.cut_off(other);
                    sleep(world.millis(0..5_000)).await;
                    world.network.connect_again(other);
                }
                _ => {}
            }
        }
    };
    let both = async { tokio::join!(talk, harm) };
    let _over = timeout(TROUBLE, both).await;
    for gateway in 0..GATEWAYS {
        world.network.connect_again(gateway);
    }
}

/// Waits until nothing is left of the client anywhere, and ends everything.
async fn wind_down(world: &World, gateways: &[Rc<Gateway>], metrics: &SocketMetrics) {
    let left = || {
        let mut left: Vec<_> = gateways.iter().map(|one| one.leftovers()).collect();
        left.push(vec![("links", metrics.link_count())]);
        left.push(vec![("open polls", metrics.open_polls.get() as usize)]);
        for left in &mut left {
            left.retain(|(_, count)| *count > 0);
        }
        left.iter().any(|left| !left.is_empty()).then_some(left)
    };
    let forgotten = timeout(FORGOTTEN_WITHIN, async {
        // A look at everything is long compared with all else, and in vain as long as there is a link.
        while metrics.link_count() > 0 || left().is_some() {
            sleep(Duration::from_secs(1)).await;
        }
    });
    if forgotten.await.is_err() {
        world.fault(format!("there is something left: {:?}", left()));
    }
    for gateway in gateways {
        if !gateway.stop(Duration::from_secs(30)).await {
            world.fault(format!("tasks of gateway {} do not end", gateway.number()));
        }
    }
    let _gone = world.network.wires().stop(Duration::from_secs(600)).await;
}
