//! `make bench`: what the whole system does under load, checked for loss while it is measured.
//!
//! Each scenario starts a mongod, a nats-server, APIs and gateways of the release build, drives them, and prints a table for people
//! and lines of JSON for programs.

#![expect(
    clippy::print_stdout,
    reason = "tables on standard output are what it is for"
)]

mod chat;
mod check;
mod cluster;
mod database;
mod fleet;
mod grow;
mod hostile;
mod idle;
mod isolation;
mod memory;
mod report;
mod rest;
mod schedule;
mod socket;
mod storm;
mod usage;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Measures rates, times, memory and CPU; without a scenario all but hostile and check, one after the other.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    scenario: Option<Scenario>,
}

#[derive(Subcommand)]
enum Scenario {
    Chat(chat::Arguments),
    Rest(rest::Arguments),
    Isolation(isolation::Arguments),
    Idle(idle::Arguments),
    Storm(storm::Arguments),
    Grow(grow::Arguments),
    Hostile(hostile::Arguments),
    Check(check::Arguments),
}

impl Scenario {
    async fn run(&self) -> bool {
        match self {
            Self::Chat(arguments) => chat::measure(arguments).await,
            Self::Rest(arguments) => rest::run(arguments).await,
            Self::Isolation(arguments) => isolation::run(arguments).await,
            Self::Idle(arguments) => idle::run(arguments).await,
            Self::Storm(arguments) => storm::run(arguments).await,
            Self::Grow(arguments) => grow::run(arguments).await,
            Self::Hostile(arguments) => hostile::run(arguments).await,
            Self::Check(arguments) => check::run(arguments).await,
        }
    }
}

/// What is measured when nothing is said.
const ALL: [&str; 6] = ["chat", "rest", "isolation", "idle", "storm", "grow"];

fn by_default(scenario: &str) -> Option<Scenario> {
    Arguments::parse_from([env!("CARGO_BIN_NAME"), scenario]).scenario
}

#[tokio::main]
async fn main() -> ExitCode {
    println!("{}, {} cores", cluster::processor(), cores());
    let scenarios = match Arguments::parse().scenario {
        Some(scenario) => vec![scenario],
        None => ALL.iter().filter_map(|name| by_default(name)).collect(),
    };
    let mut is_good = true;
    for scenario in scenarios {
        is_good &= scenario.run().await;
    }
    if is_good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
