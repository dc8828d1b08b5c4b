//! What is counted of MongoDB itself, whatever was asked of it.

use mongodb::TopologyType;
use mongodb::event::EventHandler;
use mongodb::event::sdam::SdamEvent;
use prometheus::{IntCounterVec, Opts, Registry};

use crate::StoreError;

/// Calls that failed, and what happened to the connection. A clone is another handle.
#[derive(Clone)]
pub(crate) struct TroubleMetrics {
    errors: IntCounterVec,
    events: IntCounterVec,
}

/// What happened to the connection to MongoDB, as an operator cares about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ConnectionEvent {
    /// There is somebody to write to, who was not there before.
    PrimaryFound,
    /// There is nobody to write to any more.
    PrimaryLost,
    /// A server did not answer when it was asked whether it is there.
    HeartbeatFailed,
}

impl ConnectionEvent {
    const fn as_str(self) -> &'static str {
        match self {
            Self::PrimaryFound => "primary_found",
            Self::PrimaryLost => "primary_lost",
            Self::HeartbeatFailed => "heartbeat_failed",
        }
    }

    fn of(event: &SdamEvent) -> Option<Self> {
        match event {
            SdamEvent::TopologyDescriptionChanged(changed) => {
                let before = is_writable(changed.previous_description.topology_type());
                let after = is_writable(changed.new_description.topology_type());
                match (before, after) {
                    (false, true) => Some(Self::PrimaryFound),
                    (true, false) => Some(Self::PrimaryLost),
                    _ => None,
                }
            }
            SdamEvent::ServerHeartbeatFailed(_) => Some(Self::HeartbeatFailed),
            _ => None,
        }
    }
}

impl TroubleMetrics {
    pub(crate) fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let errors = IntCounterVec::new(
            Opts::new(
                "fh_store_errors_total",
                "Calls of MongoDB that failed, by how: unavailable may work later, refused will not.",
            ),
            &["kind"],
        )?;
        let events = IntCounterVec::new(
            Opts::new(
                "fh_store_connection_events_total",
                "What happened to the connection to MongoDB.",
            ),
            &["event"],
        )?;
        registry.register(Box::new(errors.clone()))?;
        registry.register(Box::new(events.clone()))?;
        // An alert on what has never been there yet would miss the first time.
        for kind in ["timeout", "unavailable", "refused"] {
            errors.with_label_values(&[kind]);
        }
        for event in [
            ConnectionEvent::PrimaryFound,
            ConnectionEvent::PrimaryLost,
            ConnectionEvent::HeartbeatFailed,
        ] {
            events.with_label_values(&[event.as_str()]);
        }
        Ok(Self { errors, events })
    }

    /// A call took longer than it may.
    pub(crate) fn timed_out(&self) {
        self.errors.with_label_values(&["timeout"]).inc();
    }

    /// A call failed.
    pub(crate) fn failed(&self, error: &StoreError) {
        let kind = match error {
            StoreError::Unavailable { .. } => "unavailable",
            StoreError::Internal { .. } => "refused",
        };
        self.errors.with_label_values(&[kind]).inc();
    }

    /// What the driver is to tell of its servers.
    pub(crate) fn listener(&self) -> EventHandler<SdamEvent> {
        let events = self.events.clone();
        EventHandler::callback(move |event| {
            if let Some(event) = ConnectionEvent::of(&event) {
                events.with_label_values(&[event.as_str()]).inc();
            }
        })
    }
}

const fn is_writable(topology: TopologyType) -> bool {
    matches!(
        topology,
        TopologyType::Single
            | TopologyType::ReplicaSetWithPrimary
            | TopologyType::Sharded
            | TopologyType::LoadBalanced
    )
}
