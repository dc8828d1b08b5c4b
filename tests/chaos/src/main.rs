//! `make chaos`: that nothing is lost, whatever fails.
//!
//! Starts a whole cluster, drives it by clients while something in it is killed, stopped, cut off or slowed down, and compares
//! everything that all clients saw with what is stored. docs/chaos.md says more.

#![expect(
    clippy::panic,
    reason = "a run that cannot go on ends by panicking, and counts as one that failed"
)]
#![expect(
    clippy::print_stdout,
    reason = "tables on standard output are what it is for"
)]

mod arguments;
mod clients;
mod cluster;
mod fault;
mod history;
mod measure;
mod oracle;
mod plan;
mod pool;
mod proxy;
mod report;
mod rest;
mod run;
mod session;
mod tokens;

use std::process::ExitCode;

use clap::Parser;

use arguments::Arguments;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if arguments.list {
        for (name, _) in fault::ALL {
            println!("{name}");
        }
        return ExitCode::SUCCESS;
    }
    tokio::select! {
        code = session::run(arguments) => code,
        // Whatever was started ends with what holds it.
        _ = tokio::signal::ctrl_c() => ExitCode::from(130),
    }
}
