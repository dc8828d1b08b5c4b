//! Connection state recovery: how a client goes on at any gateway where it was at another one.
//!
//! Each connection that can be recovered has a record in a bucket of NATS, under a name that only its client knows. The record says
//! whose it is, which gateway serves it, and what it has joined; where it stands in each conversation it says together with the
//! offset that the client brings. Whoever serves the connection is the record's only writer, and whoever takes the connection over
//! becomes so by one write. What the log holds beyond the client's position is what it missed.

mod claim;
mod record;
mod records;
mod registry;
mod tend;

pub(crate) use claim::{Claim, Wanted};
pub(crate) use record::Stored;
pub(crate) use records::Records;

use std::sync::Arc;
use std::time::Duration;

use messaging_bus::BucketError;
use messaging_bus::presence::Instance;
use messaging_domain::{ConversationId, UserId};
use messaging_lifecycle::Tasks;
use prometheus::{IntCounterVec, Opts, Registry};
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, mpsc, watch};

use self::record::Record;
use self::registry::Clients;
use crate::client::Client;
use crate::connection::{CloseReason, Connection, Dialect, Places, Recoverable, Trail};
use crate::peers::Peers;
use crate::session::random_id;

/// How often the record of a connection that lives is renewed. It lives for twice as long and the time that a client has.
const RENEW_INTERVAL: Duration = Duration::from_secs(600);

/// Sessions that wait for their positions to be stored anew; what does not fit asks again with its next message.
const CHECKPOINTS_WAITING_MAX: usize = 1_024;

/// How often the record of a connection that has ended is tried to be written.
const RELEASE_ATTEMPTS_MAX: u32 = 10;
const RETRY_DELAY: Duration = Duration::from_millis(500);

/// The sessions of this gateway that can be recovered, and the way to take over others. A clone is another handle.
#[derive(Clone)]
pub(crate) struct Recovery(Arc<Inner>);

struct Inner {
    peers: Peers,
    records: Records,
    instance: Instance,
    window: Duration,
    clients: Clients,
    checkpoints: mpsc::Sender<Box<str>>,
    /// Something could not be written: the bucket may be gone.
    trouble: Notify,
    ready: watch::Sender<bool>,
    outcomes: IntCounterVec,
    tasks: Tasks,
}

impl Recovery {
    /// Begins to look after the sessions of this gateway. `window` is how long a client may be away; with zero nothing is kept.
    ///
    /// # Errors
    /// When the metrics are registered already.
    pub(crate) fn start(
        peers: &Peers,
        records: Records,
        instance: &Instance,
        window: Duration,
        registry: &Registry,
        tasks: &Tasks,
    ) -> Result<Self, prometheus::Error> {
        let outcomes = IntCounterVec::new(
            Opts::new(
                "fh_gateway_recoveries_total",
                "Clients that asked to go on where they were, by what became of it.",
            ),
            &["outcome"],
        )?;
        registry.register(Box::new(outcomes.clone()))?;
        let (checkpoints, wanted) = mpsc::channel(CHECKPOINTS_WAITING_MAX);
        let recovery = Self(Arc::new(Inner {
            peers: peers.clone(),
            records,
            instance: instance.clone(),
            window,
            clients: Clients::new(),
            checkpoints,
            trouble: Notify::new(),
            ready: watch::Sender::new(window.is_zero()),
            outcomes,
            tasks: tasks.clone(),
        }));
        if !window.is_zero() {
            recovery.tend(wanted);
        }
        Ok(recovery)
    }

    /// Whether the bucket has been there once, so that new connections can be recovered.
    pub(crate) fn is_ready(&self) -> bool {
        *self.0.ready.borrow()
    }

    /// Makes a new connection one that can be recovered, if its record can be written; it lives without that otherwise.
    pub(crate) async fn begin(
        &self,
        connection: &Arc<Connection>,
        user: &UserId,
    ) -> Option<Stored> {
        let inner = &self.0;
        if inner.window.is_zero() || !matches!(connection.dialect(), Dialect::SocketIo { .. }) {
            return None;
        }
        let session = random_id();
        let trail = Trail::new(&session);
        let record = Record {
            user: user.clone(),
            gateway: inner.instance.clone(),
            turn: 0,
            connection_id: connection.id().into(),
            places: trail.places().clone(),
        };
        let written = inner
            .records
            .write(&session, record.encode(), 0, inner.live_ttl());
        match written.await {
            Ok(revision) => {
                self.attach(connection, session, connection.id().into(), trail);
                Some(Stored::new(revision, record.turn))
            }
            Err(error) => {
                tracing::debug!(%error, "a connection cannot be recovered: its record was not written");
                inner.trouble.notify_one();
                None
            }
        }
    }

    /// The connection was not let in after all: its record goes.
    pub(crate) fn discard(&self, connection: &Connection, stored: Stored) {
        let Some(recoverable) = connection.recoverable() else {
            return;
        };
        let (recovery, session) = (self.clone(), recoverable.session.clone());
        self.0.tasks.spawn("session release", async move {
            let revision = stored.revision.into_inner();
            if let Err(error) = recovery.0.records.delete(&session, revision).await {
                tracing::debug!(%error, "the record of a refused connection will expire");
            }
        });
    }

    fn attach(
        &self,
        connection: &Connection,
        session: Box<str>,
        connection_id: Box<str>,
        trail: Trail,
    ) {
        connection.set_recoverable(Recoverable {
            session,
            connection_id,
            trail: trail.into(),
            checkpoints: self.0.checkpoints.clone(),
        });
    }

    /// The name of this gateway.
    pub(crate) fn instance(&self) -> &Instance {
        &self.0.instance
    }

    /// Gives away the record of a client that goes to another gateway: nothing is written to it here any more.
    pub(crate) async fn give(&self, client: &Arc<Client>) -> Option<Given> {
        let (recoverable, stored) = (client.connection.recoverable()?, client.stored()?);
        self.0.clients.remove(client);
        // One that is being written is waited for.
        let revision = stored.revision.lock().await;
        stored.finish();
        let trail = recoverable.trail.lock();
        Some(Given {
            session: recoverable.session.clone(),
            revision: *revision,
            turn: stored.turn,
            places: trail.places().clone(),
            positions: trail.positions(),
        })
    }

    /// Takes on the record of a client that has come from another gateway.
    ///
    /// # Errors
    /// If it could not be written, or somebody else has written it.
    pub(crate) async fn take(&self, client: &Arc<Client>, given: Given) -> Result<(), BucketError> {
        let (inner, connection) = (&self.0, &client.connection);
        let turn = given.turn.saturating_add(1);
        let record = inner.record(client, turn, given.places.clone());
        let written = inner.records.write(
            &given.session,
            record.encode(),
            given.revision,
            inner.live_ttl(),
        );
        let stored = Stored::new(written.await?, turn);
        let trail = Trail::resume(&given.session, given.places, &given.positions);
        self.attach(connection, given.session, connection.id().into(), trail);
        client.set_stored(stored);
        self.keep(client);
        Ok(())
    }

    /// How many clients can be recovered.
    #[cfg(test)]
    pub(crate) fn client_count(&self) -> usize {
        self.0.clients.filter(|_| true).len()
    }

    /// Keeps a client that was let in.
    pub(crate) fn keep(&self, client: &Arc<Client>) {
        self.0.clients.insert(client);
    }

    /// Writes what a client has joined by now.
    ///
    /// # Errors
    /// If it was not, or may not have been. It is tried again until it is; meanwhile the client is known to be stale here.
    pub(crate) async fn store(&self, client: &Client) -> Result<(), BucketError> {
        self.write(client, false).await
    }

    async fn write(&self, client: &Client, is_checkpoint: bool) -> Result<(), BucketError> {
        let (Some(recoverable), Some(stored)) = (client.connection.recoverable(), client.stored())
        else {
            return Ok(());
        };
        let inner = &self.0;
        let mut revision = stored.revision.lock().await;
        if stored.is_finished() {
            return Ok(());
        }
        let places = {
            let trail = recoverable.trail.lock();
            if is_checkpoint {
                trail.checkpoint()
            } else {
                trail.places().clone()
            }
        };
        let record = inner.record(client, stored.turn, places.clone());
        let written = inner
            .overwrite(&recoverable.session, &record, *revision, inner.live_ttl())
            .await;
        match written {
            Ok(written) => {
                *revision = written;
                stored.written();
                if is_checkpoint {
                    recoverable.trail.lock().stored(&places);
                }
                Ok(())
            }
            Err(BucketError::Conflict) => {
                // Another gateway has taken the client over, and this connection is a leftover.
                client.connection.close(CloseReason::Superseded);
                Err(BucketError::Conflict)
            }
            Err(error) => {
                stored.failed();
                inner.trouble.notify_one();
                Err(error)
            }
        }
    }

    /// The client's connection has ended: lets it be recovered for a while, unless it left for good or goes on elsewhere.
    pub(crate) fn release(&self, client: &Arc<Client>, reason: CloseReason) {
        let (Some(recoverable), Some(stored)) = (client.connection.recoverable(), client.stored())
        else {
            return;
        };
        self.0.clients.remove(client);
        if stored.finish() || reason == CloseReason::Superseded {
            return;
        }
        let ended = Ended {
            // As it is now: the conversations are about to be left.
            record: {
                let places = recoverable.trail.lock().places().clone();
                self.0.record(client, stored.turn, places)
            },
            session: recoverable.session.clone(),
            is_over: reason == CloseReason::NamespaceLeft || stored.is_void(),
        };
        let (recovery, client) = (self.clone(), Arc::clone(client));
        self.0.tasks.spawn("session release", async move {
            for _ in 0..RELEASE_ATTEMPTS_MAX {
                match recovery.try_release(&client, &ended).await {
                    Ok(()) | Err(BucketError::Conflict) => return,
                    Err(error) => {
                        tracing::debug!(%error, "the record of an ended connection waits to be written");
                    }
                }
                tokio::select! {
                    biased;
                    () = tokio::time::sleep(RETRY_DELAY) => {}
                    () = recovery.0.tasks.stopping().cancelled() => return,
                }
            }
        });
    }

    async fn try_release(&self, client: &Client, ended: &Ended) -> Result<(), BucketError> {
        let (inner, Some(stored)) = (&self.0, client.stored()) else {
            return Ok(());
        };
        let revision = *stored.revision.lock().await;
        if ended.is_over {
            return inner.records.delete(&ended.session, revision).await;
        }
        let written = inner.overwrite(&ended.session, &ended.record, revision, inner.window);
        written.await.map(drop)
    }
}

/// The record of a connection that goes to another gateway.
#[derive(Serialize, Deserialize)]
pub(crate) struct Given {
    session: Box<str>,
    revision: u64,
    #[serde(default)]
    turn: u32,
    places: Places,
    /// The position of each place, in the same order.
    positions: Vec<(ConversationId, u64)>,
}

/// The record of a connection that has ended.
struct Ended {
    session: Box<str>,
    record: Record,
    /// Whether nobody shall go on from it.
    is_over: bool,
}

impl Inner {
    fn record(&self, client: &Client, turn: u32, places: Places) -> Record {
        Record {
            user: client.user.clone(),
            gateway: self.instance.clone(),
            turn,
            connection_id: client.connection.id().into(),
            places,
        }
    }

    /// How long a record lives whose connection does: as long as it may take to be renewed twice, and then a client's time.
    fn live_ttl(&self) -> Duration {
        RENEW_INTERVAL * 2 + self.window
    }

    /// Writes a record of this gateway's own. The write before may have been made without this gateway having heard of it, and the
    /// bucket may have been lost with all that was in it: only a record that was taken over is a conflict. It may have been by
    /// another connection at this same gateway, whose record a leftover of the one before must not undo.
    async fn overwrite(
        &self,
        session: &str,
        record: &Record,
        last: u64,
        ttl: Duration,
    ) -> Result<u64, BucketError> {
        let written = self
            .records
            .write(session, record.encode(), last, ttl)
            .await;
        if !matches!(written, Err(BucketError::Conflict)) {
            return written;
        }
        let last = match self.records.read(session).await? {
            None => 0,
            Some(entry) => match Record::decode(&entry.value) {
                Some(there) if record.replaces(&there) => entry.revision,
                _ => return Err(BucketError::Conflict),
            },
        };
        self.records
            .write(session, record.encode(), last, ttl)
            .await
    }
}
