use std::io;

use tokio::signal::unix::{SignalKind, signal};

/// The signal that asked the process to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// SIGINT: Ctrl-C at a terminal.
    Interrupt,
    /// SIGTERM: an orchestrator.
    Terminate,
}

/// Resolves at the first SIGINT or SIGTERM.
///
/// The handlers stand when this returns, before the future is first polled, so that a signal during start-up is not lost.
///
/// # Errors
/// When the handlers cannot be installed.
pub fn stop_signal() -> io::Result<impl Future<Output = Stop> + Send> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => Stop::Interrupt,
            _ = terminate.recv() => Stop::Terminate,
        }
    })
}
