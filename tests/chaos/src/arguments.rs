use std::path::PathBuf;

use clap::Parser;

use crate::{
    fault::{self, Fault},
    plan::{Size, Transport},
};

/// Checks that nothing is lost, doubled or swapped while something fails.
#[derive(Parser, Debug, Clone)]
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
    /// Conversations, each of two users
    #[arg(long, default_value_t = 24)]
    conversations: usize,
    /// Milliseconds between two messages of a sender, on average
    #[arg(long, default_value_t = 300)]
    every_ms: u64,
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
        Size {
            conversations: self.conversations,
            every_ms: self.every_ms,
            transports: self.transports.clone(),
        }
    }
}

fn parse_fault(name: &str) -> Result<(&'static str, Fault), String> {
    fault::find(name).ok_or_else(|| "no such fault; --list names all".to_owned())
}
