//! The servers of a data folder by themselves: for a local cluster, and for tests of this crate.
//!
//! Starts a server for each of `MONGODB_URI` and `NATS_URL` that is not set, prints both as
//! `NAME=value` lines and then `READY`, and ends on SIGTERM or Ctrl-C.

use std::{
    env,
    error::Error,
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use messaging_embedded::{EmbeddedServers, Program, watchdog_main_if_asked};
use tokio::signal::unix::{SignalKind, signal};

fn main() -> ExitCode {
    watchdog_main_if_asked();
    match run(&Settings::from_env()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let cause = error
                .source()
                .map(|source| format!(": {source}"))
                .unwrap_or_default();
            // Nobody is left to tell when standard error is gone, too.
            let _ = writeln!(io::stderr(), "messaging-servers: {error}{cause}");
            ExitCode::FAILURE
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn run(settings: &Settings) -> Result<(), Box<dyn Error>> {
    // Before anything is started, so that a signal is a clean stop at any moment.
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut programs = Vec::new();
    programs.extend(settings.mongodb_uri.is_none().then_some(Program::Mongod));
    programs.extend(settings.nats_url.is_none().then_some(Program::NatsServer));
    let mut servers = EmbeddedServers::start(&settings.data_dir, &programs).await?;
    announce(&servers, settings)?;
    let exit = tokio::select! {
        exit = servers.exited() => Some(exit),
        _ = interrupt.recv() => None,
        _ = terminate.recv() => None,
    };
    servers.stop().await;
    exit.map_or(Ok(()), |exit| Err(exit.to_string().into()))
}

struct Settings {
    /// `DATA_DIR`, default `.data`.
    data_dir: PathBuf,
    /// `MONGODB_URI`: with it, no mongod is started.
    mongodb_uri: Option<String>,
    /// `NATS_URL`: with it, no nats-server is started.
    nats_url: Option<String>,
}

impl Settings {
    fn from_env() -> Self {
        Self {
            data_dir: variable("DATA_DIR").map_or_else(|| Path::new(".data").into(), Into::into),
            mongodb_uri: variable("MONGODB_URI"),
            nats_url: variable("NATS_URL"),
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the settings of this small program"
)]
fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

fn announce(servers: &EmbeddedServers, settings: &Settings) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let mut line = |name, own: Option<&str>, given: Option<&str>| {
        writeln!(out, "{name}={}", own.or(given).unwrap_or_default())
    };
    line(
        "MONGODB_URI",
        servers.mongodb_uri(),
        settings.mongodb_uri.as_deref(),
    )?;
    line("NATS_URL", servers.nats_url(), settings.nats_url.as_deref())?;
    writeln!(out, "READY")?;
    out.flush()
}
