//! Whoever is slow at it is shown out at every port.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::FRAME_BYTES_MAX;
use super::crowd::{Crowd, Kind, Peer, Seat};
use crate::cluster::{Cluster, token};

/// How many peers of each kind there are.
const PEERS: u64 = 20;

/// Longer than any time that a server gives a peer.
const PATIENCE: Duration = Duration::from_secs(70);

/// Lets peers that speak HTTP do what they can to each service; false if one of them was let stay.
pub(super) async fn run(cluster: &Cluster, gateway: SocketAddr) -> bool {
    let api = cluster.api_url();
    let api = api.trim_start_matches("http://").parse().expect("a port");
    let (at_api, at_gateway) = tokio::join!(
        show_out("messaging-api", api),
        show_out("messaging-gateway", gateway)
    );
    at_api & at_gateway
}

async fn show_out(service: &str, address: SocketAddr) -> bool {
    let mut crowd = Crowd::new();
    for kind in Kind::HTTP {
        for _ in 0..PEERS {
            crowd.add(Peer {
                kind,
                gateway: address,
                source: Ipv4Addr::new(127, 0, 4, 1),
                seat: (kind == Kind::SlowCall).then(|| Seat {
                    token: token("slow-caller", None),
                    conversation: String::new(),
                }),
                frame_bytes_max: FRAME_BYTES_MAX,
            });
        }
    }
    let begun = Instant::now();
    let mut shown_out = Vec::new();
    while shown_out.len() < Kind::HTTP.len() && begun.elapsed() < PATIENCE {
        sleep(Duration::from_millis(100)).await;
        for (kind, tally) in crowd.tallies() {
            let all = tally.ended.load(Ordering::Relaxed) >= PEERS;
            if all && !shown_out.contains(kind) {
                println!(
                    "{service}: all {PEERS} peers of kind {kind:?} were shown out after {:.1} s",
                    begun.elapsed().as_secs_f64()
                );
                shown_out.push(*kind);
            }
        }
    }
    shown_out.len() == Kind::HTTP.len()
}
