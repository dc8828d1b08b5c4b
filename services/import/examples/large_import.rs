//! How fast an import is, and what a kill in its middle costs: `large_import [conversations] [messages of each]`, beside a built
//! `messaging-import`.
//!
//! Starts a `mongod` of its own, fills an old database, imports it once without a break and once killed with -9 half way and run again,
//! and compares what both have left, document by document.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a tool for the terminal, which ends when something is wrong"
)]

#[path = "../tests/support/mod.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
mod support;

use std::time::{Duration, Instant};

use messaging_test_support::{MongoServer, binary_path, eventually, unique_prefix};
use mongodb::IndexModel;
use mongodb::bson::{Document, doc};

use support::old_data::{Documents, Talk};
use support::{Run, World};

const BOUND: Duration = Duration::from_secs(600);

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args()
        .skip(1)
        .map(|text| text.parse::<u32>().unwrap());
    let conversations = arguments.next().unwrap_or(1_000);
    let messages = arguments.next().unwrap_or(100);
    let mongo = MongoServer::start().await;
    let mut world = World::at(mongo.uri(), binary_path("messaging-import")).await;
    fill(&world, conversations, messages).await;
    let total = u64::from(conversations) * u64::from(messages);
    println!("old database: {total} messages in {conversations} conversations");

    let whole = timed("without a break", &world).await;
    assert_eq!(whole.number("/messages/imported"), total);
    let expected = world.dump().await;

    let client = world.new.client().clone();
    world.new = client.database(&unique_prefix());
    let started = Instant::now();
    let mut process = world.start(&[]);
    eventually(BOUND, "half of the messages", async || {
        world.message_count().await >= total / 2
    })
    .await;
    process.kill().await;
    let stored = world.message_count().await;
    assert!(stored < total, "it was too late to kill it");
    println!(
        "killed after {:.1} s with {stored} messages stored",
        started.elapsed().as_secs_f64()
    );
    let resumed = timed("the rest", &world).await;
    let parts = resumed.number("/messages/imported") + resumed.number("/messages/unchanged");
    assert_eq!(parts, total);
    let dump = world.dump().await;
    assert!(
        dump == expected,
        "the killed import has left something else"
    );
    println!("both have left the same documents");
    let again = timed("once more, with nothing to do", &world).await;
    assert_eq!(again.report["changed"], serde_json::json!(false));
}

async fn fill(world: &World, conversations: u32, messages: u32) {
    for talks in Talk::some(conversations, messages).chunks(100) {
        let mut documents = Documents::default();
        talks.iter().for_each(|talk| talk.add_to(&mut documents));
        documents.insert(&world.old).await;
    }
    let keys = doc! { "conversationId": 1, "createdAt": 1 };
    let index = IndexModel::builder().keys(keys).build();
    let old = world.old.collection::<Document>("messages");
    old.create_index(index).await.unwrap();
}

/// Runs the importer and prints its own figures, and the most memory that it took.
async fn timed(what: &str, world: &World) -> Run {
    let mut process = world.start(&[]);
    let (pid, mut peak) = (process.pid(), String::new());
    let run = async {
        let mut ticks = tokio::time::interval(Duration::from_millis(50));
        let run = Run::of(&mut process);
        tokio::pin!(run);
        loop {
            tokio::select! {
                run = &mut run => return run,
                _ = ticks.tick() => peak = peak_memory(pid).unwrap_or(peak.clone()),
            }
        }
    };
    let run = run.await;
    assert_eq!(run.code, 0, "{run:#?}");
    println!(
        "{what}: {} s, {} messages/s read, {} imported, peak memory {peak}",
        run.report["seconds"],
        run.report["messagesPerSecond"],
        run.number("/messages/imported"),
    );
    run
}

/// The largest resident size of a process so far; none once it has ended.
fn peak_memory(pid: u32) -> Option<String> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().to_owned())
}
