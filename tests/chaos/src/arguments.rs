use std::path::PathBuf;

use clap::{Parser, ValueEnum};

use crate::{
    fault::{self, Fault},
    plan::{self, Size, Transport},
};

/// Checks that nothing is lost, doubled or swapped while something fails.
#[derive(Parser, Debug, Clone)]
#[command(args_override_self = true)]
pub(crate) struct Arguments {
    /// A fault, of those that --list names; all of them unless given
    #[arg(long, value_parser = parse_fault)]
    pub(crate) fault: Vec<(&'static str, Fault)>,
    /// The first seed
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// How many seeds, each a run of each fault
    #[arg(long, default_value_t = 1)]
    pub(crate) seeds: u64,
    /// Names the faults, and runs none
    #[arg(long)]
    pub(crate) list: bool,
    /// How the clients of sockets connect
    #[arg(long, value_delimiter = ',', default_value = "websocket,plain")]
    transports: Vec<Transport>,
    /// Users, each with two or three devices; half of them are clients, half freelancers
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u32).range(2..=100_000))]
    users: u32,
    /// Conversations, each of a client and a freelancer; three for two users unless given
    #[arg(long)]
    conversations: Option<usize>,
    /// Milliseconds between two messages of a sender, on average; what else devices do is as rare in proportion
    #[arg(long, default_value_t = plan::EVERY_MS)]
    every_ms: u64,
    /// Node processes that the devices are spread over
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=64))]
    workers: u32,
    /// The `DRAIN_SECONDS` of the services: 8 is the least with which a gateway closes nobody for two seconds
    #[arg(long, default_value_t = 8)]
    pub(crate) drain_seconds: u64,
    /// Counts missed edits and deletions, and does not fail for them
    #[arg(long)]
    pub(crate) changes_may_be_missed: bool,
    /// Where the histories of runs that failed are kept; a folder for temporary files unless given
    #[arg(long)]
    pub(crate) keep: Option<PathBuf>,
    /// Keeps those of all runs
    #[arg(long)]
    pub(crate) keep_all: bool,
    /// The folder of the servers' binaries, if it is not that of the checker
    #[arg(long)]
    pub(crate) binaries: Option<PathBuf>,
    /// Runs each mutant with the fault that shows it, and fails unless it is found; needs binaries with the feature `mutants`
    #[arg(long)]
    pub(crate) mutants: bool,
}

impl Arguments {
    /// The faults to run.
    pub(crate) fn faults(&self) -> Vec<(&'static str, Fault)> {
        match self.fault.as_slice() {
            [] => fault::ALL.to_vec(),
            faults => faults.to_vec(),
        }
    }

    pub(crate) fn size(&self) -> Size {
        let users = self.users as usize;
        Size {
            users,
            conversations: self.conversations.unwrap_or(users * 3 / 2),
            workers: self.workers as usize,
            every_ms: self.every_ms,
            transports: self.transports.clone(),
        }
    }

    /// What makes a run like this one, but for its fault and its seed.
    pub(crate) fn again(&self) -> String {
        let size = self.size();
        let name = |transport: &Transport| transport.to_possible_value();
        let transports = size.transports.iter().filter_map(name);
        let transports: Vec<String> = transports.map(|of| of.get_name().to_owned()).collect();
        format!(
            "--users {} --conversations {} --every-ms {} --workers {} --drain-seconds {} --transports {}",
            size.users,
            size.conversations,
            size.every_ms,
            size.workers,
            self.drain_seconds,
            transports.join(",")
        )
    }
}

fn parse_fault(name: &str) -> Result<(&'static str, Fault), String> {
    fault::find(name).ok_or_else(|| "no such fault; --list names all".to_owned())
}
