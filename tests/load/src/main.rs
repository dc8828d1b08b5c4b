//! `make bench`: what the whole system does under load, checked for loss while it is measured.
//!
//! Starts mongod, nats-server, two APIs and two gateways of the release build, and drives them over Socket.IO. The client of each
//! conversation is connected to one gateway and the freelancer to the other, so each message crosses.

#![expect(
    clippy::print_stdout,
    reason = "tables on standard output are what it is for"
)]

mod chat;
mod cluster;
mod cpu;
mod hostile;
mod report;
mod socket;

use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};

use chat::{Load, Plan};
use cluster::Cluster;

/// Measures acked messages per second, delivery times and CPU per message.
#[derive(Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    scenario: Option<Scenario>,
    /// Conversations, with two connected users each
    #[arg(long, default_value_t = 128)]
    conversations: usize,
    /// Seconds of each measurement
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Seconds before each measurement in which nothing is counted
    #[arg(long, default_value_t = 2)]
    warm_up: u64,
    /// Messages a second, all senders together, of the open loop
    #[arg(long, default_value_t = 100)]
    rate: u32,
    /// Bytes of a message's text
    #[arg(long, default_value_t = 200)]
    text_bytes: usize,
}

/// What else can be measured.
#[derive(Subcommand)]
enum Scenario {
    Hostile(hostile::Arguments),
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let is_good = match &arguments.scenario {
        Some(Scenario::Hostile(hostile)) => hostile::run(hostile).await,
        None => measure(&arguments).await,
    };
    if is_good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

async fn measure(arguments: &Arguments) -> bool {
    let cluster = Cluster::start().await;
    println!(
        "2 messaging-api, 2 messaging-gateway, 1 mongod (one-node replica set), 1 nats-server; {} cores",
        cores()
    );
    let mut is_whole = true;
    for (name, load) in [
        ("closed", Load::Closed),
        (
            "open",
            Load::Open {
                per_second: arguments.rate,
            },
        ),
    ] {
        let plan = Plan {
            name,
            load,
            conversations: arguments.conversations,
            warm_up: Duration::from_secs(arguments.warm_up),
            time: Duration::from_secs(arguments.seconds),
            text_bytes: arguments.text_bytes,
        };
        let outcome = chat::run(&cluster, &plan).await;
        is_whole &= outcome.is_whole();
        report::print(&plan, &outcome);
    }
    is_whole
}

pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
