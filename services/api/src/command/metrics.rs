use messaging_telemetry::LATENCY_SECONDS_BUCKETS;
use messaging_wire::ErrorCode;
use messaging_wire::command::name;
use prometheus::{HistogramOpts, HistogramVec, Registry};
use tokio::time::Instant;

/// How commands went and how long they took.
#[derive(Clone)]
pub(crate) struct CommandMetrics {
    seconds: HistogramVec,
}

/// A command being done.
pub(crate) struct CommandTimer<'a> {
    metrics: &'a CommandMetrics,
    command: &'static str,
    started: Instant,
}

impl CommandMetrics {
    pub(crate) fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let options = HistogramOpts::new(
            "fh_api_command_seconds",
            "Time to answer a command of a gateway, by command and outcome.",
        )
        .buckets(LATENCY_SECONDS_BUCKETS.to_vec());
        let seconds = HistogramVec::new(options, &["command", "outcome"])?;
        registry.register(Box::new(seconds.clone()))?;
        Ok(Self { seconds })
    }

    pub(crate) fn start(&self, command: &str) -> CommandTimer<'_> {
        CommandTimer {
            metrics: self,
            command: known(command),
            started: Instant::now(),
        }
    }
}

impl CommandTimer<'_> {
    pub(crate) fn finish(self, refused: Option<ErrorCode>) {
        let outcome = refused.map_or("ok", ErrorCode::as_str);
        self.metrics
            .seconds
            .with_label_values(&[self.command, outcome])
            .observe(self.started.elapsed().as_secs_f64());
    }
}

/// The label of a command: a subject's last token comes from outside and must not become one.
fn known(command: &str) -> &'static str {
    const NAMES: [&str; 11] = [
        name::SEND_MESSAGE,
        name::CREATE_MESSAGE,
        name::EDIT_MESSAGE,
        name::DELETE_MESSAGE,
        name::MARK_AS_READ,
        name::GET_PRESENCE,
        name::VIEW,
        name::HISTORY,
        name::RETELL,
        name::PRESENCE_CHANGED,
        name::PROBE,
    ];
    NAMES
        .into_iter()
        .find(|name| *name == command)
        .unwrap_or("unknown")
}
