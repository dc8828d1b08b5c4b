use std::sync::Arc;
use std::time::Duration;

use messaging_domain::ConversationId;
use messaging_lifecycle::Tasks;
use messaging_wire::Fault;
use messaging_wire::command::HistoryAfter;
use messaging_wire::event::NEW_MESSAGE;
use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::api::ApiClient;
use crate::connection::{CloseReason, EventFrame};
use crate::hub::Rooms;
use crate::mutant::Mutant;

/// How long a missing message may still come by itself: two API replicas that store one after the other may tell in another order.
const PATIENCE: Duration = Duration::from_millis(30);

/// Messages asked for at a time.
const PAGE: u32 = 100;

/// Rooms that are refilled at the same time; the others wait, so that a reconnect of NATS is no storm of queries.
const CONCURRENT_MAX: usize = 32;

/// The waits between attempts that failed: doubled from the first to the longest.
const RETRY_DELAY_MIN: Duration = Duration::from_millis(50);
const RETRY_DELAY_MAX: Duration = Duration::from_secs(1);

/// After so long without progress, the connections that miss something are closed: they come back and say what they have.
const GIVE_UP_AFTER: Duration = Duration::from_secs(60);

/// Why a room may lack messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// A later message, or a sign of one, arrived before it.
    Sequence,
    /// The connection to NATS was made anew, or a subscription was overrun.
    Reconnect,
}

impl Cause {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Sequence => "sequence",
            Self::Reconnect => "reconnect",
        }
    }
}

/// Fetches messages that rooms lack from the log.
#[derive(Clone)]
pub(crate) struct Refill {
    rooms: Arc<Rooms>,
    api: ApiClient,
    tasks: Tasks,
    room_for_work: Arc<Semaphore>,
    metrics: Metrics,
}

#[derive(Clone)]
struct Metrics {
    detected: IntCounterVec,
    healed: IntCounterVec,
    heal_seconds: HistogramVec,
}

impl Refill {
    /// Nothing to fetch yet.
    ///
    /// # Errors
    /// When the metrics are registered already.
    pub(crate) fn new(
        rooms: &Arc<Rooms>,
        api: &ApiClient,
        tasks: &Tasks,
        registry: &Registry,
    ) -> Result<Self, prometheus::Error> {
        Ok(Self {
            rooms: Arc::clone(rooms),
            api: api.clone(),
            tasks: tasks.clone(),
            room_for_work: Arc::new(Semaphore::new(CONCURRENT_MAX)),
            metrics: Metrics::register(registry)?,
        })
    }

    /// Fetches what a room lacks, which the caller has claimed to do.
    pub(crate) fn start(&self, conversation: ConversationId, cause: Cause) {
        if Mutant::NoRefill.is_on() {
            return;
        }
        let refill = self.clone();
        self.tasks.spawn_until_stopped("refill", async move {
            refill.run(conversation, cause).await;
        });
    }

    /// Looks into each room for what may be missing.
    pub(crate) fn check_all(&self) {
        for conversation in self.rooms.conversations() {
            if self.rooms.begin_check(conversation) {
                self.start(conversation, Cause::Reconnect);
            }
        }
    }

    /// Brings a room up to a `seq` that the log is known to have, so that its connections have it before they are told of it.
    ///
    /// # Errors
    /// `unavailable`, when the log cannot be read.
    pub(crate) async fn reach(&self, conversation: ConversationId, seq: u64) -> Result<(), Fault> {
        while let Some(at) = self.rooms.position(conversation).filter(|at| *at < seq) {
            match self.fetch(conversation).await {
                Fetched::RoomGone => return Ok(()),
                Fetched::Some { .. } if self.rooms.position(conversation) > Some(at) => {}
                // The message may have come by itself meanwhile.
                _ if self.rooms.position(conversation) >= Some(seq) => return Ok(()),
                _ => return Err(Fault::unavailable()),
            }
        }
        Ok(())
    }

    async fn run(&self, conversation: ConversationId, cause: Cause) {
        let started = Instant::now();
        let mut must_look = cause == Cause::Reconnect;
        if !must_look {
            tokio::time::sleep(PATIENCE).await;
        }
        let mut found = false;
        let mut delay = RETRY_DELAY_MIN;
        let mut progress_at = Instant::now();
        loop {
            must_look |= self.rooms.take_check_again(conversation);
            if !must_look
                && !self.rooms.has_gap(conversation)
                && !self.rooms.end_refill(conversation)
            {
                break;
            }
            if self.rooms.has_gap(conversation) && !std::mem::replace(&mut found, true) {
                self.metrics
                    .detected
                    .with_label_values(&[cause.as_str()])
                    .inc();
            }
            match self.fetch(conversation).await {
                Fetched::RoomGone => return,
                Fetched::Nothing => must_look = false,
                Fetched::Some { has_more } => {
                    if !std::mem::replace(&mut found, true) {
                        self.metrics
                            .detected
                            .with_label_values(&[cause.as_str()])
                            .inc();
                    }
                    must_look = has_more;
                    (delay, progress_at) = (RETRY_DELAY_MIN, Instant::now());
                    continue;
                }
                Fetched::Failed => {}
            }
            if !must_look && !self.rooms.has_gap(conversation) {
                continue;
            }
            if progress_at.elapsed() > GIVE_UP_AFTER {
                return self.give_up(conversation);
            }
            tokio::time::sleep(delay).await;
            delay = (delay * 2).min(RETRY_DELAY_MAX);
        }
        if found {
            self.metrics
                .healed
                .with_label_values(&[cause.as_str()])
                .inc();
            self.metrics
                .heal_seconds
                .with_label_values(&[cause.as_str()])
                .observe(started.elapsed().as_secs_f64());
        }
    }

    async fn fetch(&self, conversation: ConversationId) -> Fetched {
        let Ok(_permit) = self.room_for_work.acquire().await else {
            return Fetched::Failed;
        };
        let Some(after) = self.rooms.position(conversation) else {
            return Fetched::RoomGone;
        };
        let missed = match self
            .api
            .history(&HistoryAfter {
                conversation,
                after,
                limit: PAGE,
            })
            .await
        {
            Ok(missed) => missed,
            Err(fault) => {
                tracing::debug!(%fault, "missing messages cannot be fetched; trying again");
                return Fetched::Failed;
            }
        };
        if missed.messages.is_empty() {
            return Fetched::Nothing;
        }
        for entry in missed.messages {
            let json: Box<str> = entry.message.into();
            self.rooms.message(
                conversation,
                entry.seq,
                Arc::new(EventFrame::new(NEW_MESSAGE, json)),
            );
        }
        Fetched::Some {
            has_more: missed.has_more,
        }
    }

    fn give_up(&self, conversation: ConversationId) {
        tracing::error!(conversation.id = %conversation, "missing messages could not be fetched; the connections that miss them are closed");
        for connection in self.rooms.abandon(conversation) {
            connection.close(CloseReason::Internal);
        }
    }
}

enum Fetched {
    RoomGone,
    Nothing,
    Some { has_more: bool },
    Failed,
}

impl Metrics {
    fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let metrics = Self {
            detected: IntCounterVec::new(
                Opts::new(
                    "fh_gateway_gaps_detected_total",
                    "Gaps found in what arrived over NATS, by how they were found.",
                ),
                &["cause"],
            )?,
            healed: IntCounterVec::new(
                Opts::new(
                    "fh_gateway_gaps_healed_total",
                    "Gaps that were filled from the log, by how they were found.",
                ),
                &["cause"],
            )?,
            heal_seconds: HistogramVec::new(
                HistogramOpts::new(
                    "fh_gateway_gap_heal_seconds",
                    "Time from finding a gap to having filled it, by how it was found.",
                )
                .buckets(messaging_telemetry::LATENCY_SECONDS_BUCKETS.to_vec()),
                &["cause"],
            )?,
        };
        // Who compares the two has both from the start.
        for cause in [Cause::Sequence, Cause::Reconnect] {
            metrics.detected.with_label_values(&[cause.as_str()]);
            metrics.healed.with_label_values(&[cause.as_str()]);
        }
        registry.register(Box::new(metrics.detected.clone()))?;
        registry.register(Box::new(metrics.healed.clone()))?;
        registry.register(Box::new(metrics.heal_seconds.clone()))?;
        Ok(metrics)
    }
}
