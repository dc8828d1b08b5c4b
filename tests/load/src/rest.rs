use std::time::{Duration, Instant};

use clap::Args;
use serde_json::{Value, json};

use crate::cluster::{Cluster, processor, token};
use crate::fleet;
use crate::usage::Usage;

/// What one call asks for, and so many conversations and messages there are at least.
const MESSAGES: usize = 50;
const CONVERSATIONS: usize = 20;
const STORED: usize = 500;
const CONTRACTS: usize = 40;

/// Pages of history and of the list of conversations, for each second of the API's CPU
#[derive(Args)]
pub(crate) struct Arguments {
    /// Clients that ask at the same time
    #[arg(long, default_value_t = 16)]
    clients: usize,
    /// Seconds of each of both
    #[arg(long, default_value_t = 8)]
    seconds: u64,
}

/// Measures and prints; false if an answer was not what was asked for.
pub(crate) async fn run(arguments: &Arguments) -> bool {
    let cluster = Cluster::start().await;
    let conversation = fill(&cluster).await;
    println!("\nrest: {} clients, one API replica", arguments.clients);
    let history = format!("/api/messages/conversations/{conversation}/messages?limit={MESSAGES}");
    let list = format!("/api/messages/conversations?limit={CONVERSATIONS}");
    let mut is_good = true;
    for (name, path, items) in [
        ("history", history, MESSAGES),
        ("conversations", list, CONVERSATIONS),
    ] {
        is_good &= measure(&cluster, arguments, name, &path, items).await;
    }
    is_good
}

/// One user with many conversations, and a long one among them.
async fn fill(cluster: &Cluster) -> String {
    for number in 0..CONTRACTS {
        let (contract, other) = (format!("rest-{number}"), format!("rest-other-{number}"));
        cluster.put_contract(&contract, READER, &other).await;
        let body = json!({ "contractId": contract, "content": "first" });
        let reader = token(READER, None);
        let first = cluster.post("/api/messages", &reader, body).await;
        first.expect("it is taken");
    }
    let pair = fleet::conversations(cluster, "rest-long", 1)
        .await
        .remove(0);
    let path = format!("/api/messages/conversations/{}/messages", pair.id);
    let sender = token(&pair.users[0], None);
    for _ in 0..STORED {
        let body = json!({ "content": "x".repeat(200) });
        cluster
            .post(&path, &sender, body)
            .await
            .expect("it is taken");
    }
    pair.id
}

/// The user who has the conversations.
const READER: &str = "rest-reader";

async fn measure(
    cluster: &Cluster,
    arguments: &Arguments,
    name: &str,
    path: &str,
    items: usize,
) -> bool {
    let user = if name == "history" {
        "rest-long-0-client"
    } else {
        READER
    };
    let url = format!("{}{path}", cluster.api_url());
    let authorization = format!("Bearer {}", token(user, None));
    let time = Duration::from_secs(arguments.seconds);
    let before = Usage::now();
    let begun = Instant::now();
    let clients: Vec<_> = (0..arguments.clients)
        .map(|_| {
            let (url, authorization) = (url.clone(), authorization.clone());
            tokio::task::spawn_blocking(move || {
                let agent = ureq::Agent::new_with_defaults();
                let mut calls = 0_u64;
                let mut is_good = true;
                while begun.elapsed() < time {
                    let call = agent.get(&url).header("authorization", &authorization);
                    let body = call
                        .call()
                        .and_then(|mut answer| answer.body_mut().read_to_vec());
                    is_good &= body.is_ok_and(|body| count(&body) == Some(items));
                    calls += 1;
                }
                (calls, is_good)
            })
        })
        .collect();
    let (mut calls, mut is_good) = (0, true);
    for client in clients {
        let (made, was_good) = client.await.expect("it does not panic");
        calls += made;
        is_good &= was_good;
    }
    let (took, used) = (begun.elapsed(), Usage::now().since(&before));
    let per_second = calls as f64 / took.as_secs_f64();
    let per_cpu_second = calls as f64 / used.apis().as_secs_f64();
    let mongod = used.of("mongod").as_secs_f64() * 1e3 / calls as f64;
    println!(
        "  {name:<14}{per_second:>8.0} calls/s {per_cpu_second:>8.0} per CPU-second of the API; {mongod:.3} CPU-ms of mongod for each; all right: {is_good}"
    );
    let line = json!({
        "scenario": "rest", "call": name, "processor": processor(), "perSecond": per_second, "perCpuSecond": per_cpu_second,
        "mongodCpuMs": mongod, "isGood": is_good,
    });
    println!("{line}");
    is_good
}

/// How many items an answer has.
fn count(body: &[u8]) -> Option<usize> {
    let page: Value = serde_json::from_slice(body).ok()?;
    Some(page.get("items")?.as_array()?.len())
}
