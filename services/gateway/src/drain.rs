use std::time::Duration;

use messaging_wire::event::{SERVER_DRAINING, ServerDraining};
use tokio::time::Instant;

use crate::connection::{Class, CloseReason, EventFrame};
use crate::session::Sockets;

/// The part of the time that is left for closes to be sent and for the last events to be done.
const RESERVE: Duration = Duration::from_millis(500);

/// Lets no one in any more, tells each connection when it will be closed, and closes them one after the other, evenly spread
/// over the time: clients come back by themselves, and those that come back all at once would be a storm for the others.
pub(crate) async fn drain(sockets: &Sockets, within: Duration) {
    sockets.refuse_new();
    let connections = sockets.connections();
    let count = connections.len();
    tracing::info!(
        connections = count,
        within_ms = within.as_millis(),
        "draining"
    );
    let spread = within.saturating_sub(RESERVE);
    let due = |index: usize| spread.mul_f64((index + 1) as f64 / count.max(1) as f64);
    for (index, connection) in connections.iter().enumerate() {
        let reconnect_in_ms = u64::try_from(due(index).as_millis()).unwrap_or(u64::MAX);
        let json = serde_json::to_string(&ServerDraining { reconnect_in_ms }).expect("a number");
        connection.send(&EventFrame::new(SERVER_DRAINING, json), Class::Durable);
    }
    let started = Instant::now();
    for (index, connection) in connections.iter().enumerate() {
        tokio::time::sleep_until(started + due(index)).await;
        connection.close(CloseReason::Draining);
    }
    let left = sockets.count();
    tracing::info!(closed = count, left, "drained");
}
