use std::time::Duration;

use messaging_bus::presence::{Instance, LEASE_TTL, Lease, LeaseKind};
use messaging_bus::{BucketError, Bus, SubscribeError};
use messaging_domain::Timestamp;
use messaging_lifecycle::now;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::Presence;

/// How often a clean-up that could not be done is tried.
const ATTEMPTS_MAX: u32 = 10;
const RETRY_DELAY: Duration = Duration::from_millis(500);

/// How often entries that nothing changes are written anew: well before the bucket drops them.
const ENTRY_RENEW_INTERVAL: Duration = Duration::from_secs(8 * 3600);

impl Presence {
    /// Keeps the entries of this gateway, cleans up after others and tells them again, until the tasks are asked to stop.
    ///
    /// # Errors
    /// [`SubscribeError`].
    pub(crate) async fn start(
        &self,
        bus: &Bus,
        mut lease: Lease,
        mut deaths: mpsc::Receiver<(LeaseKind, Instance)>,
    ) -> Result<LeaseKeeper, SubscribeError> {
        self.serve_retelling(bus).await?;
        let (returned, keeper) = tokio::sync::oneshot::channel();
        let presence = self.clone();
        let stopping = self.inner.tasks().stopping().clone();
        self.inner.tasks().spawn("presence lease", async move {
            let first = tokio::time::Instant::now() + ENTRY_RENEW_INTERVAL;
            let mut renewals = tokio::time::interval_at(first, ENTRY_RENEW_INTERVAL);
            loop {
                tokio::select! {
                    () = lease.revived() => {
                        presence.inner.revivals.send_modify(|count| *count += 1);
                        presence.tell_all(&stopping).await;
                    }
                    _ = renewals.tick() => presence.tell_all(&stopping).await,
                    () = stopping.cancelled() => break,
                }
            }
            // Nobody is left to take it if the process was built only halfway.
            let _ = returned.send(lease);
        });
        let presence = self.clone();
        self.inner
            .tasks()
            .spawn_until_stopped("presence clean-up", async move {
                presence.find_dead().await;
                while let Some((kind, instance)) = deaths.recv().await {
                    if kind == LeaseKind::Gateway {
                        presence.clean_up_after_grace(instance);
                    }
                }
            });
        Ok(LeaseKeeper(keeper))
    }

    /// Writes all entries anew until it is done.
    async fn tell_all(&self, stopping: &CancellationToken) {
        while let Err(error) = self.write_all().await {
            tracing::debug!(%error, "entries cannot be written anew; trying again");
            tokio::select! {
                () = tokio::time::sleep(RETRY_DELAY) => {}
                () = stopping.cancelled() => return,
            }
        }
    }

    /// Finds gateways that died while nobody was there to see it.
    async fn find_dead(&self) {
        let inner = &self.inner;
        // By then each lease that lives was heard of.
        tokio::time::sleep(LEASE_TTL * 2).await;
        match inner.bucket.registered().await {
            Ok(registered) => registered
                .into_iter()
                .filter(|instance| {
                    *instance != inner.instance
                        && !inner.leases.is_alive(LeaseKind::Gateway, instance)
                })
                .for_each(|instance| self.clean_up_after_grace(instance)),
            Err(error) => tracing::debug!(%error, "the registered gateways cannot be read"),
        }
    }

    fn clean_up_after_grace(&self, dead: Instance) {
        let presence = self.clone();
        let died_at = now();
        self.inner.tasks().spawn_until_stopped("presence clean-up", async move {
            let inner = &presence.inner;
            tokio::time::sleep(inner.config.grace).await;
            let mut is_claimed = false;
            for _ in 0..ATTEMPTS_MAX {
                if inner.leases.is_alive(LeaseKind::Gateway, &dead) {
                    return;
                }
                match presence.clean_up(&dead, died_at, &mut is_claimed).await {
                    Ok(()) => return,
                    Err(error) => tracing::debug!(%error, gateway.id = %dead, "a dead gateway cannot be cleaned up after yet"),
                }
                tokio::time::sleep(RETRY_DELAY).await;
            }
            tracing::warn!(gateway.id = %dead, "a dead gateway was not cleaned up after; the next gateway to start tries again");
        });
    }

    async fn clean_up(
        &self,
        dead: &Instance,
        died_at: Timestamp,
        is_claimed: &mut bool,
    ) -> Result<(), BucketError> {
        let inner = &self.inner;
        if !*is_claimed && !inner.bucket.claim(dead).await? {
            return Ok(());
        }
        *is_claimed = true;
        let users = inner.bucket.users_of(dead).await?;
        tracing::info!(gateway.id = %dead, users = users.len(), "a gateway is gone; its users are looked after");
        for user in users {
            // Under the user's lock, so that one who comes at this moment is not announced as gone afterwards.
            let _shard = inner.shard(&user).lock().await;
            if inner.delete_after(&user, dead).await? {
                self.announce_offline(&user, died_at);
            }
        }
        if inner.leases.is_alive(LeaseKind::Gateway, dead) {
            // It was only cut off, and has registered again.
            return Ok(());
        }
        inner.bucket.unregister(dead).await
    }
}

/// Holds the lease until the tasks have stopped.
pub(crate) struct LeaseKeeper(tokio::sync::oneshot::Receiver<Lease>);

impl LeaseKeeper {
    /// Gives the lease back.
    pub(crate) async fn release(self) {
        if let Ok(lease) = self.0.await {
            lease.release().await;
        }
    }
}
