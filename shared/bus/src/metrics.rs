use async_nats::Event;
use bytes::Bytes;
use prometheus::{IntCounterVec, IntGaugeVec, Opts, Registry};

use crate::presence::LeaseKind;
use crate::{PublishError, RequestError};

/// What is counted of NATS.
pub(crate) struct Metrics {
    published: IntCounterVec,
    requests: IntCounterVec,
    pub(crate) connection_events: IntCounterVec,
    leases: IntGaugeVec,
    lease_renewals: IntCounterVec,
}

/// How the renewal of this process's own lease ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Renewal {
    /// It goes on.
    Renewed,
    /// It came to life, for the first time or after others may have taken this process for dead.
    Revived,
    /// It was not written; it is tried again.
    Failed,
}

impl Metrics {
    pub(crate) fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let counters = |name, help, label, from_the_start: &[&str]| {
            let counters = IntCounterVec::new(Opts::new(name, help), &[label])?;
            registry.register(Box::new(counters.clone()))?;
            // Who looks for an increase does not see the first one of a series that was not there before.
            for value in from_the_start {
                counters.with_label_values(&[value]);
            }
            Ok::<_, prometheus::Error>(counters)
        };
        let leases = Opts::new("fh_bus_leases", "Processes that live as this one sees it.");
        let leases = IntGaugeVec::new(leases, &["kind"])?;
        registry.register(Box::new(leases.clone()))?;
        Ok(Self {
            published: counters(
                "fh_bus_events_published_total",
                "Events published to NATS, by outcome; all but ok were dropped.",
                "outcome",
                &["ok", "disconnected", "timeout", "refused"],
            )?,
            requests: counters(
                "fh_bus_requests_total",
                "Questions and commands to other processes over NATS, by what came of them.",
                "outcome",
                &["ok", "unserved", "timeout", "refused"],
            )?,
            connection_events: counters(
                "fh_bus_connection_events_total",
                "What happened to the connection to NATS.",
                "event",
                &["disconnected", "slow_consumer"],
            )?,
            leases,
            lease_renewals: counters(
                "fh_bus_lease_renewals_total",
                "Renewals of the lease by which others know that this process lives, by outcome.",
                "outcome",
                &["revived", "failed"],
            )?,
        })
    }

    pub(crate) fn published(&self, outcome: &Result<(), PublishError>) {
        let outcome = match outcome {
            Ok(()) => "ok",
            Err(PublishError::Disconnected) => "disconnected",
            Err(PublishError::Timeout) => "timeout",
            Err(PublishError::Refused(_)) => "refused",
        };
        self.published.with_label_values(&[outcome]).inc();
    }

    pub(crate) fn renewed(&self, renewal: Renewal) {
        let outcome = match renewal {
            Renewal::Renewed => "renewed",
            Renewal::Revived => "revived",
            Renewal::Failed => "failed",
        };
        self.lease_renewals.with_label_values(&[outcome]).inc();
    }

    pub(crate) fn set_leases(&self, kind: LeaseKind, count: usize) {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        self.leases.with_label_values(&[kind.as_str()]).set(count);
    }
}

/// A question on its way, which is counted whichever way it ends.
pub(crate) struct Asked<'a> {
    metrics: &'a Metrics,
    outcome: &'static str,
}

impl<'a> Asked<'a> {
    pub(crate) const fn new(metrics: &'a Metrics) -> Self {
        Self {
            metrics,
            outcome: "abandoned",
        }
    }

    pub(crate) const fn ended(&mut self, answer: &Result<Bytes, RequestError>) {
        self.outcome = match answer {
            Ok(_) => "ok",
            Err(RequestError::Unserved) => "unserved",
            Err(RequestError::Timeout) => "timeout",
            Err(RequestError::Refused(_)) => "refused",
        };
    }
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        let requests = &self.metrics.requests;
        requests.with_label_values(&[self.outcome]).inc();
    }
}

pub(crate) fn note_event(event: &Event, counter: &IntCounterVec) {
    let label = match event {
        Event::Connected => "connected",
        Event::Disconnected => "disconnected",
        Event::LameDuckMode => "lame_duck",
        Event::Draining => "draining",
        Event::Closed => "closed",
        Event::SlowConsumer(_) => "slow_consumer",
        Event::ServerError(_) => "server_error",
        Event::ClientError(_) => "client_error",
    };
    counter.with_label_values(&[label]).inc();
    match event {
        Event::Connected => tracing::info!("NATS is connected"),
        Event::Disconnected => tracing::warn!("NATS is disconnected; connecting again"),
        // One per attempt while the server is away; the disconnection itself is logged.
        Event::ClientError(error) => tracing::debug!(%error, "NATS client error"),
        Event::Closed => tracing::debug!("NATS is closed"),
        other => tracing::warn!(event = %other, "NATS connection event"),
    }
}
