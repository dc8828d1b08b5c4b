//! The canary: how long a message takes to get here at this moment, and whether it does, though no client may be sending any.
//!
//! Each gateway asks an API replica for a probe now and then. The replica does what it does for a message, a write that a majority
//! of MongoDB has and then an event by NATS, and the gateway hears the event by the connections that events come by. So a probe
//! goes all the way of a message but for the client's two sockets, and nothing of it is among what users have: the write is to one
//! document of a collection of its own, which MongoDB removes an hour after the last one. A gateway could not do it alone, as it
//! has no access to MongoDB, and an event that it sent itself would tell nothing of APIs and the database.
//!
//! One probe is on its way at a time. What has not come in time is lost, and so is one that could not be asked for.

use std::sync::Arc;
use std::time::Duration;

use messaging_bus::{Route, Topic, canary_number};
use messaging_lifecycle::Tasks;
use messaging_telemetry::LATENCY_SECONDS_BUCKETS;
use messaging_wire::Fault;
use prometheus::{Histogram, HistogramOpts, IntCounter, Registry};
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, timeout};

use crate::app::Gateway;

/// How long a probe may take. An API replica gives up on MongoDB after 4 s.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The last probe that was heard, and when.
#[derive(Debug, Clone, Copy)]
struct Heard {
    number: u64,
    at: Instant,
}

/// What hears probes.
#[derive(Clone)]
pub(crate) struct CanaryEar(Arc<watch::Sender<Heard>>);

struct Metrics {
    sent: IntCounter,
    lost: IntCounter,
    seconds: Histogram,
}

impl CanaryEar {
    pub(crate) fn new() -> Self {
        let at = Instant::now();
        Self(Arc::new(watch::Sender::new(Heard { number: 0, at })))
    }

    /// Takes the event of a probe.
    pub(crate) fn hear(&self, payload: &[u8]) {
        match canary_number(payload) {
            Some(number) => {
                let at = Instant::now();
                self.0.send_replace(Heard { number, at });
            }
            None => tracing::warn!("an event of the canary cannot be read and was dropped"),
        }
    }
}

/// Begins to send probes, one in each interval, until the tasks are asked to stop.
///
/// # Errors
/// When the metrics are registered already.
pub(crate) fn start(
    gateway: &Arc<Gateway>,
    (route, ear): (Route, &CanaryEar),
    interval: Duration,
    registry: &Registry,
    tasks: &Tasks,
) -> Result<(), prometheus::Error> {
    let metrics = Metrics::register(registry)?;
    if interval.is_zero() {
        return Ok(());
    }
    let (gateway, mut heard) = (Arc::clone(gateway), ear.0.subscribe());
    tasks.spawn_until_stopped("canary", async move {
        let mut ticks = tokio::time::interval(interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut listens = false;
        let mut was_lost = false;
        for number in 1.. {
            ticks.tick().await;
            metrics.sent.inc();
            let flight = async {
                if !listens {
                    gateway.interest.acquire(Topic::Canary(route)).await?;
                    listens = true;
                }
                let began = Instant::now();
                gateway.api.probe(&route, number).await?;
                let at = heard_of(&mut heard, number).await?;
                Ok::<_, Fault>(at.saturating_duration_since(began))
            };
            let lost = match timeout(TIMEOUT, flight).await {
                Ok(Ok(took)) => {
                    metrics.seconds.observe(took.as_secs_f64());
                    None
                }
                Ok(Err(fault)) => Some(fault.message),
                Err(_) => Some("it has not come in time".to_owned()),
            };
            metrics.lost.inc_by(u64::from(lost.is_some()));
            log_change(lost, &mut was_lost);
        }
    });
    Ok(())
}

async fn heard_of(heard: &mut watch::Receiver<Heard>, number: u64) -> Result<Instant, Fault> {
    let heard = heard.wait_for(|heard| heard.number == number).await;
    heard.map(|heard| heard.at).map_err(|_| Fault::internal())
}

/// One line when it begins, and one when it is over.
fn log_change(lost: Option<String>, was_lost: &mut bool) {
    let is_lost = lost.is_some();
    if is_lost != std::mem::replace(was_lost, is_lost) {
        match lost {
            Some(reason) => {
                tracing::warn!(reason, "a probe was lost: messages may not get here now")
            }
            None => tracing::info!("probes get here again"),
        }
    }
}

impl Metrics {
    fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let metrics = Self {
            sent: IntCounter::new(
                "fh_gateway_canary_sent_total",
                "Probes that this gateway has sent the way of a message.",
            )?,
            lost: IntCounter::new(
                "fh_gateway_canary_lost_total",
                "Probes that have not come back in time, or could not be sent at all.",
            )?,
            seconds: Histogram::with_opts(
                HistogramOpts::new(
                    "fh_gateway_canary_seconds",
                    "Time from asking for a probe, by a majority write and NATS, until it was heard here.",
                )
                .buckets(LATENCY_SECONDS_BUCKETS.to_vec()),
            )?,
        };
        registry.register(Box::new(metrics.sent.clone()))?;
        registry.register(Box::new(metrics.lost.clone()))?;
        registry.register(Box::new(metrics.seconds.clone()))?;
        Ok(metrics)
    }
}
