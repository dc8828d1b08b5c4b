use std::sync::Arc;
use std::time::Duration;

use messaging_lifecycle::Tasks;
use prometheus::{IntGauge, Registry};

use crate::app::Gateway;
use crate::session::Sockets;

/// How often sizes are looked at.
const INTERVAL: Duration = Duration::from_secs(2);

/// Registers what is only a matter of counting: connections, rooms, subscriptions.
///
/// # Errors
/// When the metrics are registered already.
pub(crate) fn register_sizes(
    gateway: &Arc<Gateway>,
    sockets: &Sockets,
    registry: &Registry,
    tasks: &Tasks,
) -> Result<(), prometheus::Error> {
    let connections = IntGauge::new("fh_gateway_connections", "Connections that were let in.")?;
    let subscriptions = IntGauge::new(
        "fh_gateway_subscriptions",
        "Topics of the bus that this gateway listens to.",
    )?;
    registry.register(Box::new(connections.clone()))?;
    registry.register(Box::new(subscriptions.clone()))?;
    let (gateway, sockets, stopping) = (
        Arc::downgrade(gateway),
        sockets.clone(),
        tasks.stopping().clone(),
    );
    tasks.spawn("size metrics", async move {
        let mut ticks = tokio::time::interval(INTERVAL);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = stopping.cancelled() => return,
            }
            let Some(gateway) = gateway.upgrade() else {
                return;
            };
            connections.set(i64::try_from(sockets.count()).unwrap_or(i64::MAX));
            subscriptions.set(i64::try_from(gateway.interest.topic_count()).unwrap_or(i64::MAX));
        }
    });
    Ok(())
}
