//! How much faster is group commit than an update and an insert per message?
//!
//! `cargo run --release -p messaging-store --example commit_vs_naive -- [senders] [conversations] [seconds] [rounds] [uri]`
//!
//! Both ways run in turns against the same server: the one at `uri`, or one of its own. Each sender waits for its
//! acknowledgement before it sends again. The naive way takes the next `seq` by `findOneAndUpdate` with `$inc` and then inserts,
//! both with write concern majority; a crash between the two leaves a gap in the log.

#![expect(
    clippy::print_stdout,
    reason = "a table on standard output is what it is for"
)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::{BoxFuture, join_all};
use hdrhistogram::Histogram;
use messaging_domain::{Content, Parties, Party};
use messaging_lifecycle::Tasks;
use messaging_store::{Committed, ConversationKey, NewContract, NewMessage, Store, StoreConfig};
use messaging_test_support::MongoServer;
use mongodb::Collection;
use mongodb::bson::{DateTime, Document, doc, oid::ObjectId};
use mongodb::options::{CollectionOptions, IndexOptions, WriteConcern};

/// What to measure.
struct Plan {
    senders: usize,
    conversations: usize,
    time: Duration,
    rounds: usize,
}

/// What one way of storing did in all its rounds.
struct Outcome {
    name: &'static str,
    micros: Histogram<u64>,
    time: Duration,
}

#[derive(Clone)]
struct Naive {
    conversations: Collection<Document>,
    messages: Collection<Document>,
}

const TEXT_BYTES: usize = 200;
const MICROS_MAX: u64 = 60_000_000;

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |index: usize, default: usize| {
        let given = arguments
            .get(index)
            .map(|text| text.parse().expect("a number"));
        given.unwrap_or(default)
    };
    let plan = Plan {
        senders: number(0, 256),
        conversations: number(1, 128),
        time: Duration::from_secs(number(2, 5) as u64),
        rounds: number(3, 3),
    };
    let uri = match arguments.get(4) {
        Some(uri) => uri.clone(),
        None => MongoServer::shared().await.uri(),
    };
    let database = format!("commit_vs_naive_{}", std::process::id());
    let tasks = Tasks::new();
    let stores = [0, 1].map(|_| open(&uri, &database, &tasks));
    let keys = conversations(&stores[0], &plan).await;
    let naive = naive(&uri, &database).await;

    let names = ["group commit", "of 2 replicas", "naive"];
    let [mut one, mut two, mut slow] = names.map(Outcome::new);
    let key = |sender: usize| &keys[sender % keys.len()];
    for _ in 0..plan.rounds {
        one.round(&plan, |sender, _| commit(&stores[0], key(sender)))
            .await;
        // A sender's messages come to any replica, as through a load balancer.
        two.round(&plan, |sender, round| {
            commit(&stores[(sender + round) % 2], key(sender))
        })
        .await;
        slow.round(&plan, |sender, _| insert(&naive, key(sender)))
            .await;
    }
    println!(
        "{} senders, {} conversations, {TEXT_BYTES} bytes of text",
        plan.senders, plan.conversations
    );
    println!(
        "{:<14}{:>10}{:>12}{:>12}",
        "way", "msgs/s", "p50 ms", "p99 ms"
    );
    [&one, &two, &slow].into_iter().for_each(Outcome::print);
    println!("ratio {:.1}", one.rate() / slow.rate());
    let client = mongodb::Client::with_uri_str(&uri)
        .await
        .expect("a valid address");
    client
        .database(&database)
        .drop()
        .await
        .expect("the database can be dropped");
}

fn open(uri: &str, database: &str, tasks: &Tasks) -> Store {
    let hook = |_: Vec<Committed>| -> BoxFuture<'static, ()> { Box::pin(std::future::ready(())) };
    let config = StoreConfig::new(uri, database);
    Store::new(config, Arc::new(hook), tasks, &prometheus::Registry::new())
        .expect("the settings work")
}

async fn conversations(store: &Store, plan: &Plan) -> Vec<ConversationKey> {
    store.prepare().await.expect("the indexes are created");
    let mut keys = Vec::new();
    for index in 0..plan.conversations {
        let parties = Parties {
            client: "client".parse().expect("a valid id"),
            freelancer: "freelancer".parse().expect("a valid id"),
        };
        let user = parties.client.clone();
        let id: messaging_domain::ContractId = format!("c-{index}").parse().expect("a valid id");
        let contract = NewContract {
            id: id.clone(),
            parties,
            title: None,
            milestones: Vec::new(),
        };
        store
            .put_contract(contract)
            .await
            .expect("the contract is put");
        keys.push(
            store
                .open_conversation(&id, None, &user)
                .await
                .expect("the conversation opens"),
        );
    }
    keys
}

async fn commit(store: &Store, key: &ConversationKey) {
    let content = Content::parse(&"x".repeat(TEXT_BYTES)).expect("a valid text");
    let message = NewMessage {
        content,
        attachments: Vec::new(),
        client_message_id: None,
    };
    store
        .append(key, Party::Client, message)
        .await
        .expect("the message is stored");
}

async fn naive(uri: &str, database: &str) -> Naive {
    let client = mongodb::Client::with_uri_str(uri)
        .await
        .expect("a valid address");
    let database = client.database(database);
    let options = CollectionOptions::builder()
        .write_concern(WriteConcern::majority())
        .build();
    let naive = Naive {
        conversations: database.collection_with_options("naive_conversations", options.clone()),
        messages: database.collection_with_options("naive_messages", options),
    };
    let unique = IndexOptions::builder().unique(true).build();
    let index = mongodb::IndexModel::builder()
        .keys(doc! { "c": 1, "seq": 1 })
        .options(unique)
        .build();
    naive
        .messages
        .create_index(index)
        .await
        .expect("the index is created");
    naive
}

async fn insert(naive: &Naive, key: &ConversationKey) {
    let id = ObjectId::from_bytes(key.id().bytes());
    let update = doc! {
        "$inc": { "lastSeq": 1_i64, "nc": 1_i64 },
        "$set": { "updatedAt": DateTime::now() },
    };
    let conversation = naive
        .conversations
        .find_one_and_update(doc! { "_id": id }, update)
        .upsert(true)
        .return_document(mongodb::options::ReturnDocument::After)
        .await
        .expect("the conversation is updated")
        .expect("it exists after an upsert");
    let seq = conversation
        .get_i64("lastSeq")
        .expect("it was just counted up");
    let message = doc! {
        "c": id, "seq": seq, "sender": "client", "content": "x".repeat(TEXT_BYTES), "at": DateTime::now(), "nc": seq, "nf": 0_i64,
    };
    naive
        .messages
        .insert_one(message)
        .await
        .expect("the message is inserted");
}

impl Outcome {
    fn new(name: &'static str) -> Self {
        let micros = Histogram::new_with_max(MICROS_MAX, 3).expect("a valid range");
        Self {
            name,
            micros,
            time: Duration::ZERO,
        }
    }

    /// Lets all senders send for the time of a round.
    async fn round<F: Future<Output = ()>>(
        &mut self,
        plan: &Plan,
        send: impl Fn(usize, usize) -> F,
    ) {
        let started = Instant::now();
        let send = &send;
        let senders = (0..plan.senders).map(|sender| async move {
            let mut micros = Vec::new();
            while started.elapsed() < plan.time {
                let sent = Instant::now();
                send(sender, micros.len()).await;
                micros.push(sent.elapsed().as_micros() as u64);
            }
            micros
        });
        for micros in join_all(senders).await.into_iter().flatten() {
            self.micros.saturating_record(micros);
        }
        self.time += started.elapsed();
    }

    fn rate(&self) -> f64 {
        self.micros.len() as f64 / self.time.as_secs_f64()
    }

    fn print(&self) {
        let millis = |quantile| self.micros.value_at_quantile(quantile) as f64 / 1_000.0;
        println!(
            "{:<14}{:>10.0}{:>12.2}{:>12.2}",
            self.name,
            self.rate(),
            millis(0.5),
            millis(0.99)
        );
    }
}
