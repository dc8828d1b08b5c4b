use std::collections::HashMap;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use messaging_domain::ConversationId;
use parking_lot::Mutex;
use sha2::{Digest, Sha256};

use super::event_frame::socketio_frames;
use super::{AckId, Class, CloseReason, EventFrame, Link, Recoverable, text_frame};

/// How a connection talks.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// Socket.IO 5, in one of its namespaces.
    SocketIo {
        /// The namespace, such as `/messages`.
        namespace: Arc<str>,
    },
    /// JSON frames over a plain WebSocket.
    Plain,
}

/// One connection of a client, as the application sees it.
///
/// Sending never waits: what does not fit into the outbox closes the connection, or is left out.
#[derive(Debug)]
pub struct Connection {
    id: Box<str>,
    recoverable: OnceLock<Box<Recoverable>>,
    dialect: Dialect,
    link: Arc<Link>,
    phase: AtomicU8,
    held: Mutex<Held>,
}

/// What is kept of what is sent while a connection is not simply open.
#[derive(Debug, Default)]
struct Held {
    /// What waits for the answer that it is open.
    frames: Vec<(Bytes, Class)>,
    bytes: usize,
    /// Hashes of what was sent while it moves.
    sent: Vec<u64>,
}

/// Nothing may be sent before the answer that the connection is open.
const HOLDING: u8 = 0;
const OPEN: u8 = 1;
/// Its namespace was left; the link may live on.
const LEFT: u8 = 2;
/// Another process is about to take it over: what is sent is remembered as well.
const RECORDING: u8 = 3;

/// The most entries that an application can send while it still decides over the connection, or while it moves.
const HELD_MAX: usize = 1_024;

impl Connection {
    /// A connection that the application is still to decide over.
    pub(crate) fn undecided(id: Box<str>, dialect: Dialect, link: Arc<Link>) -> Arc<Self> {
        Arc::new(Self {
            id,
            recoverable: OnceLock::new(),
            dialect,
            link,
            phase: AtomicU8::new(HOLDING),
            held: Mutex::default(),
        })
    }

    /// A connection that is open.
    #[cfg(test)]
    pub(crate) fn new(id: Box<str>, dialect: Dialect, link: Arc<Link>) -> Arc<Self> {
        let connection = Self::undecided(id, dialect, link);
        connection.opened(None);
        connection
    }

    /// Its id: random, safe in URLs, subjects and keys. A recovered connection has the one that it had before.
    pub fn id(&self) -> &str {
        match self.recoverable.get() {
            Some(recoverable) => &recoverable.connection_id,
            None => &self.id,
        }
    }

    /// Lets the connection be recovered. Only the first call counts, before anything is sent.
    pub(crate) fn set_recoverable(&self, recoverable: Recoverable) {
        // Whoever calls it has just made the connection, or has been asked to decide over it.
        let _already = self.recoverable.set(Box::new(recoverable));
    }

    /// What it takes to recover the connection, if it can be.
    pub(crate) fn recoverable(&self) -> Option<&Recoverable> {
        self.recoverable.get().map(|recoverable| &**recoverable)
    }

    /// How it talks.
    pub const fn dialect(&self) -> &Dialect {
        &self.dialect
    }

    /// Sends an event.
    pub fn send(&self, event: &EventFrame, class: Class) {
        let frames = match &self.dialect {
            Dialect::SocketIo { namespace } => event.socketio(namespace),
            Dialect::Plain => event.plain(),
        };
        self.push(frames, class);
    }

    /// Sends a `new_message`, with the offset from which the client can be recovered if that is possible.
    pub(crate) fn send_message(&self, event: &EventFrame, conversation: ConversationId, seq: u64) {
        let (Some(recoverable), Dialect::SocketIo { namespace }) =
            (self.recoverable.get(), &self.dialect)
        else {
            return self.send(event, Class::Durable);
        };
        // Under the lock, so that no offset is sent before an earlier one.
        let mut trail = recoverable.trail.lock();
        let frames = match trail.advance(conversation, seq) {
            Some(offset) => event.socketio_with(namespace, &offset),
            None => event.socketio(namespace),
        };
        self.push(frames, Class::Durable);
        if trail.wants_checkpoint() {
            recoverable.ask_for_checkpoint();
        }
    }

    /// Answers an event with one argument: its JSON, which is not checked.
    pub fn acknowledge(&self, id: &AckId, json: &str) {
        self.acknowledge_with(id, json, &[]);
    }

    /// Answers an event with arguments as JSON, separated by commas, and their binary attachments.
    ///
    /// The plain dialect has one argument and no attachments.
    pub fn acknowledge_with(&self, id: &AckId, args: &str, attachments: &[Bytes]) {
        let frames = match (&self.dialect, id) {
            (Dialect::SocketIo { namespace }, AckId::Number(id)) => {
                socketio_frames(namespace, Some(*id), "", args, attachments)
            }
            (_, id) => {
                let id = match id {
                    AckId::Json(id) => id.get().to_owned(),
                    AckId::Number(id) => id.to_string(),
                };
                let args = if args.is_empty() { "null" } else { args };
                text_frame(format!(r#"{{"ack":{id},"data":{args}}}"#).as_bytes())
            }
        };
        self.push(frames, Class::Durable);
    }

    /// Ends the connection, and with it the transport under it; the first reason counts.
    pub fn close(&self, reason: CloseReason) {
        self.link.close(reason);
    }

    /// Whether it has ended.
    pub fn closed(&self) -> bool {
        self.phase.load(Ordering::Acquire) == LEFT || self.link.closed().is_some()
    }

    /// Waits until less than half of the outbox is taken, or the connection has ended.
    ///
    /// It returns at once while the application still decides over the connection, or while it moves: what is sent until
    /// then is held, and must fit into the outbox as a whole.
    pub async fn wait_for_room(&self) {
        if self.phase.load(Ordering::Acquire) == OPEN {
            self.link.wait_for_room().await;
        }
    }

    pub(crate) const fn link(&self) -> &Arc<Link> {
        &self.link
    }

    /// Sends the answer that it is open, where the dialect has one, and then what was held back for it.
    pub(crate) fn opened(&self, answer: Option<Bytes>) {
        let mut held = self.held.lock();
        if self.phase.load(Ordering::Acquire) == LEFT {
            return;
        }
        if let Some(answer) = answer {
            self.link.push(answer, Class::Durable);
        }
        for (frames, class) in std::mem::take(&mut *held).frames {
            self.link.push(frames, class);
        }
        // Under the lock, so that nobody can overtake what was held.
        self.phase.store(OPEN, Ordering::Release);
    }

    /// From now on what is sent is remembered.
    pub(crate) fn record(&self) {
        let _held = self.held.lock();
        let (order, failed) = (Ordering::AcqRel, Ordering::Acquire);
        let _otherwise = self.phase.compare_exchange(OPEN, RECORDING, order, failed);
    }

    /// Hashes of what was sent since [`Connection::record`]; nothing more is sent to it.
    pub(crate) fn recorded(&self) -> Vec<u64> {
        let mut held = self.held.lock();
        self.phase.store(LEFT, Ordering::Release);
        std::mem::take(&mut *held).sent
    }

    /// Sends what was held back, but for what another process has sent already: each as often as its hash is among these.
    pub(crate) fn release(&self, sent: &[u64]) {
        let mut left_out: HashMap<u64, usize> = HashMap::new();
        for hash in sent {
            *left_out.entry(*hash).or_default() += 1;
        }
        self.held.lock().frames.retain(|(frames, _)| {
            let left = left_out.get_mut(&hash(frames)).filter(|left| **left > 0);
            left.map(|left| *left -= 1).is_none()
        });
        self.opened(None);
    }

    /// Nothing more is sent to it.
    pub(crate) fn left(&self) {
        let mut held = self.held.lock();
        self.phase.store(LEFT, Ordering::Release);
        *held = Held::default();
    }

    fn push(&self, frames: Bytes, class: Class) {
        if self.phase.load(Ordering::Acquire) == OPEN {
            return self.link.push(frames, class);
        }
        let mut held = self.held.lock();
        match self.phase.load(Ordering::Acquire) {
            HOLDING if held.takes(&frames, self.link.outbox_bytes_max()) => {
                held.bytes += frames.len();
                held.frames.push((frames, class));
            }
            HOLDING if class == Class::Droppable => self.link.metrics().dropped(1),
            HOLDING => self.link.close(CloseReason::TooSlow),
            OPEN => self.link.push(frames, class),
            RECORDING => {
                // The frames themselves are the link's to keep.
                if held.sent.len() < HELD_MAX {
                    held.sent.push(hash(&frames));
                } else if class == Class::Durable {
                    self.link.close(CloseReason::TooSlow);
                }
                self.link.push(frames, class);
            }
            _ => {}
        }
    }
}

impl Held {
    /// As with the outbox, which it is to fit into: whatever its size, one entry may wait.
    fn takes(&self, frames: &Bytes, bytes_max: usize) -> bool {
        self.frames.is_empty()
            || (self.frames.len() < HELD_MAX && self.bytes + frames.len() <= bytes_max)
    }
}

/// What stands for a frame where the frame itself is not needed.
fn hash(frames: &Bytes) -> u64 {
    let digest = Sha256::digest(frames);
    let first = digest.first_chunk().expect("there are 32 bytes");
    u64::from_be_bytes(*first)
}

#[cfg(test)]
mod tests {
    use prometheus::Registry;

    use super::*;
    use crate::connection::{LinkLimits, SocketMetrics};

    const OUTBOX_BYTES_MAX: usize = 10_000;

    fn undecided() -> Arc<Connection> {
        let metrics = SocketMetrics::register(&Registry::new()).expect("registered once");
        let limits = LinkLimits {
            outbox_bytes_max: OUTBOX_BYTES_MAX,
        };
        let link = Link::new(limits, Arc::new(metrics));
        Connection::undecided("x".into(), Dialect::Plain, link)
    }

    fn event(bytes: usize) -> EventFrame {
        EventFrame::new("x", format!("\"{}\"", "x".repeat(bytes)))
    }

    #[test]
    fn what_is_held_before_the_answer_is_no_more_than_the_outbox_takes() {
        let connection = undecided();
        let event = event(3_000);
        for _ in 0..3 {
            connection.send(&event, Class::Durable);
        }
        connection.send(&event, Class::Droppable);
        assert!(!connection.closed(), "what may be left out is left out");
        connection.send(&event, Class::Durable);
        assert_eq!(connection.link().closed(), Some(CloseReason::TooSlow));
    }

    #[test]
    fn of_what_is_sent_during_a_move_only_hashes_are_kept() {
        let (here, there) = (undecided(), undecided());
        here.opened(None);
        here.record();
        let (first, second) = (event(1), event(2));
        here.send(&first, Class::Durable);
        assert_eq!(here.held.lock().frames.len(), 0);
        there.send(&first, Class::Durable);
        there.send(&second, Class::Durable);
        there.release(&here.recorded());
        assert_eq!(there.link().progress().0, second.plain().len());
    }
}
