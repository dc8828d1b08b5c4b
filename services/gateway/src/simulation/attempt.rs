//! One session of a client: its transports, what it says, and what it must hear.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use messaging_socketio::{EnginePacket, PayloadWriter};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::client::{Client, POLLING, Packet, WEBSOCKET};
use super::gateway::Gateway;
use super::hearing::Heard;
use super::socket::{self, Incoming, Outgoing};

/// A client waits so long for a ping: the interval and the timeout of the heartbeat.
const PING_WITHIN: Duration = Duration::from_secs(45);

/// No poll lasts longer: the interval of the heartbeat, a slice, and what is waited for its answer.
const POLL_BOUND: Duration = Duration::from_secs(25 + 3 + 2 + 1);

/// No POST lasts longer: it waits for room in the inbox, or for the session to come to rest.
const POST_BOUND: Duration = Duration::from_secs(60);

/// An owner is asked once before a WebSocket is let in.
const OPEN_BOUND: Duration = Duration::from_secs(2 + 1);

/// The owner is asked once more, and a WebSocket is not tried for longer than 10 s.
const PROBE_BOUND: Duration = Duration::from_secs(10 + 2 + 1);

/// Every event has its answer within this time, or the client has heard of the end of its session.
const ANSWER_BOUND: Duration = Duration::from_secs(90);

/// A WebSocket, and the gateway that it leads to.
pub(super) type Socket = (Rc<Gateway>, Incoming, Outgoing);

pub(super) struct Attempt {
    pub(super) client: Rc<Client>,
    pub(super) number: u64,
    sid: String,
    outgoing: RefCell<VecDeque<Packet>>,
    queued: Notify,
    is_pausing: Cell<bool>,
    is_on_websocket: Cell<bool>,
    pub(super) heard: RefCell<Heard>,
    /// Cancelled once the client knows that the session has ended.
    pub(super) over: CancellationToken,
}

impl Attempt {
    pub(super) fn begin(client: &Rc<Client>, number: u64, sid: String) -> Rc<Self> {
        let auth = {
            let known = client.known.borrow();
            serde_json::json!({ "attempt": number, "pid": known.pid, "offset": known.offset })
        };
        let attempt = Self {
            client: Rc::clone(client),
            number,
            sid,
            outgoing: RefCell::default(),
            queued: Notify::new(),
            is_pausing: Cell::new(false),
            is_on_websocket: Cell::new(false),
            heard: RefCell::new(Heard::new()),
            over: CancellationToken::new(),
        };
        attempt.queue(Packet::Text(format!("40/messages,{auth}")));
        Rc::new(attempt)
    }

    pub(super) fn is_on_websocket(&self) -> bool {
        self.is_on_websocket.get()
    }

    pub(super) fn queue(&self, packet: Packet) {
        self.outgoing.borrow_mut().push_back(packet);
        self.queued.notify_one();
    }

    /// The client hears that the session has ended.
    pub(super) fn end(&self, why: &str) {
        let number = self.number;
        self.client
            .world
            .tell(|| format!("the client hears of the end of session {number}: {why}"));
        self.over.cancel();
    }

    fn hangs(&self, what: &str) {
        self.client
            .world
            .fault(format!("{what} of session {} hangs", self.number));
        self.over.cancel();
    }

    /// Polling, the move to a WebSocket, and that; returns only when the WebSocket has ended.
    pub(super) async fn transport(&self, socket: Option<Socket>) {
        let (gateway, mut incoming, mut outgoing) = match socket {
            Some(socket) => socket,
            None => {
                let ((), (), socket) = tokio::join!(self.poll(), self.post(), self.upgrade());
                let Some(mut socket) = socket else { return };
                if self.over.is_cancelled() {
                    return;
                }
                self.client.world.tell(|| "the client has moved".to_owned());
                if socket.2.send(&Packet::Text("5".to_owned())).await.is_none() {
                    return self.end("the WebSocket broke off");
                }
                socket
            }
        };
        self.is_on_websocket.set(true);
        tokio::select! {
            biased;
            () = gateway.died() => {}
            () = async {
                while let Some(text) = incoming.text().await {
                    self.hear(&text);
                }
            } => {}
            () = async {
                while outgoing.send(&self.next().await).await.is_some() {}
            } => {}
        }
        self.end("the WebSocket has ended");
    }

    async fn next(&self) -> Packet {
        loop {
            if let Some(packet) = self.outgoing.borrow_mut().pop_front() {
                return packet;
            }
            self.queued.notified().await;
        }
    }

    async fn poll(&self) {
        let path = format!("{POLLING}&sid={}", self.sid);
        while !self.is_pausing.get() {
            let Some(gateway) = self.client.any_gateway() else {
                return self.end("nobody is there");
            };
            self.client.pause(15).await;
            let answer = gateway.serve("GET", &path, String::new());
            let Ok(answer) = timeout(POLL_BOUND, answer).await else {
                return self.hangs("a poll");
            };
            self.client.pause(15).await;
            let Some((200, body)) = answer else {
                return self.end("a poll failed");
            };
            let body = String::from_utf8(body.into()).unwrap_or_default();
            for packet in body.split('\u{1e}') {
                self.hear(packet);
            }
        }
    }

    async fn post(&self) {
        let path = format!("{POLLING}&sid={}", self.sid);
        while !self.is_pausing.get() {
            if self.outgoing.borrow().is_empty() {
                self.queued.notified().await;
                continue;
            }
            let Some(gateway) = self.client.any_gateway() else {
                return self.end("nobody is there");
            };
            let body = self.payload();
            self.client.pause(15).await;
            let Ok(answer) = timeout(POST_BOUND, gateway.serve("POST", &path, body)).await else {
                return self.hangs("a POST");
            };
            self.client.pause(15).await;
            if answer.is_none_or(|(status, _)| status != 200) {
                return self.end("a POST failed");
            }
        }
    }

    /// Some of what waits to be sent.
    fn payload(&self) -> String {
        let mut outgoing = self.outgoing.borrow_mut();
        let count = self.client.world.number(0..outgoing.len() as u64) as usize + 1;
        let mut payload = PayloadWriter::default();
        for packet in outgoing.drain(..count) {
            match packet {
                Packet::Text(text) => payload.push_encoded(text.as_bytes()),
                Packet::Binary(bytes) => payload.push(&EnginePacket::Binary(bytes.into())),
            }
        }
        String::from_utf8(payload.finish()).expect("text")
    }

    /// Tries a WebSocket, once; without one, polling goes on.
    async fn upgrade(&self) -> Option<Socket> {
        let (client, world) = (&self.client, &self.client.world);
        if world.chance(0.1) {
            return None;
        }
        let patience = if world.chance(0.8) { 400 } else { 4_000 };
        client.pause(patience).await;
        let gateway = client.any_gateway()?;
        world.tell(|| {
            format!(
                "the client tries a WebSocket at gateway {}",
                gateway.number()
            )
        });
        let (stream, path) = (gateway.connect(), format!("{WEBSOCKET}&sid={}", self.sid));
        let tried = async {
            let Ok(opened) = timeout(OPEN_BOUND, socket::open(stream, &path)).await else {
                self.hangs("the handshake of a WebSocket");
                return None;
            };
            let (mut incoming, mut outgoing) = opened?;
            if world.chance(0.05) {
                return None;
            }
            outgoing.send(&Packet::Text("2probe".to_owned())).await?;
            if world.chance(0.05) {
                client.pause(500).await;
                return None;
            }
            let Ok(answer) = timeout(PROBE_BOUND, incoming.text()).await else {
                self.hangs("the probe of a WebSocket");
                return None;
            };
            (answer? == "3probe").then_some((incoming, outgoing))
        };
        let probed = tokio::select! {
            biased;
            () = gateway.died() => None,
            probed = tried => probed,
        };
        let Some((incoming, outgoing)) = probed else {
            world.tell(|| "the WebSocket comes to nothing".to_owned());
            return None;
        };
        self.is_pausing.set(true);
        self.queued.notify_one();
        Some((gateway, incoming, outgoing))
    }

    /// Joins, and sends events, until all is calm and it has everything.
    pub(super) async fn behave(&self) {
        let world = &self.client.world;
        loop {
            sleep(world.millis(0..1_000)).await;
            if !self.heard.borrow().is_connected {
                continue;
            }
            self.join();
            if world.is_settling() {
                if self.has_everything() {
                    return;
                }
                continue;
            }
            for _ in 0..world.number(0..4) {
                self.say();
            }
        }
    }

    fn join(&self) {
        let known = self.client.known.borrow();
        for (conversation, place) in known.places.iter().enumerate() {
            let mut heard = self.heard.borrow_mut();
            if !place.is_joined && !heard.joining[conversation] {
                heard.joining[conversation] = true;
                let number = heard.says(Some(conversation));
                let text = format!("42/messages,{number}[\"join\",{number},{conversation}]");
                self.queue(Packet::Text(text));
            }
        }
    }

    fn say(&self) {
        let number = self.heard.borrow_mut().says(None);
        let attachments = if self.client.world.chance(0.2) { 2 } else { 0 };
        if attachments == 0 {
            let text = format!("42/messages,{number}[\"say\",{number},0]");
            return self.queue(Packet::Text(text));
        }
        let placeholder = |num| format!("{{\"_placeholder\":true,\"num\":{num}}}");
        let (one, two) = (placeholder(0), placeholder(1));
        self.queue(Packet::Text(format!(
            "452-/messages,{number}[\"say\",{number},2,{one},{two}]"
        )));
        for _ in 0..attachments {
            self.queue(Packet::Binary(vec![7; 3]));
        }
    }

    fn has_everything(&self) -> bool {
        let (known, heard) = (self.client.known.borrow(), self.heard.borrow());
        let mut places = known.places.iter().enumerate();
        heard.is_answered()
            && places.all(|(conversation, place)| {
                place.is_joined && place.at == Some(self.client.world.head(conversation))
            })
    }

    /// Looks after the heartbeat and the answers; returns when the client gives up.
    pub(super) async fn watch(&self) {
        loop {
            sleep(Duration::from_secs(1)).await;
            let heard = self.heard.borrow();
            if heard.pinged_at.elapsed() > PING_WITHIN {
                drop(heard);
                return self.end("no ping came");
            }
            if heard
                .oldest_unanswered()
                .is_some_and(|at| Instant::now() - at > ANSWER_BOUND)
            {
                drop(heard);
                return self.hangs("an event");
            }
        }
    }
}
