//! A client as it comes, breaks off and comes again, and what it must have seen in the end.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::attempt::Attempt;
use super::gateway::Gateway;
use super::socket;
use super::world::{CONVERSATIONS, World};

/// The paths of both transports, to which a session is added.
pub(super) const POLLING: &str = "/socket.io/?EIO=4&transport=polling";
pub(super) const WEBSOCKET: &str = "/socket.io/?EIO=4&transport=websocket";

/// A packet of Engine.IO.
pub(super) enum Packet {
    Text(String),
    Binary(Vec<u8>),
}

/// What a client has from one session to the next.
#[derive(Default)]
pub(super) struct Known {
    pub(super) pid: Option<String>,
    pub(super) offset: Option<String>,
    pub(super) places: [Place; CONVERSATIONS.len()],
}

/// Where a client stands in a conversation.
#[derive(Default)]
pub(super) struct Place {
    pub(super) is_joined: bool,
    /// The first message that it was given.
    pub(super) first: Option<u64>,
    /// It has all messages from the first one, or from where it joined, up to this one.
    pub(super) at: Option<u64>,
}

pub(super) struct Client {
    pub(super) world: Arc<World>,
    pub(super) gateways: Vec<Rc<Gateway>>,
    pub(super) known: RefCell<Known>,
    attempts: RefCell<u64>,
    /// Connections that it has forgotten without a word.
    half_open: RefCell<Vec<Pin<Box<dyn Future<Output = ()>>>>>,
}

/// How a client ends a session.
enum Farewell {
    /// It hangs up.
    Abort,
    /// It says nothing, and the connection stays as it is.
    Vanish,
}

impl Client {
    pub(super) fn new(world: &Arc<World>, gateways: &[Rc<Gateway>]) -> Self {
        Self {
            world: Arc::clone(world),
            gateways: gateways.to_vec(),
            known: RefCell::default(),
            attempts: RefCell::new(0),
            half_open: RefCell::default(),
        }
    }

    /// Comes and goes until all is calm and it has everything.
    pub(super) async fn live(self: &Rc<Self>) {
        while !self.try_once().await {
            self.pause(1_000).await;
        }
        self.world.tell(|| "the client has everything".to_owned());
    }

    /// One of the gateways that can be reached.
    pub(super) fn any_gateway(&self) -> Option<Rc<Gateway>> {
        let mut there = self.gateways.iter().filter(|one| one.takes_clients());
        let count = there.clone().count() as u64;
        if count == 0 {
            return None;
        }
        let chosen = self.world.number(0..count);
        there.nth(chosen as usize).map(Rc::clone)
    }

    pub(super) async fn pause(&self, millis_max: u64) {
        sleep(self.world.millis(0..millis_max)).await;
    }

    /// One session; true if it had everything in the end.
    async fn try_once(self: &Rc<Self>) -> bool {
        let Some(gateway) = self.any_gateway() else {
            return false;
        };
        let number = self.attempts.replace_with(|number| *number + 1) + 1;
        self.world.count(|counts| counts.attempts += 1);
        self.pause(20).await;
        let (sid, socket) = if self.world.chance(0.08) {
            let opened = socket::open(gateway.connect(), WEBSOCKET);
            let Some((mut incoming, outgoing)) = opened.await else {
                return false;
            };
            let Some(handshake) = incoming.text().await else {
                return false;
            };
            let socket = (Rc::clone(&gateway), incoming, outgoing);
            (sid(&handshake), Some(socket))
        } else {
            match gateway.serve("GET", POLLING, String::new()).await {
                Some((200, body)) => (sid(&String::from_utf8_lossy(&body)), None),
                _ => return false,
            }
        };
        let Some(sid) = sid else {
            self.world.fault("a handshake cannot be read".to_owned());
            return false;
        };
        self.world
            .tell(|| format!("session {number} begins at gateway {}", gateway.number()));
        let attempt = Attempt::begin(self, number, sid);
        let served = Rc::clone(&attempt);
        let transport = Box::pin(async move { served.transport(socket).await });
        self.stay(&attempt, transport).await
    }

    async fn stay(
        self: &Rc<Self>,
        attempt: &Rc<Attempt>,
        mut transport: Pin<Box<dyn Future<Output = ()>>>,
    ) -> bool {
        let (is_done, farewell) = tokio::select! {
            biased;
            () = attempt.over.cancelled() => (false, None),
            () = &mut transport => (false, None),
            () = attempt.behave() => (true, Some(self.farewell())),
            () = attempt.watch() => (false, None),
            () = self.lose_patience() => (false, Some(self.farewell())),
        };
        if let Some(Farewell::Vanish) = farewell
            && attempt.is_on_websocket()
        {
            self.world.tell(|| "the client vanishes".to_owned());
            self.half_open.borrow_mut().push(transport);
        } else if !is_done {
            self.world
                .tell(|| format!("session {} is over for the client", attempt.number));
        }
        is_done
    }

    fn farewell(&self) -> Farewell {
        if self.world.chance(0.5) {
            Farewell::Vanish
        } else {
            Farewell::Abort
        }
    }

    /// How long a client stays with a session before it leaves it for no reason.
    async fn lose_patience(&self) {
        let stay = match self.world.number(0..10) {
            0 => self.world.millis(0..60),
            1..=3 => self.world.millis(0..4_000),
            _ => Duration::from_secs(60),
        };
        let until = Instant::now() + stay;
        while Instant::now() < until || self.world.is_settling() {
            let left = until.saturating_duration_since(Instant::now());
            sleep(if left.is_zero() {
                Duration::from_secs(3_600)
            } else {
                left
            })
            .await;
        }
    }
}

fn sid(handshake: &str) -> Option<String> {
    let json: serde_json::Value = serde_json::from_str(handshake.strip_prefix('0')?).ok()?;
    Some(json.get("sid")?.as_str()?.to_owned())
}
