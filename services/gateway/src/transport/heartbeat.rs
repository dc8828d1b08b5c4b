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

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::task::Context;

    use prometheus::Registry;
    use tokio::time::{sleep, timeout};

    use super::*;
    use crate::connection::{LinkLimits, SocketMetrics, Taken};
    use crate::transport::Message;

    struct Peer {
        engaged: AtomicBool,
    }

    impl Receiver for Peer {
        async fn receive(self: &Arc<Self>, _message: Message) -> Result<(), CloseReason> {
            Ok(())
        }

        fn ended(self: &Arc<Self>, _reason: CloseReason) {}

        fn engaged(&self) -> bool {
            self.engaged.load(Ordering::Relaxed)
        }
    }

    const HEARTBEAT: Heartbeat = Heartbeat {
        interval: Duration::from_secs(25),
        timeout: Duration::from_secs(20),
        engaged_within: Some(Duration::from_secs(10)),
        kind: HeartbeatKind::EngineIo,
    };

    fn link() -> Arc<Link> {
        let metrics = SocketMetrics::register(&Registry::new()).expect("registered once");
        let limits = LinkLimits {
            outbox_bytes_max: 1_000,
        };
        Link::new(limits, Arc::new(metrics))
    }

    const fn peer(engaged: bool) -> Peer {
        Peer {
            engaged: AtomicBool::new(engaged),
        }
    }

    /// Reads whatever is sent, for ever, and answers pings if it likes.
    async fn read(link: &Link, mut answers: impl FnMut() -> bool) {
        loop {
            let taken = poll_fn(|cx: &mut Context<'_>| link.poll_take(cx, 1_000)).await;
            let Taken::Frames(frames) = taken else {
                return;
            };
            link.sent(frames.iter().map(Bytes::len).sum(), frames.len());
            if answers() {
                link.is_alive();
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_is_pinged_at_intervals_and_closed_when_one_answer_is_missing() {
        let (link, peer, start) = (link(), peer(true), Instant::now());
        let mut pings = 0;
        let answers = || {
            pings += 1;
            pings < 4
        };
        tokio::join!(keep(&link, &peer, &HEARTBEAT), read(&link, answers));
        assert_eq!(link.closed(), Some(CloseReason::PingTimeout));
        assert_eq!(start.elapsed().as_secs(), 4 * 25 + 20);
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_does_nothing_is_closed_at_its_deadline() {
        let (link, peer, start) = (link(), peer(false), Instant::now());
        tokio::join!(keep(&link, &peer, &HEARTBEAT), read(&link, || true));
        assert_eq!(link.closed(), Some(CloseReason::NotConnected));
        assert_eq!(start.elapsed().as_secs(), 10);
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_stops_doing_anything_is_closed_some_pings_later() {
        let (link, peer, start) = (link(), peer(true), Instant::now());
        let stop = async {
            sleep(Duration::from_secs(30)).await;
            peer.engaged.store(false, Ordering::Relaxed);
        };
        tokio::join!(keep(&link, &peer, &HEARTBEAT), read(&link, || true), stop);
        assert_eq!(link.closed(), Some(CloseReason::NotConnected));
        assert_eq!(start.elapsed().as_secs(), 75);
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_answers_without_reading_is_closed() {
        let (link, peer) = (link(), peer(true));
        let answer = async {
            while link.closed().is_none() {
                link.is_alive();
                sleep(Duration::from_secs(1)).await;
            }
        };
        tokio::join!(keep(&link, &peer, &HEARTBEAT), answer);
        assert_eq!(link.closed(), Some(CloseReason::TooSlow));
    }

    #[tokio::test(start_paused = true)]
    async fn another_watcher_goes_on_where_the_first_one_was() {
        let (link, peer, start) = (link(), peer(true), Instant::now());
        let first = timeout(Duration::from_secs(24), keep(&link, &peer, &HEARTBEAT)).await;
        assert!(first.is_err(), "nothing has happened yet");
        tokio::join!(keep(&link, &peer, &HEARTBEAT), read(&link, || false));
        assert_eq!(start.elapsed().as_secs(), 25 + 20);
    }
}
