//! `messaging-import`: moves what the NestJS messaging module has stored into FreelanceHub Messaging.

mod attachments;
mod config;
mod conversation;
mod convert;
mod counts;
mod files;
mod json_lines;
mod old;
mod progress;
mod read_state;
mod rejects;
mod report;
mod run;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use messaging_lifecycle::{Tasks, chain, stop_signal};
use messaging_settings::{EXIT_CODE, Settings, Warnings};
use messaging_telemetry::Telemetry;

use crate::config::{Arguments, Config};
use crate::report::Report;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The exit code of a run that left something out (`EX_DATAERR` of BSD's `sysexits.h`).
const REJECTED: u8 = 65;

const STOP_TIMEOUT: Duration = Duration::from_secs(5);

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return usage(&error),
    };
    let mut settings = Settings::from_env();
    let config = Config::read(arguments, &mut settings);
    let warnings = match settings.finish() {
        Ok(warnings) => warnings,
        Err(faults) => return faults.report(),
    };
    let allow_rejects = config.allow_rejects;
    match import(config, &warnings).await {
        Ok(report) => finish(&report, allow_rejects),
        Err(error) => {
            tracing::error!(
                error = chain(&*error),
                "the import ended early; run it again, and it goes on from here"
            );
            ExitCode::FAILURE
        }
    }
}

async fn import(config: Config, warnings: &Warnings) -> Result<Report, Box<dyn std::error::Error>> {
    let telemetry = Telemetry::set_up("messaging-import", &config.telemetry)?;
    telemetry.warn(warnings);
    let stop = stop_signal()?;
    let tasks = Tasks::new();
    let report = tokio::select! {
        report = run::run(config, &tasks) => report.map_err(Into::into),
        signal = stop => Err(format!("stopped by a signal: {signal:?}").into()),
    };
    if tasks.stop(STOP_TIMEOUT).await.is_err() {
        tracing::warn!("tasks did not end in time");
    }
    telemetry.shut_down();
    report
}

#[expect(
    clippy::print_stdout,
    reason = "the report is what the tool is run for"
)]
fn finish(report: &Report, allow_rejects: bool) -> ExitCode {
    report.tell();
    let json = serde_json::to_string(report).expect("numbers and texts");
    println!("{json}");
    if report.counts.rejected_total() > 0 && !allow_rejects {
        REJECTED.into()
    } else {
        ExitCode::SUCCESS
    }
}

/// Help and version are no fault; all else is one of the settings.
fn usage(error: &clap::Error) -> ExitCode {
    // Nobody is there to be told that the terminal is gone.
    let _ = error.print();
    if error.use_stderr() {
        EXIT_CODE.into()
    } else {
        ExitCode::SUCCESS
    }
}
