use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, Sleep, sleep_until};

use super::Receiver;
use crate::connection::{Class, CloseReason, Link};

/// How a peer is asked for signs of life.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Heartbeat {
    pub(crate) interval: Duration,
    pub(crate) timeout: Duration,
    /// When a peer must be engaged for the first time.
    pub(crate) engaged_within: Option<Duration>,
    pub(crate) kind: HeartbeatKind,
}

/// What is sent, and what counts as the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HeartbeatKind {
    /// Engine.IO packets.
    EngineIo,
    /// WebSocket ping frames; any frame is a sign of life.
    WebSocket,
}

impl HeartbeatKind {
    const fn ping(self) -> Bytes {
        match self {
            Self::EngineIo => Bytes::from_static(&[0x81, 1, b'2']),
            Self::WebSocket => Bytes::from_static(&[0x89, 0]),
        }
    }
}

/// Watches over a link until it is closed; closes it when the peer shows no life, takes nothing, or does nothing.
///
/// Cancel-safe: the next call goes on where this one was, but for a pong that is due.
pub(crate) async fn keep<R: Receiver>(link: &Link, receiver: &R, heartbeat: &Heartbeat) {
    let mut timer = pin!(sleep_until(Instant::now()));
    let mut engaged_by = heartbeat
        .engaged_within
        .map(|within| Instant::now() + within);
    let mut watch = Watch::default();
    loop {
        let ping_at = link.next_ping(heartbeat.interval);
        if let Some(by) = engaged_by.filter(|by| *by < ping_at) {
            if closed_before(link, timer.as_mut(), by).await {
                return;
            }
            engaged_by = None;
            if !receiver.engaged() {
                return link.close(CloseReason::NotConnected);
            }
            continue;
        }
        if closed_before(link, timer.as_mut(), ping_at).await {
            return;
        }
        if let Some(reason) = watch.fault(link, receiver, heartbeat.engaged_within) {
            return link.close(reason);
        }
        let _earlier = link.take_alive();
        let pong_due = ping_at + heartbeat.timeout;
        link.pinged(
            ping_at + heartbeat.interval.max(heartbeat.timeout),
            pong_due,
        );
        link.push(heartbeat.kind.ping(), Class::Durable);
        if closed_before(link, timer.as_mut(), pong_due).await {
            return;
        }
        if !link.take_alive() {
            return link.close(CloseReason::PingTimeout);
        }
    }
}

/// What the last pings saw.
#[derive(Default)]
struct Watch {
    stuck_at: Option<u64>,
    disengaged_since: Option<Instant>,
}

impl Watch {
    fn fault<R: Receiver>(
        &mut self,
        link: &Link,
        receiver: &R,
        engaged_within: Option<Duration>,
    ) -> Option<CloseReason> {
        // A peer can answer pings that it has not read.
        let (unsent, sent) = link.progress();
        if unsent > 0 && self.stuck_at == Some(sent) {
            return Some(CloseReason::TooSlow);
        }
        self.stuck_at = (unsent > 0).then_some(sent);
        if receiver.engaged() {
            self.disengaged_since = None;
            return None;
        }
        let since = *self.disengaged_since.get_or_insert_with(Instant::now);
        let overdue = engaged_within.is_some_and(|within| since.elapsed() >= within);
        overdue.then_some(CloseReason::NotConnected)
    }
}

/// Waits until the link is closed or the time has come; true if it is closed.
async fn closed_before(link: &Link, mut timer: Pin<&mut Sleep>, deadline: Instant) -> bool {
    timer.as_mut().reset(deadline);
    poll_fn(|cx| {
        if link.poll_closed(cx).is_ready() {
            return Poll::Ready(true);
        }
        timer.as_mut().poll(cx).map(|()| false)
    })
    .await
}
