//! What one gateway takes of memory while peers do to it whatever they can, held against the bound of `docs/capacity.md`.

mod bound;
mod crowd;
mod flood;
mod half_open;
mod ports;
mod raw;
mod report;
mod slow;
mod town;

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use clap::Args;
use tokio::runtime::Runtime;

use crate::chat::{self, Load, Outcome, Plan};
use crate::cluster::{Cluster, Replicas};
use crate::memory::Memory;
use bound::{Limits, bound};
use crowd::{Crowd, Kind, Peer};
use town::Town;

/// The settings in force. They are the defaults; what is computed is computed of these.
const FRAME_BYTES_MAX: usize = 128 << 10;
const OUTBOX_BYTES_MAX: usize = 256 << 10;
const CONNECTIONS_PER_ADDRESS_MAX: usize = 700;

/// How long a crowd may take to be there, and a gateway to have forgotten one that has gone.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(60);

/// What a gateway takes of memory under slow readers, half-open connections and floods
#[derive(Args)]
pub(crate) struct Arguments {
    /// Peers that join a conversation and read nothing more
    #[arg(long, default_value_t = 500)]
    slow: usize,
    /// Peers that begin something and do not go on
    #[arg(long, default_value_t = 2_000)]
    half_open: usize,
    /// Peers that send as fast as they can
    #[arg(long, default_value_t = 20)]
    floods: usize,
    /// Messages of 10,000 characters a second in each conversation of the slow readers
    #[arg(long, default_value_t = 1.0)]
    messages_per_second: f64,
    /// Messages a second of the good pair, both together
    #[arg(long, default_value_t = 4)]
    rate: u32,
    /// Seconds of each part
    #[arg(long, default_value_t = 90)]
    seconds: u64,
}

/// One part of it, and what came of it.
struct Part {
    name: &'static str,
    base: u64,
    peak: u64,
    bound: u64,
    open_max: u64,
    crowd: Crowd,
    healthy: Outcome,
}

/// Runs all parts; false if the bound was passed or a good client was harmed.
pub(crate) async fn run(arguments: &Arguments) -> bool {
    let slow = [Kind::SlowSocketIo, Kind::SlowPlain].repeat(4);
    let slow: Vec<_> = slow.into_iter().chain([Kind::SlowPolling]).collect();
    let half_open = (0..arguments.half_open).map(|n| Kind::HALF_OPEN[n % Kind::HALF_OPEN.len()]);
    let half_open: Vec<_> = half_open.collect();
    let mut is_good = run_part("slow", (&slow, arguments.slow), &half_open, arguments).await;
    is_good &= run_part("floods", (&Kind::FLOODS, arguments.floods), &[], arguments).await;
    let cluster = Cluster::start_with(Replicas::ONE, &settings()).await;
    let (gateway, _) = cluster.only_gateway();
    is_good &= report::crowded_address(gateway, CONNECTIONS_PER_ADDRESS_MAX).await;
    is_good & ports::run(&cluster, gateway).await
}

/// Runs one part on a gateway of its own, as memory that was used once is not all given back.
async fn run_part(
    name: &'static str,
    (joined, count): (&[Kind], usize),
    others: &[Kind],
    arguments: &Arguments,
) -> bool {
    let cluster = Arc::new(Cluster::start_with(Replicas::ONE, &settings()).await);
    let (gateway, pid) = cluster.only_gateway();
    let memory = Memory::of(pid);
    let base = memory.resident();
    let town = Town::build(&cluster, count.div_ceil(Town::SEATS)).await;
    let joined = joined.iter().copied().cycle().zip(town.seats()).take(count);
    let joined = joined.map(|(kind, seat)| (kind, Some(seat)));
    let others = others.iter().map(|kind| (*kind, None));
    let crowd = gather(gateway, joined.chain(others));
    let part = Part::run(name, base, crowd, &town, &cluster, &memory, arguments).await;
    let is_good = report::part(&part, &gateway).await;
    drop(part);
    report::forgotten(&gateway, &memory, SETTLE_TIMEOUT).await;
    is_good
}

fn settings() -> Vec<(&'static str, String)> {
    vec![
        ("FRAME_BYTES_MAX", FRAME_BYTES_MAX.to_string()),
        ("OUTBOX_BYTES_MAX", OUTBOX_BYTES_MAX.to_string()),
        (
            "TCP_CONNECTIONS_PER_ADDRESS_MAX",
            CONNECTIONS_PER_ADDRESS_MAX.to_string(),
        ),
        // Of those who only fill the conversations.
        ("REQUESTS_PER_SECOND", "0".to_owned()),
    ]
}

fn gather(
    gateway: std::net::SocketAddr,
    peers: impl Iterator<Item = (Kind, Option<crowd::Seat>)>,
) -> Crowd {
    /// More than one, as the gateway lets only so many connect from each.
    const SOURCES: [u8; 8] = [1, 2, 3, 4, 5, 6, 7, 8];
    let mut crowd = Crowd::new();
    for ((kind, seat), source) in peers.zip(SOURCES.into_iter().cycle()) {
        crowd.add(Peer {
            kind,
            gateway,
            source: Ipv4Addr::new(127, 0, 1, source),
            seat,
            frame_bytes_max: FRAME_BYTES_MAX,
        });
    }
    crowd
}

impl Part {
    async fn run(
        name: &'static str,
        base: u64,
        crowd: Crowd,
        town: &Town,
        cluster: &Arc<Cluster>,
        memory: &Memory,
        arguments: &Arguments,
    ) -> Self {
        memory.take_peak();
        let open_max = AtomicU64::new(0);
        let plan = Plan {
            name,
            load: Load::Open {
                per_second: arguments.rate,
            },
            conversations: 1,
            warm_up: Duration::from_secs(1),
            text_bytes: 200,
        };
        let (chats, time) = (Arc::clone(cluster), Duration::from_secs(arguments.seconds));
        // On threads of their own: what is measured is how the gateway serves them, and not how busy the crowd keeps us.
        let healthy = tokio::task::spawn_blocking(move || {
            let runtime = Runtime::new().expect("the system has threads");
            runtime.block_on(chat::run(&chats, &plan, tokio::time::sleep(time)))
        });
        let healthy = tokio::select! {
            healthy = healthy => healthy.expect("it does not panic"),
            () = memory.watch() => unreachable!("it looks for ever"),
            () = count_open(&crowd, &open_max) => unreachable!("it counts for ever"),
            () = town.talk(cluster, arguments.messages_per_second) => unreachable!("it talks for ever"),
        };
        Self {
            name,
            base,
            peak: memory.take_peak(),
            bound: bound(base, held(&crowd, town)),
            open_max: open_max.into_inner(),
            crowd,
            healthy,
        }
    }

    fn is_good(&self) -> bool {
        let outlived = |(kind, tally): &(Kind, Arc<crowd::Tally>)| {
            !kind.is_joined() && tally.outlived.load(Ordering::Relaxed) > 0
        };
        self.peak <= self.bound
            && self.healthy.is_whole()
            && !self.crowd.tallies().iter().any(outlived)
    }
}

/// What peers and the conversations that they are in can make a gateway hold.
fn held(crowd: &Crowd, town: &Town) -> u64 {
    let limits = Limits {
        frame_bytes_max: FRAME_BYTES_MAX as u64,
        outbox_bytes_max: OUTBOX_BYTES_MAX as u64,
        joined: 1,
    };
    let tallies = crowd.tallies().iter();
    let peers = tallies.map(|(kind, tally)| tally.peers.load(Ordering::Relaxed) * limits.of(*kind));
    let peers: u64 = peers.sum();
    // The good ones, too, are two users in a conversation.
    let conversations = town.conversations() + 1;
    let good = 2 * limits.of(Kind::FloodOfEvents);
    peers + good + conversations * (Limits::room() + 2 * Limits::user())
}

async fn count_open(crowd: &Crowd, open_max: &AtomicU64) {
    let mut ticks = tokio::time::interval(Duration::from_millis(100));
    loop {
        ticks.tick().await;
        open_max.fetch_max(crowd.open(), Ordering::Relaxed);
    }
}
