use prometheus::{IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry};
use tokio::time::Instant;

use super::CloseReason;

/// What a link speaks, and over what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carrier {
    /// Socket.IO over HTTP requests.
    Polling,
    /// Socket.IO over a WebSocket.
    WebSocket,
    /// JSON frames over a WebSocket.
    Plain,
}

impl Carrier {
    const ALL: [Self; 3] = [Self::Polling, Self::WebSocket, Self::Plain];

    /// The words for its dialect and its transport in metrics.
    const fn labels(self) -> [&'static str; 2] {
        match self {
            Self::Polling => ["socketio", "polling"],
            Self::WebSocket => ["socketio", "websocket"],
            Self::Plain => ["plain", "websocket"],
        }
    }
}

/// What the sockets count.
#[derive(Debug, Clone)]
pub struct SocketMetrics {
    /// Sessions and plain connections that live, those that have not joined a namespace included: one for each [`Carrier`].
    links: [IntGauge; Carrier::ALL.len()],
    /// Bytes that wait in all outboxes together.
    pub(super) outbox_bytes: IntGauge,
    links_max: IntGauge,
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
        let links = IntGaugeVec::new(
            Opts::new(
                "fh_gateway_links",
                "Sockets and long-polling sessions that are open, whatever their state, by what they speak and over what.",
            ),
            &["dialect", "transport"],
        )?;
        let metrics = Self {
            links: Carrier::ALL.map(|carrier| links.with_label_values(&carrier.labels())),
            outbox_bytes: IntGauge::new(
                "fh_gateway_outbox_bytes",
                "Bytes that wait to be sent to clients, those of all connections together.",
            )?,
            links_max: IntGauge::new(
                "fh_gateway_max_links",
                "How many sockets and long-polling sessions there may be; 0 means no limit.",
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
        registry.register(Box::new(links))?;
        registry.register(Box::new(metrics.outbox_bytes.clone()))?;
        registry.register(Box::new(metrics.links_max.clone()))?;
        registry.register(Box::new(metrics.open_polls.clone()))?;
        registry.register(Box::new(metrics.events.clone()))?;
        registry.register(Box::new(metrics.frames.clone()))?;
        registry.register(Box::new(metrics.dropped.clone()))?;
        registry.register(Box::new(metrics.closed.clone()))?;
        registry.register(Box::new(metrics.relayed.clone()))?;
        registry.register(Box::new(metrics.moves.clone()))?;
        Ok(metrics)
    }

    /// How many links there are.
    pub(crate) fn link_count(&self) -> usize {
        let count = self.links.iter().map(IntGauge::get).sum::<i64>();
        usize::try_from(count).unwrap_or(0)
    }

    pub(super) fn links(&self, carrier: Carrier) -> &IntGauge {
        &self.links[carrier as usize]
    }

    /// Tells how many there may be.
    pub(crate) fn set_links_max(&self, links_max: usize) {
        let links_max = i64::try_from(links_max).unwrap_or(i64::MAX);
        self.links_max.set(links_max);
    }

    /// Whether there are as many links as there may be; 0 means no limit.
    pub(crate) fn is_full(&self, links_max: usize) -> bool {
        links_max > 0 && self.link_count() >= links_max
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
