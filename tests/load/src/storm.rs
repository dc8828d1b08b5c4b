use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use hdrhistogram::Histogram;
use serde_json::json;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::chat::{self, Load, Plan};
use crate::cluster::{Cluster, processor};
use crate::fleet::{self, Arrival, Fleet, Return};
use crate::report;

/// How long the background chat is measured alone, before the storm.
const WARM_UP: Duration = Duration::from_secs(5);

/// All connections are cut at once and come back at once, while others chat
#[derive(Args)]
pub(crate) struct Arguments {
    /// Connections that are cut
    #[arg(long, default_value_t = 10_000)]
    connections: usize,
    /// Conversations of those who chat meanwhile
    #[arg(long, default_value_t = 32)]
    conversations: usize,
    /// Messages a second, of all of these together
    #[arg(long, default_value_t = 50)]
    rate: u32,
    /// They join anew, instead of having the state of their connection recovered
    #[arg(long)]
    anew: bool,
}

/// Measures and prints; false if the chat was harmed.
pub(crate) async fn run(arguments: &Arguments) -> bool {
    let cluster = Arc::new(Cluster::start().await);
    let pairs = fleet::conversations(&cluster, "storm", arguments.connections.div_ceil(2)).await;
    let way = if arguments.anew {
        Return::Anew
    } else {
        Return::Recovered
    };
    let mut fleet = Fleet::connect(&pairs, &cluster.gateways(), way).await;
    let plan = Plan {
        name: "background",
        load: Load::Open {
            per_second: arguments.rate,
        },
        conversations: arguments.conversations,
        warm_up: WARM_UP,
        text_bytes: 200,
    };
    let (begin, begun) = oneshot::channel();
    let (end, ended) = oneshot::channel::<()>();
    let chats = Arc::clone(&cluster);
    // On threads of their own: what is measured is how they are served, and not how busy the fleet keeps us.
    let chat = tokio::task::spawn_blocking(move || {
        let runtime = Runtime::new().expect("the system has threads");
        let until = async move {
            begin.send(()).expect("it is waited for");
            ended.await.expect("somebody ends it");
        };
        runtime.block_on(chat::run(&chats, &plan, until))
    });
    begun.await.expect("the chat begins");
    let cut_at = Instant::now();
    let arrivals = fleet.cut().await;
    end.send(()).expect("the chat goes on until then");
    let chat = chat.await.expect("it does not panic");

    let count = arrivals.len();
    let mut back = Histogram::<u64>::new_with_max(600_000_000, 3).expect("valid bounds");
    for Arrival { at, .. } in &arrivals {
        back.saturating_record(chat::micros(*at - cut_at));
    }
    let failed: usize = arrivals.iter().map(|back| back.failed_attempts).sum();
    let recovered = arrivals.iter().filter(|back| back.is_recovered).count();
    println!(
        "\nstorm: {count} connections cut at once, back at the other one of 2 gateways at once; {recovered} recovered, the others joined anew"
    );
    report::print_latency("cut to joined, ms", &back);
    println!("  failed attempts       {failed:>10}");
    println!(
        "  CPU-ms for each       {:>10.3}   ours, the chat included",
        chat.usage.ours().as_secs_f64() * 1e3 / count as f64
    );
    println!(
        "  chat meanwhile: {} conversations, {} messages/s on a schedule; {} acked, {} refused, lost {}, doubled or swapped {}",
        arguments.conversations,
        arguments.rate,
        chat.acked,
        chat.refused,
        chat.lost,
        chat.out_of_order
    );
    report::print_latency("send to ack, ms", &chat.ack_micros);
    report::print_latency("send to delivery, ms", &chat.delivery_micros);
    let line = json!({
        "scenario": "storm", "connections": count, "recovered": recovered, "processor": processor(), "failedAttempts": failed,
        "backMs": report::quantiles(&back), "ackMs": report::quantiles(&chat.ack_micros),
        "deliveryMs": report::quantiles(&chat.delivery_micros),
        "acked": chat.acked, "refused": chat.refused, "lost": chat.lost, "outOfOrder": chat.out_of_order,
    });
    println!("{line}");
    chat.is_whole()
}
