mod moving;

use std::sync::Arc;

use bytes::Bytes;
use messaging_socketio::packet::{self, Body, Event, Packet};
use messaging_wire::{ErrorCode, Fault};
use parking_lot::Mutex;
use serde_json::json;
use serde_json::value::RawValue;

use crate::application::{Application, ClientEvent, Credentials, OpenRequest};
use crate::connection::{
    AckId, Class, CloseReason, Connection, Dialect, Host, Link, Violation, Worker, text_frame,
};
use crate::session::random_id;
use crate::transport::{Message, Protocol, Receiver, TransportConfig};

/// Socket.IO 5 for an application.
pub(crate) struct SocketIo<A> {
    host: Arc<Host<A>>,
    namespaces: Arc<[Arc<str>]>,
    message_bytes_max: usize,
}

impl<A> SocketIo<A> {
    pub(crate) fn new(host: Arc<Host<A>>, config: &TransportConfig) -> Self {
        let namespaces = config
            .namespaces
            .iter()
            .map(|name| name.as_str().into())
            .collect();
        Self {
            host,
            namespaces,
            message_bytes_max: config.frame_bytes_max,
        }
    }
}

impl<A: Application> Protocol for SocketIo<A> {
    type Receiver = Client<A>;

    fn begin(&self, link: &Arc<Link>, credentials: Credentials) -> Arc<Client<A>> {
        Arc::new(self.client(link, Some(credentials)))
    }

    const MOVES: bool = A::MOVES;

    async fn prepare(&self, link: &Arc<Link>, described: &RawValue) -> Option<Arc<Client<A>>> {
        self.expect(link, described).await
    }
}

/// One client: its namespaces, each with a connection of the application.
pub(crate) struct Client<A: Application> {
    host: Arc<Host<A>>,
    namespaces: Arc<[Arc<str>]>,
    message_bytes_max: usize,
    link: Arc<Link>,
    state: Mutex<State<A>>,
}

struct State<A: Application> {
    credentials: Option<Box<Credentials>>,
    workers: Vec<(Arc<str>, Arc<Worker<A>>)>,
    partial: Option<Partial<A>>,
    ended: bool,
}

/// A packet that waits for its attachments.
struct Partial<A: Application> {
    /// `None` for what is of no interest once it is whole.
    target: Option<(Arc<Worker<A>>, ClientEvent)>,
    missing: usize,
    bytes: usize,
}

/// What is to be done with a packet once the lock is gone.
type Ready<A> = Option<(Arc<Worker<A>>, ClientEvent)>;

const VIOLATION: CloseReason = CloseReason::ProtocolViolation(Violation::Protocol);

impl<A: Application> Receiver for Client<A> {
    async fn receive(self: &Arc<Self>, message: Message) -> Result<(), CloseReason> {
        let ready = match message {
            Message::Text(text) => self.take_text(&text)?,
            Message::Binary(bytes) => self.take_attachment(bytes)?,
        };
        if let Some((worker, event)) = ready {
            worker.push(event).await;
        }
        Ok(())
    }

    fn ended(self: &Arc<Self>, reason: CloseReason) {
        self.end(reason);
    }

    fn engaged(&self) -> bool {
        self.state
            .lock()
            .workers
            .iter()
            .any(|(_, worker)| !worker.ended())
    }

    async fn freeze(self: &Arc<Self>) -> Option<Box<RawValue>> {
        self.describe().await
    }

    async fn hand_over(self: &Arc<Self>) -> Option<Box<RawValue>> {
        self.give_away().await
    }

    async fn take_over(self: &Arc<Self>, state: &RawValue) -> bool {
        self.resume(state).await
    }
}

impl<A: Application> Client<A> {
    fn end(&self, reason: CloseReason) {
        let workers = {
            let mut state = self.state.lock();
            state.ended = true;
            state.credentials = None;
            state.partial = None;
            std::mem::take(&mut state.workers)
        };
        for (_, worker) in workers {
            worker.end(reason);
        }
    }

    fn take_text(&self, text: &[u8]) -> Result<Ready<A>, CloseReason> {
        let text = std::str::from_utf8(text)
            .map_err(|_| CloseReason::ProtocolViolation(Violation::InvalidData))?;
        let packet = Packet::decode(text).map_err(|_| VIOLATION)?;
        let mut state = self.state.lock();
        if state.partial.is_some() || state.ended {
            return Err(VIOLATION);
        }
        let worker = state.worker(packet.namespace);
        match (packet.body, worker) {
            (Body::Connect(auth), None) => {
                self.connect(&mut state, packet.namespace, auth);
                Ok(None)
            }
            (
                Body::Event {
                    ack,
                    event,
                    attachments,
                },
                Some(worker),
            ) => {
                let event = client_event(&event, ack);
                Ok(state.complete(Partial {
                    target: Some((worker, event)),
                    missing: attachments,
                    bytes: text.len(),
                }))
            }
            // Nothing that we send asks for an acknowledgement, so there is nobody to hand it to.
            (Body::Ack { attachments, .. }, Some(_)) => Ok(state.complete(Partial {
                target: None,
                missing: attachments,
                bytes: text.len(),
            })),
            (Body::Disconnect, Some(worker)) => {
                state
                    .workers
                    .retain(|(namespace, _)| **namespace != *packet.namespace);
                drop(state);
                worker.end(CloseReason::NamespaceLeft);
                Ok(None)
            }
            // A second CONNECT, or anything in a namespace that was not joined.
            _ => Err(VIOLATION),
        }
    }

    fn take_attachment(&self, bytes: Bytes) -> Result<Ready<A>, CloseReason> {
        let mut state = self.state.lock();
        let mut partial = state.partial.take().ok_or(VIOLATION)?;
        partial.bytes += bytes.len();
        if partial.bytes > self.message_bytes_max {
            return Err(CloseReason::ProtocolViolation(Violation::TooBig));
        }
        partial.missing -= 1;
        if let Some((_, event)) = &mut partial.target {
            event.attachments.push(bytes);
        }
        Ok(state.complete(partial))
    }

    fn connect(&self, state: &mut State<A>, namespace: &str, auth: Option<&RawValue>) {
        let Some(namespace) = self.namespaces.iter().find(|known| ***known == *namespace) else {
            let mut answer = vec![b'4'];
            packet::connect_error(&mut answer, namespace, r#"{"message":"Invalid namespace"}"#);
            return self.link.push(text_frame(&answer), Class::Durable);
        };
        let dialect = Dialect::SocketIo {
            namespace: Arc::clone(namespace),
        };
        let connection =
            Connection::undecided(random_id(), dialect.clone(), Arc::clone(&self.link));
        // With one namespace, a second CONNECT comes only after a refusal; its tokens are still of use then.
        let credentials = state.credentials.as_deref().cloned().unwrap_or_default();
        let request = OpenRequest {
            dialect,
            auth: auth.map(ToOwned::to_owned),
            credentials,
        };
        let answered = Arc::clone(namespace);
        let answer = Box::new(move |connection: &Connection, decision| {
            answer(&answered, connection, decision)
        });
        let worker = Worker::open(Arc::clone(&self.host), connection, request, answer);
        state.workers.retain(|(_, worker)| !worker.ended());
        state.workers.push((Arc::clone(namespace), worker));
    }
}

impl<A: Application> State<A> {
    fn worker(&self, namespace: &str) -> Option<Arc<Worker<A>>> {
        let mut workers = self
            .workers
            .iter()
            .filter(|(name, worker)| **name == *namespace && !worker.ended());
        workers.next().map(|(_, worker)| Arc::clone(worker))
    }

    fn complete(&mut self, partial: Partial<A>) -> Ready<A> {
        if partial.missing == 0 {
            return partial.target;
        }
        self.partial = Some(partial);
        None
    }
}

fn client_event(event: &Event<'_>, ack: Option<u64>) -> ClientEvent {
    ClientEvent {
        name: event.name.clone().into_owned(),
        args: event.args.iter().map(|arg| (*arg).to_owned()).collect(),
        attachments: Vec::new(),
        ack: ack.map(AckId::Number),
    }
}

fn answer(namespace: &str, connection: &Connection, decision: Result<(), Fault>) {
    let mut text = vec![b'4'];
    match decision {
        Ok(()) => {
            let open = match connection.recoverable() {
                Some(recoverable) => {
                    json!({ "sid": connection.id(), "pid": recoverable.session })
                }
                None => json!({ "sid": connection.id() }),
            };
            packet::connect(&mut text, namespace, &open.to_string());
            connection.opened(Some(text_frame(&text)));
        }
        // After a CONNECT_ERROR a client of Socket.IO gives up, and after the end of its transport it comes again.
        Err(fault) if fault.code == ErrorCode::Unavailable => {
            connection.close(CloseReason::Internal);
        }
        Err(fault) => {
            // The word that clients look for, whatever the reason was.
            let message = if fault.code == ErrorCode::Unauthorized {
                fault.code.as_str()
            } else {
                &fault.message
            };
            let error = json!({ "message": message, "data": { "code": fault.code } });
            packet::connect_error(&mut text, namespace, &error.to_string());
            connection.link().push(text_frame(&text), Class::Durable);
        }
    }
}
