use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use messaging_bus::{BucketError, PeerHandler, SubscribeError};
use tokio::sync::{mpsc, watch};

use super::claim::{SESSIONS, SUPERSEDE};
use super::{RENEW_INTERVAL, RETRY_DELAY, Recovery};
use crate::client::Client;

/// How often records that are due to be renewed are looked for.
const RENEW_CHECK_INTERVAL: Duration = Duration::from_secs(20);

/// Records that are written at the same time, so that a lost bucket is no storm.
const WRITES_AT_A_TIME: usize = 32;

impl Recovery {
    /// Keeps the bucket and the records in it, until the tasks are asked to stop.
    pub(super) fn tend(&self, mut checkpoints: mpsc::Receiver<Box<str>>) {
        let recovery = self.clone();
        self.0
            .tasks
            .spawn_until_stopped("session bucket", async move {
                loop {
                    recovery.mend().await;
                    recovery.0.trouble.notified().await;
                    tokio::time::sleep(RETRY_DELAY).await;
                }
            });
        let recovery = self.clone();
        self.0
            .tasks
            .spawn_until_stopped("session checkpoints", async move {
                while let Some(session) = checkpoints.recv().await {
                    let Some(client) = recovery.0.clients.find(&session) else {
                        continue;
                    };
                    let is_due = client
                        .connection
                        .recoverable()
                        .is_some_and(|recoverable| recoverable.trail.lock().wants_checkpoint());
                    if is_due && let Err(error) = recovery.write(&client, true).await {
                        tracing::debug!(%error, "the positions of a session were not stored");
                    }
                }
            });
        let recovery = self.clone();
        self.0
            .tasks
            .spawn_until_stopped("session renewal", async move {
                let mut ticks = tokio::time::interval(RENEW_CHECK_INTERVAL);
                loop {
                    ticks.tick().await;
                    let is_due = |client: &Client| {
                        let stored = client.stored();
                        stored.is_some_and(|stored| stored.written_at().elapsed() >= RENEW_INTERVAL)
                    };
                    recovery.store_all(recovery.0.clients.filter(is_due)).await;
                }
            });
    }

    /// Answers other gateways, and writes all sessions anew each time that `revivals` counts one more: the bucket may have been lost
    /// by then, as NATS keeps it in memory.
    ///
    /// # Errors
    /// If the NATS client takes no subscription.
    pub(crate) async fn serve(
        &self,
        mut revivals: watch::Receiver<u64>,
    ) -> Result<(), SubscribeError> {
        let recovery = self.clone();
        self.0
            .tasks
            .spawn_until_stopped("session revival", async move {
                while revivals.changed().await.is_ok() {
                    recovery.bucket_was_lost();
                }
            });
        let (inner, handler) = (&self.0, Arc::new(self.clone()));
        inner.peers.serve(SESSIONS, handler, &inner.tasks).await
    }

    fn bucket_was_lost(&self) {
        for client in self.0.clients.filter(|_| true) {
            if let Some(stored) = client.stored() {
                stored.failed();
            }
        }
        self.0.trouble.notify_one();
    }

    /// Makes the bucket if it is gone, and writes what could not be written.
    async fn mend(&self) {
        let inner = &self.0;
        while let Err(error) = inner.records.ensure().await {
            tracing::debug!(%error, "the bucket of sessions is out of reach; trying again");
            tokio::time::sleep(RETRY_DELAY).await;
        }
        inner.ready.send_replace(true);
        let is_stale = |client: &Client| client.stored().is_some_and(|stored| stored.is_stale());
        self.store_all(inner.clients.filter(is_stale)).await;
    }

    async fn store_all(&self, clients: Vec<Arc<Client>>) {
        for some in clients.chunks(WRITES_AT_A_TIME) {
            let writes = some.iter().map(|client| self.store(client));
            for written in futures_util::future::join_all(writes).await {
                match written {
                    Ok(()) | Err(BucketError::Conflict) => {}
                    Err(error) => tracing::debug!(%error, "a session waits to be written"),
                }
            }
        }
    }
}

impl PeerHandler for Recovery {
    async fn handle(&self, request: &str, payload: Bytes) -> Option<Bytes> {
        match request {
            SUPERSEDE => Some(self.superseded(&payload).await),
            _ => None,
        }
    }
}
