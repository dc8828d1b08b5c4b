use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Deserialize;
use serde_json::json;

use crate::cluster::{Cluster, token};
use crate::fleet::{self, Pair};
use crate::socket::{Incoming, Socket};

/// The figures that the tree is held to.
const KEPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/allocations.json");

/// How much a figure may grow, as a part of itself.
const GROWTH_MAX: f64 = 0.05;

/// A figure that fell by so much is worth keeping, so that it does not grow back unseen.
const FALL_TOLD: f64 = 0.05;

/// What is done before anything is counted: caches, pools and buffers are filled by it.
const WARM_UP: usize = 100;

const CONNECTIONS: usize = 500;
const MESSAGES: usize = 1_000;
const CALLS: usize = 300;

/// What one call asks for.
const PAGE: usize = 50;
const LIST: usize = 20;

/// Holds what is allocated for each connection, message and call against the figures in the tree
#[derive(Args)]
pub(crate) struct Arguments {
    /// A messaging-standalone with the feature `allocations`
    #[arg(long)]
    binary: PathBuf,
    /// Keeps what is measured as the figures to hold to
    #[arg(long)]
    write: bool,
}

#[derive(Clone, Copy, Deserialize)]
struct Count {
    allocations: u64,
    bytes: u64,
    held: u64,
}

type Figures = BTreeMap<String, f64>;

/// Measures, prints and compares; false if a figure has grown.
///
/// One thing is done at a time, so that the same is allocated in each run: what depends on chance, as the sizes of batches do, is left
/// to the scenarios that measure time.
pub(crate) async fn run(arguments: &Arguments) -> bool {
    // Nothing but what is asked for shall allocate.
    let settings = [
        "EVENTS_PER_SECOND",
        "REQUESTS_PER_SECOND",
        "CONNECTIONS_PER_USER_MAX",
        "CANARY_INTERVAL_MS",
    ];
    let settings = settings.map(|name| (name, "0".to_owned()));
    let quiet = [("PING_INTERVAL_MS", "300000".to_owned())];
    let cluster =
        Cluster::start_process(&arguments.binary, &[&settings[..], &quiet].concat()).await;
    let mut figures = Figures::new();
    // They stay: that one has gone is told some seconds later, which would be counted as a part of something else.
    let _idle = connections(&cluster, &mut figures).await;
    let (pair, _chat) = messages(&cluster, &mut figures).await;
    calls(&cluster, &pair, &mut figures).await;
    if arguments.write {
        let text = serde_json::to_string_pretty(&figures).expect("they are numbers");
        fs::write(KEPT, text + "\n").expect("the tree can be written");
        println!("bench-check: kept {} figures", figures.len());
        return true;
    }
    let kept = fs::read_to_string(Path::new(KEPT)).expect("the figures are in the tree");
    compare(
        &figures,
        &serde_json::from_str(&kept).expect("they are numbers"),
    )
}

async fn connections(cluster: &Cluster, figures: &mut Figures) -> Vec<Socket> {
    let pairs = fleet::conversations(cluster, "check", CONNECTIONS + WARM_UP).await;
    let gateway = cluster.gateway(0);
    let mut sockets = Vec::new();
    let mut before = None;
    for (number, pair) in pairs.iter().enumerate() {
        if number == WARM_UP {
            before = Some(count(cluster).await);
        }
        let mut socket = Socket::connect(&gateway, &pair.users[0]).await;
        join(&mut socket, pair).await;
        sockets.push(socket);
    }
    let before = before.expect("it is warm by then");
    let after = count(cluster).await;
    note(figures, "connection", &before, &after, CONNECTIONS);
    let held = after.held.saturating_sub(before.held) as f64 / CONNECTIONS as f64;
    figures.insert("connection: bytes held".to_owned(), held.round());
    sockets
}

async fn join(socket: &mut Socket, pair: &Pair) {
    let data = json!({ "conversationId": pair.id });
    let ack = socket.call("join_conversation", &data).await;
    assert!(ack.contains(r#""ok":true"#), "{ack}");
}

/// One message after the other, each acked and delivered before the next.
async fn messages(cluster: &Cluster, figures: &mut Figures) -> (Pair, [Socket; 2]) {
    let pair = fleet::conversations(cluster, "check-chat", 1)
        .await
        .remove(0);
    let gateway = cluster.gateway(0);
    let mut sender = Socket::connect(&gateway, &pair.users[0]).await;
    let mut recipient = Socket::connect(&gateway, &pair.users[1]).await;
    join(&mut sender, &pair).await;
    join(&mut recipient, &pair).await;
    let mut before = None;
    for number in 0..WARM_UP + MESSAGES {
        if number == WARM_UP {
            before = Some(count(cluster).await);
        }
        let data = json!({
            "conversationId": pair.id, "content": "x".repeat(200), "clientMessageId": format!("check-{number:06}"),
        });
        let ack = sender.call("send_message", &data).await;
        assert!(ack.contains(r#""ok":true"#), "{ack}");
        while !matches!(recipient.next().await, Incoming::Event(name, _) if name == "new_message") {
        }
    }
    let before = before.expect("it is warm by then");
    note(figures, "message", &before, &count(cluster).await, MESSAGES);
    (pair, [sender, recipient])
}

async fn calls(cluster: &Cluster, pair: &Pair, figures: &mut Figures) {
    let (reader, other) = ("check-reader", "check-other");
    for number in 0..LIST {
        let contract = format!("check-list-{number}");
        cluster.put_contract(&contract, reader, other).await;
        let body = json!({ "contractId": contract, "content": "first" });
        let first = cluster
            .post("/api/messages", &token(reader, None), body)
            .await;
        first.expect("it is taken");
    }
    let history = format!(
        "/api/messages/conversations/{}/messages?limit={PAGE}",
        pair.id
    );
    let list = format!("/api/messages/conversations?limit={LIST}");
    for (name, user, path, items) in [
        ("history page", pair.users[0].as_str(), history, PAGE),
        ("conversation list", reader, list, LIST),
    ] {
        let token = token(user, None);
        let mut before = None;
        for number in 0..WARM_UP + CALLS {
            if number == WARM_UP {
                before = Some(count(cluster).await);
            }
            let page = cluster.get(&path, &token).await;
            let found = page["items"].as_array().map(Vec::len);
            assert_eq!(found, Some(items), "{name}");
        }
        let before = before.expect("it is warm by then");
        note(figures, name, &before, &count(cluster).await, CALLS);
    }
}

async fn count(cluster: &Cluster) -> Count {
    let counted = cluster.get("/allocations", "").await;
    serde_json::from_value(counted).expect("the binary has the feature allocations")
}

fn note(figures: &mut Figures, what: &str, before: &Count, after: &Count, times: usize) {
    let each = |before: u64, after: u64| (after - before) as f64 / times as f64;
    let allocations = each(before.allocations, after.allocations);
    let bytes = each(before.bytes, after.bytes);
    figures.insert(
        format!("{what}: allocations"),
        (allocations * 10.0).round() / 10.0,
    );
    figures.insert(format!("{what}: bytes allocated"), bytes.round());
}

/// Prints each figure beside the one in the tree; false if one has grown too much, or has none to be held to.
fn compare(figures: &Figures, kept: &Figures) -> bool {
    let mut is_good = true;
    println!(
        "\n{:<36}{:>12}{:>12}{:>9}",
        "for each", "kept", "measured", ""
    );
    for (name, measured) in figures {
        let Some(kept) = kept.get(name) else {
            println!("{name:<36}{:>12}{measured:>12}  is not kept", "");
            is_good = false;
            continue;
        };
        let growth = measured / kept - 1.0;
        let verdict = match growth {
            _ if growth > GROWTH_MAX => "has grown",
            _ if growth < -FALL_TOLD => "has fallen: keep it by ARGS=--write",
            _ => "",
        };
        is_good &= growth <= GROWTH_MAX;
        println!(
            "{name:<36}{kept:>12}{measured:>12}{:>+8.1}%  {verdict}",
            growth * 100.0
        );
    }
    if !is_good {
        println!("bench-check: more is allocated than the tree allows ({KEPT})");
    }
    is_good
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_may_grow_by_five_percent_and_must_be_kept() {
        let figures = |value: f64| Figures::from([("message: allocations".to_owned(), value)]);
        assert!(compare(&figures(104.9), &figures(100.0)));
        assert!(compare(&figures(50.0), &figures(100.0)));
        assert!(!compare(&figures(105.1), &figures(100.0)));
        assert!(!compare(&figures(1.0), &Figures::new()));
    }
}
