use std::time::Duration;

use clap::Args;
use serde_json::json;
use tokio::time::Instant;

use crate::cluster::{Cluster, processor};
use crate::fleet::{self, Fleet, Return};
use crate::usage::{self, Usage};

/// Between the last connection and the measurement.
const SETTLE_TIME: Duration = Duration::from_secs(5);

/// What connections cost that only stay: memory and CPU of each, and CPU to connect
#[derive(Args)]
pub(crate) struct Arguments {
    /// Connections over both gateways
    #[arg(long, default_value_t = 15_000)]
    connections: usize,
    /// Seconds in which they stay
    #[arg(long, default_value_t = 50)]
    seconds: u64,
}

/// Measures and prints; false if a connection was lost.
pub(crate) async fn run(arguments: &Arguments) -> bool {
    let cluster = Cluster::start().await;
    let pairs = fleet::conversations(&cluster, "idle", arguments.connections.div_ceil(2)).await;
    let (memory_before, before) = (usage::resident(), Usage::now());
    let begun = Instant::now();
    let mut fleet = Fleet::connect(&pairs, &cluster.gateways(), Return::Anew).await;
    let (time, connecting) = (begun.elapsed(), Usage::now().since(&before));
    tokio::time::sleep(SETTLE_TIME).await;
    let memory = usage::resident();
    let before = Usage::now();
    let stay = Duration::from_secs(arguments.seconds);
    tokio::time::sleep(stay).await;
    let staying = Usage::now().since(&before);

    let count = fleet.len();
    println!(
        "\nidle: {count} connections over 2 gateways, each of a user of its own who has joined a conversation"
    );
    let each = |bytes: u64| bytes as f64 / 1024.0 / count as f64;
    let grown: Vec<(&str, u64)> = memory
        .iter()
        .map(|(program, bytes)| {
            let before = memory_before.get(program).copied().unwrap_or_default();
            (program.as_str(), bytes.saturating_sub(before))
        })
        .collect();
    let all = grown.iter().map(|(_, bytes)| bytes).sum();
    println!("  KiB for each          {:>10.2}   of which:", each(all));
    for (program, bytes) in &grown {
        println!("    {program:<20}{:>10.2}", each(*bytes));
    }
    let to_connect = |time: Duration| time.as_secs_f64() * 1e3 / count as f64;
    println!(
        "  CPU-ms to connect     {:>10.3}   ours, in {:.1} s, of which:",
        to_connect(connecting.ours()),
        time.as_secs_f64()
    );
    for (program, used) in connecting.programs() {
        println!("    {program:<20}{:>10.3}", to_connect(used));
    }
    let to_stay = |time: Duration| time.as_secs_f64() * 1e6 / count as f64 / stay.as_secs_f64();
    println!(
        "  CPU-µs each second    {:>10.3}   ours, of which:",
        to_stay(staying.ours())
    );
    for (program, used) in staying.programs() {
        println!("    {program:<20}{:>10.3}", to_stay(used));
    }
    let is_whole = fleet.is_whole();
    println!("  none lost: {is_whole}");
    let line = json!({
        "scenario": "idle", "connections": count, "processor": processor(), "isWhole": is_whole,
        "kibPerConnection": each(all), "kibByProgram": grown.iter().map(|(program, bytes)| ((*program).to_owned(), each(*bytes).into())).collect::<serde_json::Map<_, _>>(),
        "connectCpuMs": to_connect(connecting.ours()), "connectSeconds": time.as_secs_f64(),
        "idleCpuMicrosPerSecond": to_stay(staying.ours()),
    });
    println!("{line}");
    is_whole
}
