use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use futures_util::future::BoxFuture;
use messaging_domain::{Content, ContractId, Parties, Party};
use messaging_lifecycle::Tasks;
use messaging_store::{Committed, ConversationKey, NewContract, NewMessage, Store, StoreConfig};
use serde_json::json;
use tokio::task::JoinSet;

use crate::chat::{self, Load, Outcome, Plan};
use crate::cluster::{Cluster, processor};
use crate::report;

/// Conversations that the stored messages are spread over.
const CONVERSATIONS: usize = 1_000;

/// Senders that fill them.
const SENDERS: usize = 512;

const TEXT_BYTES: usize = 200;

/// The same load while more and more messages are stored
#[derive(Args)]
pub(crate) struct Arguments {
    /// How many messages are stored at each measurement, in ascending order
    #[arg(long, value_delimiter = ',', default_value = "10000,100000,1000000")]
    stored: Vec<u64>,
    /// Conversations in which is chatted
    #[arg(long, default_value_t = 128)]
    conversations: usize,
    /// Seconds of each measurement
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Messages a second of the open loop
    #[arg(long, default_value_t = 100)]
    rate: u32,
}

/// Measures and prints; false if a message was lost, doubled or swapped.
pub(crate) async fn run(arguments: &Arguments) -> bool {
    let cluster = Cluster::start().await;
    let tasks = Tasks::new();
    let filler = Filler::prepare(&cluster, &tasks).await;
    println!(
        "\ngrow: {} conversations over 2 gateways; at first as many messages/s as the system takes, then {} on a schedule",
        arguments.conversations, arguments.rate
    );
    println!(
        "  {:>12}{:>12}{:>12}{:>16}{:>14}{:>14}   CPU-ms of ours, mongod",
        "stored", "acked/s", "ack p99 ms", "at rest: acked", "del. p50 ms", "del. p99 ms"
    );
    let mut stored = 0;
    let mut is_whole = true;
    for (step, target) in arguments.stored.iter().enumerate() {
        let begun = Instant::now();
        let missing = target.saturating_sub(stored);
        filler.fill(missing).await;
        stored += missing;
        let fill_rate = missing as f64 / begun.elapsed().as_secs_f64();
        let closed = chat(
            &cluster,
            arguments,
            &format!("grow-{step}-closed"),
            Load::Closed,
        )
        .await;
        let load = Load::Open {
            per_second: arguments.rate,
        };
        let open = chat(&cluster, arguments, &format!("grow-{step}-open"), load).await;
        is_whole &= closed.is_whole() && open.is_whole();
        print(stored, fill_rate, &closed, &open);
        stored += closed.acked + open.acked;
    }
    is_whole
}

async fn chat(cluster: &Cluster, arguments: &Arguments, name: &str, load: Load) -> Outcome {
    let plan = Plan {
        name,
        load,
        conversations: arguments.conversations,
        warm_up: Duration::from_secs(2),
        text_bytes: TEXT_BYTES,
    };
    let time = Duration::from_secs(arguments.seconds);
    chat::run(cluster, &plan, async { tokio::time::sleep(time).await }).await
}

fn print(stored: u64, fill_rate: f64, closed: &Outcome, open: &Outcome) {
    let ms = |outcome: &Outcome, quantile| {
        outcome.delivery_micros.value_at_quantile(quantile) as f64 / 1e3
    };
    let cpu = |time: Duration| time.as_secs_f64() * 1e3 / closed.acked.max(1) as f64;
    println!(
        "  {stored:>12}{:>12.0}{:>12.1}{:>16}{:>14.2}{:>14.2}   {:.3} {:.3}",
        closed.rate(),
        closed.ack_micros.value_at_quantile(0.99) as f64 / 1e3,
        open.acked,
        ms(open, 0.5),
        ms(open, 0.99),
        cpu(closed.usage.ours()),
        cpu(closed.usage.of("mongod")),
    );
    let line = json!({
        "scenario": "grow", "stored": stored, "processor": processor(), "filledPerSecond": fill_rate,
        "closed": { "ackedPerSecond": closed.rate(), "ackMs": report::quantiles(&closed.ack_micros), "deliveryMs": report::quantiles(&closed.delivery_micros),
            "refused": closed.refused, "lost": closed.lost, "outOfOrder": closed.out_of_order },
        "open": { "ackedPerSecond": open.rate(), "ackMs": report::quantiles(&open.ack_micros), "deliveryMs": report::quantiles(&open.delivery_micros),
            "refused": open.refused, "lost": open.lost, "outOfOrder": open.out_of_order },
    });
    println!("{line}");
}

/// Stores messages by the write path of the API itself, in this process.
struct Filler {
    store: Store,
    keys: Arc<[ConversationKey]>,
}

impl Filler {
    async fn prepare(cluster: &Cluster, tasks: &Tasks) -> Self {
        let hook =
            |_: Vec<Committed>| -> BoxFuture<'static, ()> { Box::pin(std::future::ready(())) };
        let (uri, database) = cluster.database();
        let config = StoreConfig::new(&uri, database);
        let store = Store::new(config, Arc::new(hook), tasks, &prometheus::Registry::new());
        let store = store.expect("the settings work");
        store.prepare().await.expect("the indexes are created");
        let mut keys = Vec::new();
        for number in 0..CONVERSATIONS {
            keys.push(open(&store, number).await);
        }
        Self {
            store,
            keys: keys.into(),
        }
    }

    async fn fill(&self, count: u64) {
        let mut senders = JoinSet::new();
        for sender in 0..SENDERS {
            let (store, keys) = (self.store.clone(), Arc::clone(&self.keys));
            let mine = (sender as u64..count).step_by(SENDERS);
            senders.spawn(async move {
                for number in mine {
                    let key = &keys[usize::try_from(number).unwrap_or(0) % keys.len()];
                    append(&store, key).await;
                }
            });
        }
        senders.join_all().await;
    }
}

async fn open(store: &Store, number: usize) -> ConversationKey {
    let user = |role: &str| format!("fill-{number}-{role}").parse().expect("a valid id");
    let parties = Parties {
        client: user("client"),
        freelancer: user("freelancer"),
    };
    let client = parties.client.clone();
    let id: ContractId = format!("fill-{number}").parse().expect("a valid id");
    let contract = NewContract {
        id: id.clone(),
        parties,
        title: None,
        milestones: Vec::new(),
    };
    let put = store.put_contract(contract).await;
    put.expect("the contract is put");
    let opened = store.open_conversation(&id, None, &client).await;
    opened.expect("the conversation opens")
}

async fn append(store: &Store, key: &ConversationKey) {
    let message = NewMessage {
        content: Content::parse(&"x".repeat(TEXT_BYTES)).expect("a valid text"),
        attachments: Vec::new(),
        client_message_id: None,
    };
    let appended = store.append(key, Party::Client, message).await;
    appended.expect("the message is stored");
}
