use std::time::Duration;

use messaging_wire::event::{SERVER_DRAINING, ServerDraining};
use tokio::time::Instant;

use crate::connection::{Class, CloseReason, Connection, EventFrame};
use crate::session::Sockets;

/// The part of the time that is left for closes to be sent and for the last events to be done.
const RESERVE: Duration = Duration::from_millis(500);

/// The time before the first close. A load balancer learns within a second or two that nobody is to be sent here any more, and
/// who is closed before it has may be sent here again, to be refused.
const LEAD: Duration = Duration::from_secs(2);

/// The largest part of the time that may go by before the first close: one in so many.
const LEAD_PART: u32 = 4;

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
    for (index, connection) in connections.iter().enumerate() {
        tell(connection, due(within, index, count));
    }
    let started = Instant::now();
    for (index, connection) in connections.iter().enumerate() {
        tokio::time::sleep_until(started + due(within, index, count)).await;
        connection.close(CloseReason::Draining);
    }
    let left = sockets.count();
    tracing::info!(closed = count, left, "drained");
}

/// Tells a connection that was let in while others were already told to go, and closes it at once.
pub(crate) fn see_out(connection: &Connection) {
    tell(connection, Duration::ZERO);
    connection.close(CloseReason::Draining);
}

fn tell(connection: &Connection, closed_in: Duration) {
    let reconnect_in_ms = u64::try_from(closed_in.as_millis()).unwrap_or(u64::MAX);
    let json = serde_json::to_string(&ServerDraining { reconnect_in_ms }).expect("a number");
    connection.send(&EventFrame::new(SERVER_DRAINING, json), Class::Durable);
}

/// When the connection of an index is closed: after the lead, and so that the last one leaves the reserve.
fn due(within: Duration, index: usize, count: usize) -> Duration {
    let lead = LEAD.min(within / LEAD_PART);
    let spread = within.saturating_sub(lead + RESERVE);
    lead + spread.mul_f64((index + 1) as f64 / count.max(1) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closes_are_evenly_spread_between_a_lead_and_a_reserve() {
        let check = |within_ms, count, expected: &[u64]| {
            let within = Duration::from_millis(within_ms);
            let due = (0..count).map(|index| due(within, index, count).as_millis() as u64);
            assert_eq!(due.collect::<Vec<_>>(), expected, "{count} in {within_ms}");
        };
        check(20_000, 1, &[19_500]);
        check(20_000, 5, &[5_500, 9_000, 12_500, 16_000, 19_500]);
        check(2_000, 4, &[750, 1_000, 1_250, 1_500]);
        check(0, 2, &[0, 0]);
        // Too short for a reserve: a lead, and then all at once.
        check(400, 2, &[100, 100]);
    }
}
