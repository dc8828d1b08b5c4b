use std::collections::VecDeque;
use std::pin::pin;
use std::sync::Arc;

use messaging_lifecycle::Tasks;
use messaging_wire::Fault;
use parking_lot::Mutex;
use serde_json::value::RawValue;
use tokio::sync::{Notify, oneshot};
use tokio::task::coop::consume_budget;

use super::{CloseReason, Connection};
use crate::application::{Application, ClientEvent, OpenRequest};
use crate::drain::see_out;
use crate::session::Sockets;

/// How much of a client's events waits for the application.
#[derive(Debug, Clone, Copy)]
pub(crate) struct InboxLimits {
    /// The most events.
    pub(crate) events_max: usize,
    /// The most bytes; one event may always wait.
    pub(crate) bytes_max: usize,
}

/// What all connections of an application share.
pub(crate) struct Host<A> {
    pub(crate) app: Arc<A>,
    pub(crate) tasks: Tasks,
    pub(crate) sockets: Sockets,
    pub(crate) inbox: InboxLimits,
}

/// The calls to the application for one connection, in order, one at a time.
///
/// A task runs only while there is something to do: an idle connection has none.
pub(crate) struct Worker<A: Application> {
    host: Arc<Host<A>>,
    connection: Arc<Connection>,
    state: Mutex<State<A::Session>>,
    room: Notify,
}

struct State<S> {
    opening: Option<Box<Opening>>,
    session: Option<Arc<S>>,
    inbox: VecDeque<ClientEvent>,
    inbox_bytes: usize,
    running: bool,
    /// Nothing is begun: the connection moves.
    resting: bool,
    ended: Option<CloseReason>,
}

/// A connection as it goes from one process to another.
pub(crate) struct HandedOver {
    /// Of the application.
    pub(crate) state: Box<RawValue>,
    /// The events that had not begun.
    pub(crate) inbox: Vec<ClientEvent>,
    /// Hashes of what was sent since it rests.
    pub(crate) sent: Vec<u64>,
}

struct Opening {
    request: OpenRequest,
    answer: Answer,
}

/// Tells the client what the application decided.
pub(crate) type Answer = Box<dyn FnOnce(&Connection, Result<(), Fault>) + Send>;

/// An answer that waits elsewhere: for the response to an HTTP request.
pub(crate) fn answer_to(waiting: oneshot::Sender<Result<(), Fault>>) -> Answer {
    Box::new(|connection, decision| {
        if decision.is_ok() {
            connection.opened(None);
        }
        // Whoever asked may be gone; then the link is closed, too.
        let _gone = waiting.send(decision);
    })
}

enum Job<S> {
    Open(Box<Opening>),
    Event(Arc<S>, ClientEvent),
    Closed(Arc<S>, CloseReason),
}

impl<A: Application> Worker<A> {
    /// Starts with the application's decision over the connection.
    pub(crate) fn open(
        host: Arc<Host<A>>,
        connection: Arc<Connection>,
        request: OpenRequest,
        answer: Answer,
    ) -> Arc<Self> {
        let state = State {
            opening: Some(Box::new(Opening { request, answer })),
            running: true,
            ..State::idle()
        };
        let worker = Self::new(host, connection, state);
        worker.start();
        worker
    }

    /// Has the application get ready for a connection that another process will hand over.
    pub(crate) async fn prepare(
        host: &Arc<Host<A>>,
        connection: Arc<Connection>,
        described: &RawValue,
    ) -> Result<Arc<Self>, Fault> {
        let session = host.app.prepare(&connection, described).await?;
        let state = State {
            session: Some(session),
            resting: true,
            ..State::idle()
        };
        Ok(Self::new(Arc::clone(host), connection, state))
    }

    fn new(host: Arc<Host<A>>, connection: Arc<Connection>, state: State<A::Session>) -> Arc<Self> {
        Arc::new(Self {
            host,
            connection,
            state: Mutex::new(state),
            room: Notify::new(),
        })
    }

    pub(crate) const fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }

    /// Queues an event; waits while the inbox is full, which holds up the client.
    ///
    /// Cancel-safe: an event whose push is dropped was not queued.
    pub(crate) async fn push(self: &Arc<Self>, event: ClientEvent) {
        self.connection.link().metrics().events.inc();
        let bytes = event.bytes();
        let mut event = Some(event);
        loop {
            let mut changed = pin!(self.room.notified());
            changed.as_mut().enable();
            {
                let mut state = self.state.lock();
                if state.ended.is_some() {
                    return;
                }
                if state.takes(bytes, &self.host.inbox) {
                    state.inbox.extend(event.take());
                    state.inbox_bytes += bytes;
                    self.start_if_due(&mut state);
                    return;
                }
            }
            changed.await;
            // The answer to a ping may wait behind this event, and is late because we are.
            self.connection.link().is_alive();
        }
    }

    /// Begins no event any more and waits until the one that runs is finished; what is sent from then on is recorded.
    pub(crate) async fn rest(&self) {
        loop {
            let mut changed = pin!(self.room.notified());
            changed.as_mut().enable();
            {
                let mut state = self.state.lock();
                state.resting = true;
                if !state.running || state.ended.is_some() {
                    break;
                }
            }
            changed.await;
        }
        self.connection.record();
    }

    /// What another process must know to get ready for the connection, which rests.
    pub(crate) async fn describe(&self) -> Option<Box<RawValue>> {
        let session = self.state.lock().session.clone()?;
        self.host.app.describe(&session).await
    }

    /// The application lets go of the connection, which rests; it does not hear of the end.
    pub(crate) async fn hand_over(&self) -> Option<HandedOver> {
        let session = self.state.lock().session.take()?;
        self.host.sockets.remove(&self.connection);
        let state = self.host.app.hand_over(session).await;
        let sent = self.connection.recorded();
        let inbox = {
            let mut state = self.state.lock();
            let inbox = std::mem::take(&mut state.inbox);
            state.ended.get_or_insert(CloseReason::Moved);
            state.drop_inbox();
            self.room.notify_waiters();
            inbox.into()
        };
        state.map(|state| HandedOver { state, inbox, sent })
    }

    /// Goes on with what another process has handed over.
    pub(crate) async fn take_over(self: &Arc<Self>, given: HandedOver) -> Result<(), Fault> {
        let session = self.state.lock().session.clone();
        let session = session.ok_or_else(Fault::internal)?;
        self.host.app.take_over(&session, &given.state).await?;
        self.connection.release(&given.sent);
        self.host.sockets.insert(&self.connection);
        self.see_out_if_too_late();
        let mut state = self.state.lock();
        state.inbox_bytes = given.inbox.iter().map(ClientEvent::bytes).sum();
        state.inbox = given.inbox.into();
        state.resting = false;
        if !state.inbox.is_empty() {
            self.start_if_due(&mut state);
        }
        Ok(())
    }

    /// Whoever closes all connections may have looked before this one was there.
    fn see_out_if_too_late(&self) {
        if self.host.sockets.refuses_new() {
            see_out(&self.connection);
        }
    }

    fn start_if_due(self: &Arc<Self>, state: &mut State<A::Session>) {
        if !state.resting && !std::mem::replace(&mut state.running, true) {
            self.start();
        }
    }

    /// The connection has ended; the application hears of it after the event that runs.
    pub(crate) fn end(self: &Arc<Self>, reason: CloseReason) {
        self.connection.left();
        let mut state = self.state.lock();
        if state.ended.is_some() {
            return;
        }
        state.ended = Some(reason);
        state.drop_inbox();
        self.room.notify_waiters();
        if !std::mem::replace(&mut state.running, true) {
            self.start();
        }
    }

    /// Whether the application refused it, or it has ended.
    pub(crate) fn ended(&self) -> bool {
        self.state.lock().ended.is_some()
    }

    fn start(self: &Arc<Self>) {
        self.host
            .tasks
            .spawn("connection events", Arc::clone(self).run());
    }

    async fn run(self: Arc<Self>) {
        let witness = Witness(&self);
        while let Some(job) = self.next() {
            match job {
                Job::Open(opening) => self.decide(*opening).await,
                Job::Event(session, event) => self.host.app.event(&session, event).await,
                Job::Closed(session, reason) => {
                    self.host.sockets.remove(&self.connection);
                    self.host.app.closed(session, reason).await;
                }
            }
            // An event that is refused at once waits for nothing, and there may always be another one.
            consume_budget().await;
        }
        std::mem::forget(witness);
    }

    /// The next thing to do; with `None` the task has ended, and another one may start.
    fn next(&self) -> Option<Job<A::Session>> {
        let mut state = self.state.lock();
        if let Some(opening) = state.opening.take() {
            return Some(Job::Open(opening));
        }
        if let Some(reason) = state.ended {
            state.drop_inbox();
            if let Some(session) = state.session.take() {
                return Some(Job::Closed(session, reason));
            }
        } else if !state.resting
            && let Some(session) = state.session.clone()
            && let Some(event) = state.inbox.pop_front()
        {
            state.inbox_bytes -= event.bytes();
            self.room.notify_waiters();
            return Some(Job::Event(session, event));
        }
        state.running = false;
        if state.resting {
            self.room.notify_waiters();
        } else {
            state.inbox = VecDeque::new();
        }
        None
    }

    async fn decide(&self, opening: Opening) {
        let Opening { request, answer } = opening;
        match self.host.app.open(&self.connection, request).await {
            Ok(session) => {
                self.state.lock().session = Some(Arc::clone(&session));
                self.host.sockets.insert(&self.connection);
                answer(&self.connection, Ok(()));
                self.see_out_if_too_late();
                self.host.app.opened(&session).await;
            }
            Err(fault) => {
                {
                    let mut state = self.state.lock();
                    state.ended.get_or_insert(CloseReason::Refused);
                    state.drop_inbox();
                    self.room.notify_waiters();
                }
                answer(&self.connection, Err(fault));
                self.connection.left();
            }
        }
    }
}

impl<S> State<S> {
    const fn idle() -> Self {
        Self {
            opening: None,
            session: None,
            inbox: VecDeque::new(),
            inbox_bytes: 0,
            running: false,
            resting: false,
            ended: None,
        }
    }

    fn takes(&self, bytes: usize, limits: &InboxLimits) -> bool {
        self.inbox.is_empty()
            || (self.inbox.len() < limits.events_max
                && self.inbox_bytes + bytes <= limits.bytes_max)
    }

    fn drop_inbox(&mut self) {
        self.inbox = VecDeque::new();
        self.inbox_bytes = 0;
    }
}

/// Dropped only when a call to the application panicked: the connection ends, and no other one with it.
struct Witness<'a, A: Application>(&'a Arc<Worker<A>>);

impl<A: Application> Drop for Witness<'_, A> {
    fn drop(&mut self) {
        let worker = self.0;
        worker.connection.close(CloseReason::Internal);
        worker.connection.left();
        let mut state = worker.state.lock();
        state.ended.get_or_insert(CloseReason::Internal);
        worker.room.notify_waiters();
        // The application is still to hear of the end.
        worker.start();
    }
}
