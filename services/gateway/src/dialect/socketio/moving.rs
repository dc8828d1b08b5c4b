//! A client that moves to another process, with all that waits in it.

use std::collections::HashSet;
use std::sync::Arc;

use messaging_wire::Fault;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use super::{Client, Partial, SocketIo, State};
use crate::application::{Application, ClientEvent, Credentials};
use crate::connection::{AckId, CloseReason, Connection, Dialect, HandedOver, Link, Worker};
use crate::session::is_id;

/// What another process must know of a connection to get ready for it.
#[derive(Serialize, Deserialize)]
struct Described {
    namespace: Box<str>,
    id: Box<str>,
    application: Box<RawValue>,
}

/// A client as it goes from one process to another.
#[derive(Serialize, Deserialize)]
struct MovedClient {
    credentials: Option<Box<Credentials>>,
    partial: Option<MovedPartial>,
    connections: Vec<MovedConnection>,
}

#[derive(Serialize, Deserialize)]
struct MovedConnection {
    namespace: Box<str>,
    application: Box<RawValue>,
    inbox: Vec<MovedEvent>,
    sent: Vec<u64>,
}

#[derive(Serialize, Deserialize)]
struct MovedEvent {
    name: String,
    args: Vec<Box<RawValue>>,
    attachments: Vec<Vec<u8>>,
    ack: Option<u64>,
}

#[derive(Serialize, Deserialize)]
struct MovedPartial {
    target: Option<(Box<str>, MovedEvent)>,
    missing: usize,
    bytes: usize,
}

impl<A: Application> Client<A> {
    /// Begins nothing more and waits until nothing runs; what another process must know to get ready.
    pub(super) async fn describe(&self) -> Option<Box<RawValue>> {
        let workers = self.state.lock().workers.clone();
        for (_, worker) in &workers {
            worker.rest().await;
        }
        let mut described = Vec::with_capacity(workers.len());
        for (namespace, worker) in workers {
            if worker.ended() {
                continue;
            }
            described.push(Described {
                namespace: (*namespace).into(),
                id: worker.connection().id().into(),
                application: worker.describe().await?,
            });
        }
        to_raw_value(&described).ok()
    }

    /// Lets go of everything.
    pub(super) async fn give_away(&self) -> Option<Box<RawValue>> {
        let (workers, credentials, partial) = {
            let mut state = self.state.lock();
            if state.ended {
                return None;
            }
            let partial = state.partial.take();
            let partial = partial.map(|partial| state.moved_partial(partial));
            (state.workers.clone(), state.credentials.take(), partial)
        };
        let mut connections = Vec::with_capacity(workers.len());
        for (namespace, worker) in workers {
            if worker.ended() {
                continue;
            }
            let HandedOver { state, inbox, sent } = worker.hand_over().await?;
            connections.push(MovedConnection {
                namespace: (*namespace).into(),
                application: state,
                inbox: inbox.into_iter().map(MovedEvent::from).collect(),
                sent,
            });
        }
        to_raw_value(&MovedClient {
            credentials,
            partial,
            connections,
        })
        .ok()
    }

    /// Goes on where another process was; false if it cannot.
    pub(super) async fn resume(&self, moved: &RawValue) -> bool {
        let Ok(moved) = serde_json::from_str::<MovedClient>(moved.get()) else {
            return false;
        };
        let workers = {
            let mut state = self.state.lock();
            let Some(workers) = state.take_moved(&moved) else {
                return false;
            };
            let Ok(partial) = moved.partial.map(|moved| state.partial(moved)).transpose() else {
                return false;
            };
            state.partial = partial;
            state.credentials = moved.credentials;
            workers
        };
        for (worker, moved) in workers.into_iter().zip(moved.connections) {
            let given = HandedOver {
                state: moved.application,
                inbox: moved.inbox.into_iter().map(ClientEvent::from).collect(),
                sent: moved.sent,
            };
            if let Err(fault) = worker.take_over(given).await {
                log(&fault);
                return false;
            }
        }
        true
    }
}

impl<A: Application> SocketIo<A> {
    /// Gets ready for a client that another process has described.
    pub(super) async fn expect(
        &self,
        link: &Arc<Link>,
        described: &RawValue,
    ) -> Option<Arc<Client<A>>> {
        let described: Vec<Described> = serde_json::from_str(described.get()).ok()?;
        let distinct: HashSet<_> = described.iter().map(|one| &one.namespace).collect();
        let known = |one: &Described| {
            self.namespaces
                .iter()
                .find(|known| ***known == *one.namespace)
        };
        if distinct.len() < described.len() || !described.iter().all(|one| is_id(&one.id)) {
            return None;
        }
        let client = Arc::new(self.client(link, None));
        for one in &described {
            let prepared = match known(one) {
                Some(namespace) => self.prepare_one(link, namespace, one).await,
                None => Err(Fault::internal()),
            };
            match prepared {
                Ok(worker) => client.state.lock().workers.push(worker),
                Err(fault) => {
                    log(&fault);
                    client.end(CloseReason::Internal);
                    return None;
                }
            }
        }
        Some(client)
    }

    async fn prepare_one(
        &self,
        link: &Arc<Link>,
        namespace: &Arc<str>,
        described: &Described,
    ) -> Result<(Arc<str>, Arc<Worker<A>>), Fault> {
        let dialect = Dialect::SocketIo {
            namespace: Arc::clone(namespace),
        };
        let connection = Connection::undecided(described.id.clone(), dialect, Arc::clone(link));
        let worker = Worker::prepare(&self.host, connection, &described.application).await?;
        Ok((Arc::clone(namespace), worker))
    }

    pub(super) fn client(&self, link: &Arc<Link>, credentials: Option<Credentials>) -> Client<A> {
        Client {
            host: Arc::clone(&self.host),
            namespaces: Arc::clone(&self.namespaces),
            message_bytes_max: self.message_bytes_max,
            link: Arc::clone(link),
            state: Mutex::new(State {
                credentials: credentials.map(Box::new),
                workers: Vec::new(),
                partial: None,
                ended: false,
            }),
        }
    }
}

impl<A: Application> State<A> {
    /// The workers in the order of what was handed over to them, if there is one for each and no other.
    fn take_moved(&self, moved: &MovedClient) -> Option<Vec<Arc<Worker<A>>>> {
        let workers: Option<Vec<_>> = moved
            .connections
            .iter()
            .map(|connection| self.worker(&connection.namespace))
            .collect();
        let distinct: HashSet<_> = moved.connections.iter().map(|one| &one.namespace).collect();
        workers.filter(|workers| {
            workers.len() == self.workers.len() && distinct.len() == workers.len()
        })
    }

    fn moved_partial(&self, partial: Partial<A>) -> MovedPartial {
        let target = partial.target.and_then(|(target, event)| {
            let mut workers = self.workers.iter();
            let (namespace, _) = workers.find(|(_, worker)| Arc::ptr_eq(worker, &target))?;
            Some(((**namespace).into(), event.into()))
        });
        MovedPartial {
            target,
            missing: partial.missing,
            bytes: partial.bytes,
        }
    }

    fn partial(&self, moved: MovedPartial) -> Result<Partial<A>, ()> {
        let target = match moved.target {
            Some((namespace, event)) => Some((self.worker(&namespace).ok_or(())?, event.into())),
            None => None,
        };
        // What waits for nothing would not wait.
        if moved.missing == 0 {
            return Err(());
        }
        Ok(Partial {
            target,
            missing: moved.missing,
            bytes: moved.bytes,
        })
    }
}

impl From<ClientEvent> for MovedEvent {
    fn from(event: ClientEvent) -> Self {
        Self {
            name: event.name,
            args: event.args,
            attachments: event
                .attachments
                .iter()
                .map(|bytes| bytes.to_vec())
                .collect(),
            ack: match event.ack {
                Some(AckId::Number(id)) => Some(id),
                // Of the plain dialect, which does not move.
                Some(AckId::Json(_)) | None => None,
            },
        }
    }
}

impl From<MovedEvent> for ClientEvent {
    fn from(moved: MovedEvent) -> Self {
        Self {
            name: moved.name,
            args: moved.args,
            attachments: moved.attachments.into_iter().map(Into::into).collect(),
            ack: moved.ack.map(AckId::Number),
        }
    }
}

fn log(fault: &Fault) {
    tracing::warn!(
        code = fault.code.as_str(),
        "a connection could not be taken over"
    );
}
