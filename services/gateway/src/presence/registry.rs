use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use messaging_bus::BucketError;
use messaging_bus::presence::{Entry, Instance, LeaseKind, LeaseTable, PresenceBucket};
use messaging_domain::UserId;
use messaging_lifecycle::{Tasks, now};
use messaging_wire::PresenceStatus;
use prometheus::Registry;
use tokio::sync::{Semaphore, watch};

use super::PresenceConfig;
use super::announce::{ANNOUNCING_MAX, Announcements};
use super::retell::Lately;
use crate::api::ApiClient;

/// Locks that users are spread over. What concerns one user goes on one after the other.
const SHARD_COUNT: usize = 256;

/// The users of this gateway. A clone is another handle.
#[derive(Clone)]
pub(crate) struct Presence {
    pub(super) inner: Arc<Inner>,
    pub(super) api: ApiClient,
}

pub(super) struct Inner {
    pub(super) bucket: PresenceBucket,
    pub(super) leases: LeaseTable,
    pub(super) instance: Instance,
    pub(super) config: PresenceConfig,
    tasks: Tasks,
    pub(super) revivals: watch::Sender<u64>,
    pub(super) lately: Lately,
    pub(super) announcements: Announcements,
    pub(super) announcing: Semaphore,
    pub(super) shards: Box<[Shard]>,
    hasher: RandomState,
}

/// How long to wait before the bucket is tried again.
const RETRY_DELAY: Duration = Duration::from_millis(500);

/// How long it may take, after the grace, to clean up after a gateway that died.
const CLEAN_UP_TIME: Duration = Duration::from_secs(5);

/// How long the first users of a gateway wait for it to know the others.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(2);

pub(super) type Shard = tokio::sync::Mutex<HashMap<UserId, Local>>;

/// A user on this gateway.
#[derive(Debug, Default)]
pub(super) struct Local {
    pub(super) connections: u32,
    /// Whether it is known to the others that he came.
    pub(super) is_told: bool,
    /// Counts the times that the last connection went, so that a grace knows whether it is still the one that runs.
    departures: u64,
}

/// Whether a connection may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admission {
    /// It counts now.
    Admitted,
    /// The user has too many already.
    LimitReached,
}

/// What a connection takes the place of, and may still be counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Replaced {
    /// One connection at a gateway.
    Connection(Instance),
    /// All connections at a gateway that does not answer: their clients are on their way to others.
    Gateway(Instance),
}

impl Presence {
    /// # Errors
    /// When the metrics are registered already.
    pub(crate) fn new(
        bucket: &PresenceBucket,
        leases: LeaseTable,
        instance: &Instance,
        config: PresenceConfig,
        api: &ApiClient,
        registry: &Registry,
        tasks: &Tasks,
    ) -> Result<Self, prometheus::Error> {
        let inner = Inner {
            bucket: bucket.clone(),
            leases,
            instance: instance.clone(),
            config,
            tasks: tasks.clone(),
            revivals: watch::Sender::new(0),
            lately: Lately::default(),
            announcements: Announcements::register(registry)?,
            announcing: Semaphore::new(ANNOUNCING_MAX),
            shards: (0..SHARD_COUNT).map(|_| Shard::default()).collect(),
            hasher: RandomState::new(),
        };
        Ok(Self {
            inner: Arc::new(inner),
            api: api.clone(),
        })
    }

    /// Counts the times that this gateway's lease came to life: what was written before may be gone.
    pub(crate) fn revivals(&self) -> watch::Receiver<u64> {
        self.inner.revivals.subscribe()
    }

    /// Counts a connection of a user, and announces the user if he came by it.
    ///
    /// While the bucket is out of reach only this gateway's connections are counted, and the rest is told once it is back.
    /// What a connection takes the place of and may still be counted is left out.
    pub(crate) async fn open(&self, user: &UserId, replaced: Option<&Replaced>) -> Admission {
        let inner = &self.inner;
        inner.leases.settled(SETTLE_TIMEOUT).await;
        let mut shard = inner.shard(user).lock().await;
        let local = shard.entry(user.clone()).or_default();
        let limit = inner.config.connections_per_user_max;
        let replaced_at = |instance: &Instance| match replaced {
            Some(Replaced::Connection(at)) if at == instance => 1,
            Some(Replaced::Gateway(at)) if at == instance => u32::MAX,
            _ => 0,
        };
        let replaced_here = replaced_at(&inner.instance).min(local.connections);
        if limit.is_some_and(|limit| local.connections - replaced_here >= limit) {
            return Admission::LimitReached;
        }
        let is_new = local.connections == 0 && local.departures == 0;
        local.connections += 1;
        let connections = local.connections;
        match inner.write_and_read(user, connections).await {
            Ok((revision, others)) => {
                let elsewhere: u32 = others
                    .iter()
                    .filter(|entry| inner.counts(entry))
                    .filter_map(|entry| {
                        let replaced = replaced_at(&entry.instance);
                        Some(entry.connections?.saturating_sub(replaced))
                    })
                    .sum();
                let counted = connections
                    .saturating_add(elsewhere)
                    .saturating_sub(replaced_here);
                if limit.is_some_and(|limit| counted > limit) {
                    inner.undo_open(user, &mut shard).await;
                    return Admission::LimitReached;
                }
                // A later entry with another number of connections than one was not written for the first time just now.
                let came_before = others.iter().any(|entry| {
                    let is_first = entry.connections == Some(1) && !entry.is_rewritten;
                    inner.is_told(entry) && (entry.revision < revision || !is_first)
                });
                if is_new && !came_before {
                    self.announce_online(user);
                }
                if let Some(local) = shard.get_mut(user) {
                    local.is_told = true;
                }
            }
            Err(error) => tracing::debug!(%error, "a connection is not in the presence bucket yet"),
        }
        Admission::Admitted
    }

    /// Whether the other gateways are known, without which nobody can say who is connected, and this one is known as well, without
    /// which the others do not count who is connected here.
    pub(crate) fn is_settled(&self) -> bool {
        let inner = &self.inner;
        inner.leases.is_settled() && inner.leases.is_alive(LeaseKind::Gateway, &inner.instance)
    }

    /// Counts a connection less, and after the grace announces that the user went, if he did.
    pub(crate) async fn close(&self, user: &UserId) {
        let inner = &self.inner;
        let mut shard = inner.shard(user).lock().await;
        let Some(local) = shard.get_mut(user) else {
            return;
        };
        local.connections = local.connections.saturating_sub(1);
        let connections = local.connections;
        if connections == 0 {
            local.departures += 1;
            self.depart_after_grace(user.clone(), local.departures);
        }
        if let Err(error) = inner
            .bucket
            .put_user(user, &inner.instance, connections)
            .await
        {
            tracing::debug!(%error, "a closed connection is not in the presence bucket yet");
        }
    }

    /// Whether a change that is being announced still is the state of things here.
    pub(super) async fn is_current(&self, user: &UserId, status: PresenceStatus) -> bool {
        let shard = self.inner.shard(user).lock().await;
        let local = shard.get(user);
        match status {
            PresenceStatus::Online => local.is_some(),
            PresenceStatus::Offline => local.is_none_or(|local| local.connections == 0),
        }
    }

    fn depart_after_grace(&self, user: UserId, departure: u64) {
        let presence = self.clone();
        let closed_at = now();
        self.inner
            .tasks
            .spawn_until_stopped("presence grace", async move {
                let inner = &presence.inner;
                tokio::time::sleep(inner.config.grace).await;
                loop {
                    let mut shard = inner.shard(&user).lock().await;
                    let is_gone = shard.get(&user).is_some_and(|local| {
                        local.connections == 0 && local.departures == departure
                    });
                    if !is_gone {
                        return;
                    }
                    // He stays known here until it is done: otherwise he could come back without ever having gone.
                    match inner.delete_and_read(&user).await {
                        Ok(is_gone) => {
                            shard.remove(&user);
                            drop(shard);
                            if is_gone {
                                presence.announce_offline(&user, closed_at);
                            }
                            return;
                        }
                        Err(error) => tracing::debug!(%error, "a departure waits for the bucket"),
                    }
                    drop(shard);
                    tokio::time::sleep(RETRY_DELAY).await;
                }
            });
    }
}

impl Inner {
    pub(super) const fn tasks(&self) -> &Tasks {
        &self.tasks
    }

    pub(super) fn shard(&self, user: &UserId) -> &Shard {
        &self.shards[self.hasher.hash_one(user) as usize % SHARD_COUNT]
    }

    /// Whether an entry says that its user is connected, or was a moment ago.
    pub(super) fn is_live(&self, entry: &Entry) -> bool {
        entry.connections.is_some() && self.leases.is_alive(LeaseKind::Gateway, &entry.instance)
    }

    /// Whether others take the user of an entry for online: as long as it lives, and after that until he is told of as gone.
    fn is_told(&self, entry: &Entry) -> bool {
        let until_told = self.config.grace + CLEAN_UP_TIME;
        let died = || {
            self.leases
                .died_within(LeaseKind::Gateway, &entry.instance, until_told)
        };
        self.is_live(entry) || (entry.connections.is_some() && died())
    }

    /// Whether an entry's connections count towards the limit. Those of a gateway that may have just died do not: its clients
    /// are on their way here, and must not be refused because of themselves.
    fn counts(&self, entry: &Entry) -> bool {
        entry.connections.is_some()
            && self
                .leases
                .is_certainly_alive(LeaseKind::Gateway, &entry.instance)
    }

    /// Writes this gateway's entry; returns its revision, and the entries of the other gateways.
    async fn write_and_read(
        &self,
        user: &UserId,
        connections: u32,
    ) -> Result<(u64, Vec<Entry>), BucketError> {
        let revision = self
            .bucket
            .put_user(user, &self.instance, connections)
            .await?;
        let mut entries = self.bucket.entries(std::slice::from_ref(user)).await?;
        entries.retain(|entry| entry.instance != self.instance);
        Ok((revision, entries))
    }

    /// Deletes this gateway's entry; returns whether the user has gone by that.
    async fn delete_and_read(&self, user: &UserId) -> Result<bool, BucketError> {
        let revision = self.bucket.delete_user(user, &self.instance).await?;
        self.is_gone(user, &self.instance, revision).await
    }

    /// Deletes the entry of a gateway that died, unless it is written anew meanwhile; returns whether the user has gone by that.
    pub(super) async fn delete_after(
        &self,
        user: &UserId,
        dead: &Instance,
    ) -> Result<bool, BucketError> {
        let entries = self.bucket.entries(std::slice::from_ref(user)).await?;
        let left = entries
            .iter()
            .find(|entry| entry.instance == *dead && entry.connections.is_some());
        let Some(left) = left.filter(|left| !self.is_live(left)) else {
            return Ok(false);
        };
        let deleted = self
            .bucket
            .delete_unchanged_user(user, dead, left.revision)
            .await?;
        match deleted {
            Some(revision) => self.is_gone(user, dead, revision).await,
            None => Ok(false),
        }
    }

    /// Whether a user is connected nowhere since his entry at a gateway was deleted, and nobody was told so after that.
    async fn is_gone(
        &self,
        user: &UserId,
        deleted_at: &Instance,
        revision: u64,
    ) -> Result<bool, BucketError> {
        let entries = self.bucket.entries(std::slice::from_ref(user)).await?;
        let mut others = entries.iter().filter(|entry| entry.instance != *deleted_at);
        let is_elsewhere = others.clone().any(|entry| self.is_live(entry));
        let goes_later_elsewhere =
            others.any(|entry| entry.connections.is_none() && entry.revision > revision);
        Ok(!is_elsewhere && !goes_later_elsewhere)
    }

    async fn undo_open(&self, user: &UserId, shard: &mut HashMap<UserId, Local>) {
        let Some(local) = shard.get_mut(user) else {
            return;
        };
        local.connections -= 1;
        let connections = local.connections;
        let written = if connections == 0 && local.departures == 0 {
            shard.remove(user);
            self.bucket.delete_user(user, &self.instance).await
        } else {
            self.bucket
                .put_user(user, &self.instance, connections)
                .await
        };
        if let Err(error) = written {
            tracing::debug!(%error, "a refused connection is still in the presence bucket");
        }
    }
}
