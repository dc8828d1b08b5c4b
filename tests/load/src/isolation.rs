use std::time::Duration;

use clap::Args;
use serde_json::json;

use crate::chat::{self, Load, Plan};
use crate::cluster::{Cluster, Replicas, processor};
use crate::fleet::{self, Fleet, Return};
use crate::usage;

/// What a gateway does while all of the traffic is at others
#[derive(Args)]
pub(crate) struct Arguments {
    /// Conversations in which as much is said as the system takes, at two other gateways
    #[arg(long, default_value_t = 128)]
    conversations: usize,
    /// Connections at the gateway that is measured, which have joined others
    #[arg(long, default_value_t = 500)]
    connections: usize,
    /// Seconds
    #[arg(long, default_value_t = 10)]
    seconds: u64,
}

/// Measures and prints; false if a message was lost, doubled or swapped.
pub(crate) async fn run(arguments: &Arguments) -> bool {
    let replicas = Replicas {
        apis: 2,
        gateways: 3,
    };
    let cluster = Cluster::start_unlimited(replicas).await;
    let pairs = fleet::conversations(&cluster, "apart", arguments.connections.div_ceil(2)).await;
    // The chat takes the first and the second.
    let apart = [cluster.gateway(2)];
    let mut fleet = Fleet::connect(&pairs, &apart, Return::Anew).await;
    let plan = Plan {
        name: "isolation",
        load: Load::Closed,
        conversations: arguments.conversations,
        warm_up: Duration::from_secs(2),
        text_bytes: 200,
    };
    let mut used = [Duration::ZERO; 3];
    let outcome = chat::run(&cluster, &plan, async {
        let of_each = || [0, 1, 2].map(|index| usage::of_process(cluster.gateway_pid(index)));
        let before = of_each();
        tokio::time::sleep(Duration::from_secs(arguments.seconds)).await;
        for ((used, after), before) in used.iter_mut().zip(of_each()).zip(before) {
            *used = after.saturating_sub(before);
        }
    })
    .await;
    let hosting = (used[0] + used[1]) / 2;
    let share = 100.0 * used[2].as_secs_f64() / hosting.as_secs_f64().max(f64::EPSILON);
    println!(
        "\nisolation: {} conversations at 2 gateways, {:.0} messages/s; {} connections of others at a third one",
        arguments.conversations,
        outcome.rate(),
        fleet.len()
    );
    println!(
        "  CPU of a gateway      {:>10.3} s   that hosts the traffic",
        hosting.as_secs_f64()
    );
    println!(
        "                        {:>10.3} s   that hosts none of it: {share:.2} %",
        used[2].as_secs_f64()
    );
    println!(
        "  refused {}, lost {}, doubled or swapped {}",
        outcome.refused, outcome.lost, outcome.out_of_order
    );
    let line = json!({
        "scenario": "isolation", "processor": processor(), "ackedPerSecond": outcome.rate(), "sharePercent": share,
        "refused": outcome.refused, "lost": outcome.lost, "outOfOrder": outcome.out_of_order,
    });
    println!("{line}");
    outcome.is_whole() && fleet.is_whole()
}
