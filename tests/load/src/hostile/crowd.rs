use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;

use super::raw::Raw;
use super::{flood, half_open, slow};

/// The longest that one connection is kept: more than any time that a gateway gives it.
const LIFE_MAX: Duration = Duration::from_secs(80);

/// Between a connection that has ended and the next one in its place.
const RETURN_DELAY: Duration = Duration::from_millis(200);

/// What a peer does to a gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Kind {
    /// Connects and says nothing.
    Silent,
    /// Sends the head of a request a byte at a time.
    SlowHead,
    /// Sends a head of 60 KiB but for its end.
    LongHead,
    /// Sends the body of a polling POST a byte at a time.
    SlowBody,
    /// Sends the body of a REST call a byte at a time, with a good token.
    SlowCall,
    /// Asks for something, over and over, and reads no answer.
    UnreadAnswer,
    /// Was refused a WebSocket for want of a token, and stays.
    Refused,
    /// Opens a session by polling and joins no namespace.
    PollingUnengaged,
    /// Opens a session by WebSocket and joins no namespace.
    SocketUnengaged,
    /// Sends half of the largest frame.
    HalfFrame,
    /// Sends pings and reads no pong, before it has shown a token.
    UnreadPongs,
    /// Joins a conversation over Socket.IO and reads nothing more.
    SlowSocketIo,
    /// Joins a conversation on `/ws` and reads nothing more.
    SlowPlain,
    /// Joins a conversation by polling and reads no more answers.
    SlowPolling,
    /// Sends small valid events as fast as it can, and reads nothing.
    FloodOfEvents,
    /// Sends one message in fragments of a byte that do not end.
    FloodOfFragments,
    /// Sends pings as fast as it can, and reads nothing.
    FloodOfPings,
    /// Says of each frame that it is larger than the limit, and sends on.
    FloodOfOversize,
}

impl Kind {
    pub(super) const HALF_OPEN: [Self; 10] = [
        Self::Silent,
        Self::SlowHead,
        Self::LongHead,
        Self::SlowBody,
        Self::UnreadAnswer,
        Self::Refused,
        Self::PollingUnengaged,
        Self::SocketUnengaged,
        Self::HalfFrame,
        Self::UnreadPongs,
    ];
    /// What can be done to a server that knows no sockets.
    pub(super) const HTTP: [Self; 5] = [
        Self::Silent,
        Self::SlowHead,
        Self::LongHead,
        Self::SlowCall,
        Self::UnreadAnswer,
    ];
    pub(super) const SLOW: [Self; 3] = [Self::SlowSocketIo, Self::SlowPlain, Self::SlowPolling];
    pub(super) const FLOODS: [Self; 4] = [
        Self::FloodOfEvents,
        Self::FloodOfFragments,
        Self::FloodOfPings,
        Self::FloodOfOversize,
    ];

    /// Whether it gets as far as to be a user's connection in a conversation.
    pub(super) const fn is_joined(self) -> bool {
        (self as u8) >= Self::SlowSocketIo as u8
    }
}

/// Who a joined peer is.
#[derive(Clone)]
pub(super) struct Seat {
    pub(super) token: String,
    pub(super) conversation: String,
}

/// One peer, who comes back when the gateway has got rid of him.
#[derive(Clone)]
pub(super) struct Peer {
    pub(super) kind: Kind,
    pub(super) gateway: SocketAddr,
    pub(super) source: Ipv4Addr,
    /// Of those that join alone.
    pub(super) seat: Option<Seat>,
    /// `FRAME_BYTES_MAX`.
    pub(super) frame_bytes_max: usize,
}

/// What became of the peers of a kind.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) peers: AtomicU64,
    pub(super) open: AtomicU64,
    /// How often the gateway ended one.
    pub(super) ended: AtomicU64,
    /// How often one did not get as far as it wanted to.
    pub(super) failed: AtomicU64,
    /// How often one was still there when its time was over: none should be.
    pub(super) outlived: AtomicU64,
}

/// Peers at work, until it is dropped.
pub(super) struct Crowd {
    tasks: JoinSet<()>,
    tallies: Vec<(Kind, Arc<Tally>)>,
}

impl Crowd {
    pub(super) fn new() -> Self {
        Self {
            tasks: JoinSet::new(),
            tallies: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, peer: Peer) {
        let tally = self.tally(peer.kind);
        tally.peers.fetch_add(1, Ordering::Relaxed);
        self.tasks.spawn(peer.come_and_go(tally));
    }

    /// What became of the peers of each kind.
    pub(super) fn tallies(&self) -> &[(Kind, Arc<Tally>)] {
        &self.tallies
    }

    /// How many have got to where they wanted to be.
    pub(super) fn open(&self) -> u64 {
        self.sum(|tally| &tally.open)
    }

    pub(super) fn peers(&self) -> u64 {
        self.sum(|tally| &tally.peers)
    }

    fn sum(&self, count: impl Fn(&Tally) -> &AtomicU64) -> u64 {
        let counts = self.tallies.iter().map(|(_, tally)| count(tally));
        counts.map(|count| count.load(Ordering::Relaxed)).sum()
    }

    fn tally(&mut self, kind: Kind) -> Arc<Tally> {
        let known = self.tallies.iter().find(|(known, _)| *known == kind);
        if let Some((_, tally)) = known {
            return Arc::clone(tally);
        }
        let tally = Arc::new(Tally::default());
        self.tallies.push((kind, Arc::clone(&tally)));
        tally
    }
}

impl Peer {
    async fn come_and_go(self, tally: Arc<Tally>) {
        loop {
            if let Ok(mut raw) = self.begin().await {
                let open = Open::count(&tally);
                let ended = tokio::time::timeout(LIFE_MAX, self.go_on(&mut raw)).await;
                let outcome = match ended {
                    Ok(()) => &tally.ended,
                    Err(_) => &tally.outlived,
                };
                outcome.fetch_add(1, Ordering::Relaxed);
                drop(open);
            } else {
                tally.failed.fetch_add(1, Ordering::Relaxed);
            }
            tokio::time::sleep(RETURN_DELAY).await;
        }
    }

    /// Gets to where it stops being a good client.
    async fn begin(&self) -> std::io::Result<Raw> {
        let mut raw = Raw::open(self.gateway, self.source).await?;
        let begun = async {
            match &self.seat {
                None => half_open::begin(self, &mut raw).await,
                Some(_) if !self.kind.is_joined() => half_open::begin(self, &mut raw).await,
                Some(seat) if Kind::SLOW.contains(&self.kind) => {
                    slow::begin(self.kind, seat, &mut raw).await
                }
                Some(seat) => flood::begin(seat, &mut raw).await,
            }
        };
        tokio::time::timeout(LIFE_MAX, begun).await??;
        Ok(raw)
    }

    /// Does what it does until the gateway ends it.
    async fn go_on(&self, raw: &mut Raw) {
        match self.kind {
            kind if Kind::SLOW.contains(&kind) => slow::go_on(raw).await,
            kind if Kind::FLOODS.contains(&kind) => flood::go_on(self, raw).await,
            _ => half_open::go_on(self, raw).await,
        }
    }
}

/// Counts a peer that is open for as long as it is.
struct Open<'a>(&'a AtomicU64);

impl<'a> Open<'a> {
    fn count(tally: &'a Tally) -> Self {
        tally.open.fetch_add(1, Ordering::Relaxed);
        Self(&tally.open)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
