use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::outbox::{Outbox, Pushed, Taken, Waiter};
use super::{Carrier, Class, CloseReason, SocketMetrics};

/// Bounds of a link.
#[derive(Debug, Clone, Copy)]
pub struct LinkLimits {
    /// The most bytes that wait to be sent.
    pub outbox_bytes_max: usize,
}

/// The way to one peer, whatever transport serves it at the moment: an outbox with an end.
///
/// It outlives a change of transport, and carries every namespace of a Socket.IO client.
#[derive(Debug)]
pub struct Link {
    outbox: Mutex<Outbox>,
    room: Notify,
    alive: AtomicBool,
    pulse: Mutex<Pulse>,
    carrier: Mutex<Carrier>,
    metrics: Arc<SocketMetrics>,
}

#[derive(Debug, Default)]
struct Pulse {
    next_ping: Option<Instant>,
    pong_due: Option<Instant>,
}

impl Link {
    /// A link that no transport serves yet; it counts as one of a WebSocket that speaks Socket.IO.
    pub fn new(limits: LinkLimits, metrics: Arc<SocketMetrics>) -> Arc<Self> {
        let carrier = Carrier::WebSocket;
        metrics.links(carrier).inc();
        Arc::new(Self {
            outbox: Mutex::new(Outbox::new(limits.outbox_bytes_max)),
            room: Notify::new(),
            alive: AtomicBool::new(true),
            pulse: Mutex::default(),
            carrier: Mutex::new(carrier),
            metrics,
        })
    }

    /// From now on it counts as one of these.
    pub(crate) fn carried_by(&self, carrier: Carrier) {
        let before = std::mem::replace(&mut *self.carrier.lock(), carrier);
        self.metrics.links(carrier).inc();
        self.metrics.links(before).dec();
    }

    /// Puts whole server frames into the outbox; see [`text_frame`](super::text_frame).
    pub fn push(&self, frames: Bytes, class: Class) {
        let pushed = self.change(|outbox| outbox.push(frames, class));
        match pushed {
            Pushed::Queued { dropped } => self.metrics.dropped(dropped),
            Pushed::Dropped => self.metrics.dropped(1),
            Pushed::Overflow { dropped } => {
                self.metrics.dropped(dropped);
                self.metrics.closed(CloseReason::TooSlow);
                self.room.notify_waiters();
            }
            Pushed::Closed => {}
        }
    }

    /// Ends the link; the first reason counts.
    pub fn close(&self, reason: CloseReason) {
        let first = self.change(|outbox| outbox.close(reason));
        if first {
            self.metrics.closed(reason);
            self.room.notify_waiters();
        }
    }

    /// Why the link has ended, if it has.
    pub fn closed(&self) -> Option<CloseReason> {
        self.outbox.lock().closed()
    }

    /// Waits until less than half of the outbox is taken, or the link has ended.
    pub async fn wait_for_room(&self) {
        loop {
            let mut changed = pin!(self.room.notified());
            changed.as_mut().enable();
            {
                let outbox = self.outbox.lock();
                if outbox.has_room() || outbox.closed().is_some() {
                    return;
                }
            }
            changed.await;
        }
    }

    /// Waits for the end. One task at a time.
    pub(crate) fn poll_closed(&self, cx: &Context<'_>) -> Poll<CloseReason> {
        let mut outbox = self.outbox.lock();
        if let Some(reason) = outbox.closed() {
            return Poll::Ready(reason);
        }
        outbox.register(Waiter::Keeper, cx);
        Poll::Pending
    }

    /// Takes what waits, up to so many bytes but at least one entry.
    ///
    /// Cancel-safe while it is pending; what was taken must be followed by [`Link::sent`]. One task at a time.
    pub(crate) fn poll_take(&self, cx: &Context<'_>, bytes_max: usize) -> Poll<Taken> {
        self.outbox.lock().poll_take(cx, bytes_max)
    }

    /// Takes all that waits, to be sent by somebody else.
    pub(crate) fn drain(&self) -> Vec<(Bytes, Class)> {
        self.change(Outbox::drain)
    }

    pub(crate) fn register(&self, waiter: Waiter, cx: &Context<'_>) {
        self.outbox.lock().register(waiter, cx);
    }

    /// So many bytes, of so many entries, have left.
    pub(crate) fn sent(&self, bytes: usize, entries: usize) {
        let has_room = self.change(|outbox| {
            outbox.sent(bytes, entries);
            outbox.has_room()
        });
        self.metrics.frames.inc_by(entries as u64);
        if has_room {
            self.room.notify_waiters();
        }
    }

    /// Does something to the outbox, and keeps the sum of what waits in all of them.
    fn change<T>(&self, act: impl FnOnce(&mut Outbox) -> T) -> T {
        let mut outbox = self.outbox.lock();
        let before = outbox.unsent_bytes();
        let result = act(&mut outbox);
        let change = gauged(outbox.unsent_bytes()) - gauged(before);
        if change != 0 {
            self.metrics.outbox_bytes.add(change);
        }
        result
    }

    /// How much waits, and how much has left since the beginning.
    pub(crate) fn progress(&self) -> (usize, u64) {
        let outbox = self.outbox.lock();
        (outbox.unsent_bytes(), outbox.sent_bytes())
    }

    /// Wakes whoever waits, to look at something else that changed.
    pub(crate) fn wake(&self) {
        self.outbox.lock().wake();
    }

    /// The peer gave a sign of life.
    pub(crate) fn is_alive(&self) {
        self.alive.store(true, Ordering::Relaxed);
    }

    /// Whether there was a sign of life since the last call; none is needed before the first.
    pub(crate) fn take_alive(&self) -> bool {
        self.alive.swap(false, Ordering::Relaxed)
    }

    /// When the next ping is due: the first one so long after the first call, whatever transport it is then on.
    pub(crate) fn next_ping(&self, interval: Duration) -> Instant {
        *self
            .pulse
            .lock()
            .next_ping
            .get_or_insert_with(|| on_grid(self.metrics.since, Instant::now() + interval, interval))
    }

    /// A ping has left; the next one is due then, and the answer to this one by `pong_due`.
    pub(crate) fn pinged(&self, next_ping: Instant, pong_due: Instant) {
        *self.pulse.lock() = Pulse {
            next_ping: Some(next_ping),
            pong_due: Some(pong_due),
        };
    }

    /// How long it is until the next ping, if the peer is pinged.
    pub(crate) fn next_ping_in(&self) -> Option<Duration> {
        let next_ping = self.pulse.lock().next_ping?;
        Some(next_ping.saturating_duration_since(Instant::now()))
    }

    /// The first ping is due so much later.
    pub(crate) fn expect_ping_in(&self, rest: Duration) {
        self.pulse.lock().next_ping = Some(Instant::now() + rest);
    }

    /// Closes the link if an answer is overdue: nobody is served by the grace of a timer that is late.
    pub(crate) fn check_pulse(&self) {
        let overdue = self
            .pulse
            .lock()
            .pong_due
            .is_some_and(|due| due <= Instant::now());
        if overdue && !self.alive.load(Ordering::Relaxed) {
            self.close(CloseReason::PingTimeout);
        }
    }

    /// The most bytes that wait to be sent.
    pub(crate) fn outbox_bytes_max(&self) -> usize {
        self.outbox.lock().bytes_max()
    }

    pub(crate) fn metrics(&self) -> &SocketMetrics {
        &self.metrics
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.metrics.links(*self.carrier.get_mut()).dec();
        self.metrics
            .outbox_bytes
            .sub(gauged(self.outbox.get_mut().unsent_bytes()));
    }
}

fn gauged(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

/// How many points of the grid there are in an interval.
const GRID_POINTS: u32 = 256;

/// The next point of a grid that all links share. The pings of many idle links then leave in one turn of the process, and their answers
/// come close together, where each on its own would wake it up.
fn on_grid(origin: Instant, at: Instant, interval: Duration) -> Instant {
    let step = (interval / GRID_POINTS).as_nanos();
    let since = at.saturating_duration_since(origin).as_nanos();
    match since.checked_rem(step) {
        None | Some(0) => at,
        Some(beyond) => at + Duration::from_nanos(u64::try_from(step - beyond).unwrap_or(0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_due_close_together_is_due_at_one_time_and_nothing_early_or_much_later() {
        const INTERVAL: Duration = Duration::from_millis(25_600);
        const STEP: Duration = Duration::from_millis(100);
        let origin = Instant::now();
        let first = on_grid(origin, origin + STEP / 2, INTERVAL);
        for millis in 1..=100 {
            let at = first + Duration::from_millis(millis);
            assert_eq!(
                on_grid(origin, at, INTERVAL),
                first + STEP,
                "{millis} ms later"
            );
        }
        assert_eq!(first, origin + STEP);
        assert_eq!(on_grid(origin, first, INTERVAL), first);
        assert_eq!(
            on_grid(origin, first + INTERVAL, INTERVAL),
            first + INTERVAL
        );
        let finest = Duration::from_nanos(1);
        let on_finest = on_grid(origin, first, finest);
        assert_eq!(on_finest, first, "no grid is so fine");
    }
}
