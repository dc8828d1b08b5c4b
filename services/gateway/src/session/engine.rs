use std::collections::HashMap;
use std::pin::pin;
use std::sync::Arc;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use crate::connection::{Carrier, CloseReason, Link, Violation};

/// A session of Engine.IO: a link, what takes its messages, and the transport that serves it at the moment.
pub(crate) struct EngineSession<R> {
    sid: Box<str>,
    link: Arc<Link>,
    receiver: Arc<R>,
    state: Mutex<State>,
    changed: Notify,
}

struct State {
    transport: Transport,
    polled: bool,
    posted: bool,
    farewell_due: bool,
}

/// Who serves a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Transport {
    /// HTTP requests.
    Polling,
    /// HTTP requests; a WebSocket has been opened to take over.
    Probing,
    /// The client's probe has come; polls are sent home.
    Probed,
    /// The probe has its answer.
    Answered,
    /// The WebSocket alone.
    WebSocket,
    /// Nobody here: another gateway takes it over.
    Leaving,
}

/// What broke off at another gateway that served a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Cut {
    /// The client let go of its poll.
    Poll,
    /// The body of a POST did not come to its end.
    Post,
    /// The body of a POST was too large.
    TooBig,
    /// The move of the session to that gateway.
    Move,
}

/// Why a request cannot be served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RequestRefused {
    /// The session has ended, or has moved to a WebSocket.
    Gone,
    /// There is such a request already, which ends the session.
    Duplicate,
}

/// Another WebSocket is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ProbeRefused;

impl<R> EngineSession<R> {
    /// A session served by HTTP requests.
    pub(crate) fn polling(sid: Box<str>, link: Arc<Link>, receiver: Arc<R>) -> Arc<Self> {
        Self::new(sid, link, receiver, Transport::Polling)
    }

    /// A session served by a WebSocket from the beginning.
    pub(crate) fn websocket(sid: Box<str>, link: Arc<Link>, receiver: Arc<R>) -> Arc<Self> {
        Self::new(sid, link, receiver, Transport::WebSocket)
    }

    fn new(sid: Box<str>, link: Arc<Link>, receiver: Arc<R>, transport: Transport) -> Arc<Self> {
        let state = Mutex::new(State {
            transport,
            polled: false,
            posted: false,
            farewell_due: false,
        });
        Arc::new(Self {
            sid,
            link,
            receiver,
            state,
            changed: Notify::new(),
        })
    }

    pub(crate) const fn link(&self) -> &Arc<Link> {
        &self.link
    }

    pub(crate) const fn receiver(&self) -> &Arc<R> {
        &self.receiver
    }

    /// Begins a long poll. A second one at a time ends the session.
    pub(crate) fn begin_poll(self: &Arc<Self>) -> Result<Request<R>, RequestRefused> {
        self.begin(Kind::Poll)
    }

    /// Begins to take what a POST brings. A second one at a time ends the session: the order would be lost.
    pub(crate) fn begin_post(self: &Arc<Self>) -> Result<Request<R>, RequestRefused> {
        self.begin(Kind::Post)
    }

    fn begin(self: &Arc<Self>, kind: Kind) -> Result<Request<R>, RequestRefused> {
        self.link.check_pulse();
        if self.is_over() {
            return Err(RequestRefused::Gone);
        }
        let mut state = self.state.lock();
        if kind == Kind::Poll {
            state.farewell_due = false;
        }
        if state.transport >= Transport::WebSocket {
            return Err(RequestRefused::Gone);
        }
        if std::mem::replace(state.flag(kind), true) {
            drop(state);
            self.link
                .close(CloseReason::ProtocolViolation(Violation::Protocol));
            return Err(RequestRefused::Duplicate);
        }
        let late = state.transport != Transport::Polling;
        drop(state);
        Ok(Request {
            session: Arc::clone(self),
            kind,
            late,
            completed: false,
        })
    }

    /// Whether it has ended and nothing is left to be fetched.
    pub(crate) fn is_over(&self) -> bool {
        let Some(reason) = self.link.closed() else {
            return false;
        };
        let unfetched = reason.lingers() && self.link.progress().0 > 0;
        !unfetched && !self.state.lock().farewell_due
    }

    /// The client has said by a POST that it leaves; its poll, open or still on its way, is to end in peace.
    pub(crate) fn left(&self) {
        let mut state = self.state.lock();
        state.farewell_due = !state.polled;
    }

    /// The last words are on their way; the next poll is to be told of the end.
    pub(crate) fn owe_farewell(&self) {
        self.state.lock().farewell_due = true;
    }

    /// Whether polls are sent home because a WebSocket takes over.
    pub(crate) fn is_moving(&self) -> bool {
        self.state.lock().transport >= Transport::Probed
    }

    /// Begins to try out a WebSocket; without [`Probe::complete`] the session stays with polling.
    pub(crate) fn begin_probe(self: &Arc<Self>) -> Result<Probe<R>, ProbeRefused> {
        let mut state = self.state.lock();
        if state.transport != Transport::Polling {
            return Err(ProbeRefused);
        }
        state.transport = Transport::Probing;
        Ok(Probe(Arc::clone(self)))
    }

    /// Waits until a WebSocket has taken over.
    pub(crate) async fn upgraded(&self) {
        self.wait_for(|| self.state.lock().transport == Transport::WebSocket)
            .await;
    }

    /// Waits until a WebSocket has taken over, here or at another gateway.
    pub(crate) async fn moved(&self) {
        self.wait_for(|| self.state.lock().transport >= Transport::WebSocket)
            .await;
    }

    /// Something of the session broke off at another gateway.
    pub(crate) fn cut(&self, cut: Cut) {
        let reason = match cut {
            // A client that moves may let go of its poll, which has nothing for it any more.
            Cut::Poll if self.is_moving() => return,
            Cut::Poll | Cut::Post | Cut::Move => CloseReason::TransportAborted,
            Cut::TooBig => CloseReason::ProtocolViolation(Violation::TooBig),
        };
        self.link.close(reason);
    }

    /// Waits until no POST is in work.
    pub(crate) async fn quiet(&self) {
        self.wait_for(|| !self.state.lock().posted).await;
    }

    /// Waits until what waits at the end of the session was fetched.
    pub(crate) async fn fetched(&self) {
        self.wait_for(|| self.is_over()).await;
    }

    async fn wait_for(&self, condition: impl Fn() -> bool) {
        loop {
            let mut changed = pin!(self.changed.notified());
            changed.as_mut().enable();
            if condition() {
                return;
            }
            changed.await;
        }
    }
}

impl State {
    const fn flag(&mut self, kind: Kind) -> &mut bool {
        match kind {
            Kind::Poll => &mut self.polled,
            Kind::Post => &mut self.posted,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Poll,
    Post,
}

/// An HTTP request that serves a session; dropped before it is complete, the client has gone.
pub(crate) struct Request<R> {
    session: Arc<EngineSession<R>>,
    kind: Kind,
    late: bool,
    completed: bool,
}

impl<R> Request<R> {
    /// Whether it came after a WebSocket had been opened to take over.
    pub(crate) const fn came_late(&self) -> bool {
        self.late
    }

    /// It has its answer.
    pub(crate) fn complete(mut self) {
        self.completed = true;
    }
}

impl<R> Drop for Request<R> {
    fn drop(&mut self) {
        let transport = {
            let mut state = self.session.state.lock();
            *state.flag(self.kind) = false;
            state.transport
        };
        // A client that moves may let go of its poll, which has nothing for it any more.
        let harmless = self.kind == Kind::Poll && transport >= Transport::Probed;
        if !self.completed && !harmless {
            self.session.link.close(CloseReason::TransportAborted);
        }
        self.session.changed.notify_waiters();
    }
}

/// A WebSocket on trial.
pub(crate) struct Probe<R>(Arc<EngineSession<R>>);

impl<R> Probe<R> {
    pub(crate) const fn session(&self) -> &Arc<EngineSession<R>> {
        &self.0
    }

    /// The client's probe has come: from now on polls are sent home.
    pub(crate) fn probed(&self) -> bool {
        self.advance(Transport::Probing, Transport::Probed)
    }

    /// The probe has been answered.
    pub(crate) fn answered(&self) -> bool {
        self.advance(Transport::Probed, Transport::Answered)
    }

    /// The client has moved. Its word may come before our answer to the probe has left, and waits for that:
    /// whoever sees that the session has moved may rely on the answer being on its way.
    pub(crate) async fn complete(&self) -> bool {
        if !self.0.is_moving() {
            return false;
        }
        self.0
            .wait_for(|| self.0.state.lock().transport >= Transport::Answered)
            .await;
        let moved = self.advance(Transport::Answered, Transport::WebSocket);
        if moved {
            self.0.link.carried_by(Carrier::WebSocket);
        }
        moved
    }

    /// The client has moved to another gateway, which takes the session over; no request is taken any more.
    pub(crate) fn leave(&self) -> bool {
        self.advance(Transport::Probed, Transport::Leaving)
    }

    pub(crate) fn is_complete(&self) -> bool {
        self.0.state.lock().transport == Transport::WebSocket
    }

    /// Waits until the client's probe has come.
    pub(crate) async fn wait_probed(&self) {
        self.0.wait_for(|| self.0.is_moving()).await;
    }

    fn advance(&self, from: Transport, to: Transport) -> bool {
        {
            let mut state = self.0.state.lock();
            if state.transport != from {
                return false;
            }
            state.transport = to;
        }
        self.0.changed.notify_waiters();
        self.0.link.wake();
        true
    }
}

impl<R> Drop for Probe<R> {
    fn drop(&mut self) {
        let mut state = self.0.state.lock();
        if state.transport < Transport::WebSocket {
            state.transport = Transport::Polling;
        }
    }
}

const SHARDS: usize = 16;

type Shard<R> = Mutex<HashMap<Box<str>, Arc<EngineSession<R>>>>;

/// The sessions of a process, by `sid`.
pub(crate) struct Sessions<R> {
    shards: [Shard<R>; SHARDS],
}

impl<R> Sessions<R> {
    pub(crate) fn new() -> Self {
        Self {
            shards: std::array::from_fn(|_| Mutex::default()),
        }
    }

    pub(crate) fn insert(&self, session: &Arc<EngineSession<R>>) {
        self.shard(&session.sid)
            .lock()
            .insert(session.sid.clone(), Arc::clone(session));
    }

    pub(crate) fn find(&self, sid: &str) -> Option<Arc<EngineSession<R>>> {
        self.shard(sid).lock().get(sid).cloned()
    }

    pub(crate) fn remove(&self, session: &EngineSession<R>) {
        self.shard(&session.sid).lock().remove(&session.sid);
    }

    #[cfg(test)]
    pub(crate) fn count(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().len()).sum()
    }

    /// Ends all of them.
    pub(crate) fn close_all(&self, reason: CloseReason) {
        for shard in &self.shards {
            let links: Vec<_> = shard
                .lock()
                .values()
                .map(|session| Arc::clone(&session.link))
                .collect();
            for link in links {
                link.close(reason);
            }
        }
    }

    fn shard(&self, sid: &str) -> &Shard<R> {
        let last = sid.as_bytes().last().copied().unwrap_or_default();
        &self.shards[usize::from(last) % SHARDS]
    }
}
