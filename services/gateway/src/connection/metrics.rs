use prometheus::{IntCounter, IntCounterVec, IntGauge, Opts, Registry};
use tokio::time::Instant;

use super::CloseReason;

/// What the sockets count.
#[derive(Debug, Clone)]
pub struct SocketMetrics {
    /// Sessions and plain connections that live, those that have not joined a namespace included.
    pub(crate) links: IntGauge,
    /// Long-polling requests that wait for something to tell.
    pub(crate) open_polls: IntGauge,
    /// Client events taken.
    pub(crate) events: IntCounter,
    /// Frames written to WebSockets.
    pub(crate) frames: IntCounter,
    dropped: IntCounter,
    closed: IntCounterVec,
    relayed: IntCounterVec,
    moves: IntCounterVec,
    /// When counting began, which is also what all links reckon their pings from.
    pub(super) since: Instant,
}

impl SocketMetrics {
    /// Registers the counters.
    ///
    /// # Errors
    /// When they are registered already.
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let metrics = Self {
            links: IntGauge::new(
                "fh_gateway_links",
                "Sockets that are open, whatever their state.",
            )?,
            open_polls: IntGauge::new(
                "fh_gateway_open_polls",
                "Long-polling requests that wait for something to tell.",
            )?,
            events: IntCounter::new(
                "fh_gateway_client_events_total",
                "Events taken from clients.",
            )?,
            frames: IntCounter::new(
                "fh_gateway_sent_frames_total",
                "Events and answers handed to sockets.",
            )?,
            dropped: IntCounter::new(
                "fh_gateway_dropped_events_total",
                "Typing and presence left out because a client reads too slowly.",
            )?,
            closed: IntCounterVec::new(
                Opts::new(
                    "fh_gateway_closed_links_total",
                    "Sockets closed, by reason.",
                ),
                &["reason"],
            )?,
            relayed: IntCounterVec::new(
                Opts::new(
                    "fh_gateway_relayed_requests_total",
                    "Requests for sessions of other gateways that these were asked to serve.",
                ),
                &["request", "outcome"],
            )?,
            moves: IntCounterVec::new(
                Opts::new(
                    "fh_gateway_session_moves_total",
                    "Sessions of other gateways whose WebSocket came here.",
                ),
                &["outcome"],
            )?,
            since: Instant::now(),
        };
        registry.register(Box::new(metrics.links.clone()))?;
        registry.register(Box::new(metrics.open_polls.clone()))?;
        registry.register(Box::new(metrics.events.clone()))?;
        registry.register(Box::new(metrics.frames.clone()))?;
        registry.register(Box::new(metrics.dropped.clone()))?;
        registry.register(Box::new(metrics.closed.clone()))?;
        registry.register(Box::new(metrics.relayed.clone()))?;
        registry.register(Box::new(metrics.moves.clone()))?;
        Ok(metrics)
    }

    /// Whether there are as many links as there may be; 0 means no limit.
    pub(crate) fn is_full(&self, links_max: usize) -> bool {
        links_max > 0 && usize::try_from(self.links.get()).is_ok_and(|links| links >= links_max)
    }

    pub(crate) fn dropped(&self, count: usize) {
        if count > 0 {
            self.dropped.inc_by(count as u64);
        }
    }

    pub(crate) fn closed(&self, reason: CloseReason) {
        self.closed.with_label_values(&[reason.as_str()]).inc();
    }

    pub(crate) fn relayed(&self, request: &'static str, outcome: &'static str) {
        self.relayed.with_label_values(&[request, outcome]).inc();
    }

    #[cfg(test)]
    pub(crate) fn failed_moves(&self) -> u64 {
        self.moves.with_label_values(&["failed"]).get()
    }

    pub(crate) fn moved(&self, outcome: &'static str) {
        self.moves.with_label_values(&[outcome]).inc();
    }
}
