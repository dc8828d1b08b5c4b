use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::json;
use tokio::io::AsyncReadExt;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use super::Part;
use super::raw::Raw;
use crate::memory::Memory;

/// How long a connection over the limit of its address may live.
const REFUSED_WITHIN: Duration = Duration::from_secs(3);

/// Prints what a part came to; false if it is not as it must be.
pub(super) async fn part(part: &Part, gateway: &SocketAddr) -> bool {
    println!(
        "\n{}: {} peers, up to {} of them open at a time; 1 messaging-gateway, 1 messaging-api, {} cores",
        part.name,
        part.crowd.peers(),
        part.open_max,
        crate::cores()
    );
    println!("  peers that                  there are   ended   failed   outlived their time");
    for (kind, tally) in part.crowd.tallies() {
        let [peers, ended, failed, outlived] =
            [&tally.peers, &tally.ended, &tally.failed, &tally.outlived]
                .map(|count| count.load(Ordering::Relaxed));
        println!("    {kind:<24?}{peers:>11}{ended:>9}{failed:>9}{outlived:>11}");
    }
    println!(
        "  resident memory: {} without clients, {} at its peak; the bound is {} ({:.0} %)",
        mib(part.base),
        mib(part.peak),
        mib(part.bound),
        100.0 * part.peak as f64 / part.bound as f64
    );
    let closed = counts(gateway, "fh_gateway_closed_links_total").await;
    println!("  links closed so far, by reason:");
    for (reason, count) in &closed {
        println!("    {reason:<24}{count:>11}");
    }
    let healthy = &part.healthy;
    let micros = &healthy.delivery_micros;
    let ms = |quantile: f64| micros.value_at_quantile(quantile) as f64 / 1000.0;
    println!(
        "  a good pair beside them: {} acked, {} refused, {} lost, {} doubled or swapped; send to delivery {:.2} ms p50, {:.2} p99, {:.2} max",
        healthy.acked,
        healthy.refused,
        healthy.lost,
        healthy.out_of_order,
        ms(0.5),
        ms(0.99),
        micros.max() as f64 / 1000.0
    );
    let is_good = part.is_good();
    let line = json!({
        "scenario": "hostile", "part": part.name, "peers": part.crowd.peers(), "openMax": part.open_max,
        "baseBytes": part.base, "peakBytes": part.peak, "boundBytes": part.bound, "closed": closed.into_iter().collect::<std::collections::BTreeMap<_, _>>(),
        "acked": healthy.acked, "refused": healthy.refused, "lost": healthy.lost, "outOfOrder": healthy.out_of_order,
        "deliveryMs": { "p50": ms(0.5), "p99": ms(0.99), "max": micros.max() as f64 / 1000.0 }, "isGood": is_good,
    });
    println!("{line}");
    is_good
}

/// Waits until the gateway has let go of all who have left, and prints what it still takes.
pub(super) async fn forgotten(gateway: &SocketAddr, memory: &Memory, within: Duration) {
    let begun = Instant::now();
    while links(gateway).await > 0.0 && begun.elapsed() < within {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    println!(
        "  all gone after {:.1} s: {}",
        begun.elapsed().as_secs_f64(),
        mib(memory.resident())
    );
}

/// Opens more connections from one address than it may have, and sees the rest of them refused; false if they are not.
pub(super) async fn crowded_address(gateway: SocketAddr, limit: usize) -> bool {
    const TOO_MANY: usize = 200;
    const SOURCE: Ipv4Addr = Ipv4Addr::new(127, 0, 3, 1);
    let mut connections = JoinSet::new();
    for _ in 0..limit + TOO_MANY {
        connections.spawn(is_refused(gateway, SOURCE));
    }
    let refused = connections.join_all().await;
    let refused = refused.into_iter().filter(|refused| *refused).count();
    println!(
        "\nof {} connections from one address, which may have {limit}, {refused} were refused",
        limit + TOO_MANY
    );
    refused == TOO_MANY
}

async fn is_refused(gateway: SocketAddr, source: Ipv4Addr) -> bool {
    let until = Instant::now() + REFUSED_WITHIN;
    let hung_up = async {
        let mut raw = Raw::open(gateway, source).await?;
        raw.stream.read_u8().await
    };
    let refused: Result<io::Result<u8>, _> = timeout(REFUSED_WITHIN, hung_up).await;
    // None leaves before all have come.
    tokio::time::sleep_until(until).await;
    refused.is_ok()
}

async fn links(gateway: &SocketAddr) -> f64 {
    let links = counts(gateway, "fh_gateway_links").await;
    links.iter().map(|(_, links)| links).sum()
}

/// The values of a metric, each with that of its label.
async fn counts(gateway: &SocketAddr, name: &str) -> Vec<(String, f64)> {
    let url = format!("http://{gateway}/metrics");
    let read = move || ureq::get(&url).call()?.body_mut().read_to_string();
    let text = tokio::task::spawn_blocking(read).await;
    let text = text
        .expect("it does not panic")
        .expect("the gateway answers");
    let lines = text.lines().filter_map(|line| line.strip_prefix(name));
    lines
        .filter_map(|line| {
            let (label, value) = line.rsplit_once(' ')?;
            let label = label.split('"').nth(1).unwrap_or_default();
            Some((label.to_owned(), value.parse().ok()?))
        })
        .collect()
}

fn mib(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / 1_048_576.0)
}
