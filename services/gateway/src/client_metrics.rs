use messaging_telemetry::LATENCY_SECONDS_BUCKETS;
use messaging_wire::ErrorCode;
use prometheus::{HistogramOpts, HistogramVec, Registry};
use tokio::time::Instant;

/// How what clients ask for went, and how long it took.
pub(crate) struct ClientMetrics {
    events: HistogramVec,
    connects: HistogramVec,
}

/// What came of something that a client asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It was done.
    Ok,
    /// The client may not, or has asked for something that does not exist.
    Refused,
    /// We could not.
    Failed,
}

impl Outcome {
    /// Of something that ended by an error of this code.
    pub(crate) const fn of(code: ErrorCode) -> Self {
        match code.http_status() {
            500.. => Self::Failed,
            _ => Self::Refused,
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}

/// How a client was let in, or why not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Connect {
    /// As a new one.
    Opened,
    /// It goes on where it was.
    Recovered,
    /// It was refused.
    Refused(ErrorCode),
}

impl Connect {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Recovered => "recovered",
            Self::Refused(code) => code.as_str(),
        }
    }
}

impl ClientMetrics {
    /// # Errors
    /// When they are registered already.
    pub(crate) fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let histogram = |name: &str, help: &str, labels: &[&str]| {
            let options = HistogramOpts::new(name, help).buckets(LATENCY_SECONDS_BUCKETS.to_vec());
            let histogram = HistogramVec::new(options, labels)?;
            registry.register(Box::new(histogram.clone()))?;
            Ok::<_, prometheus::Error>(histogram)
        };
        Ok(Self {
            events: histogram(
                "fh_gateway_event_seconds",
                "Time from taking an event of a client to its answer, by event and outcome: refused is the client's fault, failed is ours.",
                &["event", "outcome"],
            )?,
            connects: histogram(
                "fh_gateway_connect_seconds",
                "Time to let a client in, or to refuse it, by what came of it.",
                &["outcome"],
            )?,
        })
    }

    /// An event was answered; `name` is one of ours.
    pub(crate) fn answered(&self, name: &'static str, outcome: Outcome, began: Instant) {
        self.events
            .with_label_values(&[name, outcome.as_str()])
            .observe(began.elapsed().as_secs_f64());
    }

    /// A client was let in or refused.
    pub(crate) fn connected(&self, connect: Connect, began: Instant) {
        self.connects
            .with_label_values(&[connect.as_str()])
            .observe(began.elapsed().as_secs_f64());
    }
}
