use std::collections::HashMap;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use messaging_lifecycle::Tasks;
use parking_lot::Mutex;
use thiserror::Error;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::{LEASE_TTL, PresenceBucket};
use crate::metrics::Renewal as Outcome;

/// How often a lease is renewed: three times can fail before it dies.
const RENEW_INTERVAL: Duration = Duration::from_millis(800);

/// How often a table looks for leases that died.
const CHECK_INTERVAL: Duration = Duration::from_millis(250);

/// Deaths that a table tells of before the one who listens must have taken some; more are found again by the next process to start.
const DEATHS_WAITING_MAX: usize = 256;

/// How long a table remembers that a process died.
const DEATH_REMEMBERED: Duration = Duration::from_secs(15 * 60);

/// One life of a process: the name that an operator knows it by, and a part that no other life has.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Instance(Arc<str>);

/// A text that cannot be part of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("must be 1 to 128 characters of A-Z, a-z, 0-9, _ and -")]
pub struct InstanceError;

impl FromStr for Instance {
    type Err = InstanceError;

    fn from_str(text: &str) -> Result<Self, InstanceError> {
        let allowed = text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
        if allowed && (1..=128).contains(&text.len()) {
            Ok(Self(text.into()))
        } else {
            Err(InstanceError)
        }
    }
}

impl fmt::Display for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LeaseKind {
    /// An API replica.
    Api,
    /// A gateway replica.
    Gateway,
}

impl LeaseKind {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Gateway => "gateway",
        }
    }
}

/// The proof that this process lives, kept up by a task of its own.
pub struct Lease {
    bucket: PresenceBucket,
    key: String,
    renewals: watch::Receiver<Renewal>,
    lives_seen: u64,
}

/// How the last renewal went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Renewal {
    alive: bool,
    /// Counts how often the lease came to life: at the start, and after each time that it could not be renewed.
    lives: u64,
}

impl Lease {
    /// Begins to renew a lease until the tasks are asked to stop. NATS may be down.
    pub fn keep(
        bucket: &PresenceBucket,
        kind: LeaseKind,
        instance: &Instance,
        tasks: &Tasks,
    ) -> Self {
        let key = format!("lease.{}.{instance}", kind.as_str());
        let (sender, renewals) = watch::channel(Renewal {
            alive: false,
            lives: 0,
        });
        let renewing = renew(bucket.clone(), key.clone(), sender);
        tasks.spawn_until_stopped("lease", renewing);
        Self {
            bucket: bucket.clone(),
            key,
            renewals,
            lives_seen: 0,
        }
    }

    /// Whether the last renewal succeeded.
    pub fn is_alive(&self) -> bool {
        self.renewals.borrow().alive
    }

    /// Resolves each time the lease comes to life: what was written under an earlier life may be gone.
    pub async fn revived(&mut self) {
        let seen = self.lives_seen;
        let revived = self
            .renewals
            .wait_for(|renewal| renewal.alive && renewal.lives > seen)
            .await
            .map(|renewal| renewal.lives);
        match revived {
            Ok(lives) => self.lives_seen = lives,
            // The renewing task has ended, and nothing revives any more.
            Err(_) => std::future::pending().await,
        }
    }

    /// Gives the lease back, so that nobody waits for it to die.
    pub async fn release(self) {
        if let Err(error) = self.bucket.delete_lease(&self.key).await {
            tracing::debug!(%error, "the lease was not given back; it will expire");
        }
    }
}

async fn renew(bucket: PresenceBucket, key: String, renewals: watch::Sender<Renewal>) {
    let mut ticks = tokio::time::interval(RENEW_INTERVAL);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut last_revision = 0;
    let mut renewed_at = Instant::now();
    loop {
        ticks.tick().await;
        let mut renewed = bucket.write_lease(&key).await;
        // Where there is no bucket yet, the first lease must not wait for the next tick: its process may serve by then.
        if renewed.is_err() && bucket.ensure().await.is_ok() {
            renewed = bucket.write_lease(&key).await;
        }
        let was_alive = renewals.borrow().alive;
        match renewed {
            // A smaller revision means that the bucket was made anew in between, and a long silence, as of a process that was
            // stopped, that others have taken this one for dead.
            Ok(revision)
                if was_alive && revision > last_revision && renewed_at.elapsed() < LEASE_TTL =>
            {
                (last_revision, renewed_at) = (revision, Instant::now());
                bucket.metrics().renewed(Outcome::Renewed);
            }
            Ok(revision) => {
                bucket.metrics().renewed(Outcome::Revived);
                (last_revision, renewed_at) = (revision, Instant::now());
                renewals.send_modify(|renewal| {
                    *renewal = Renewal {
                        alive: true,
                        lives: renewal.lives + 1,
                    }
                });
            }
            Err(error) => {
                bucket.metrics().renewed(Outcome::Failed);
                if was_alive {
                    tracing::warn!(%error, "the lease cannot be renewed; trying again");
                    renewals.send_modify(|renewal| renewal.alive = false);
                }
            }
        }
    }
}

/// Which processes live, as this one sees it: kept up by following the leases.
#[derive(Clone)]
pub struct LeaseTable {
    renewed_at: Arc<Mutex<HashMap<(LeaseKind, Instance), Instant>>>,
    died_at: Arc<Mutex<HashMap<(LeaseKind, Instance), Instant>>>,
    settled: watch::Sender<bool>,
}

impl LeaseTable {
    /// Begins to follow the leases until the tasks are asked to stop, and tells of each one that dies.
    pub fn follow(
        bucket: &PresenceBucket,
        tasks: &Tasks,
    ) -> (Self, mpsc::Receiver<(LeaseKind, Instance)>) {
        let table = Self {
            renewed_at: Arc::default(),
            died_at: Arc::default(),
            settled: watch::Sender::new(false),
        };
        let (deaths, told) = mpsc::channel(DEATHS_WAITING_MAX);
        let following = follow(bucket.clone(), table.clone(), deaths);
        tasks.spawn_until_stopped("lease table", following);
        (table, told)
    }

    /// Whether each lease that lived at the start has been heard of. Until then others may be taken for dead.
    pub fn is_settled(&self) -> bool {
        *self.settled.borrow()
    }

    /// Waits until the table is settled, at most for so long.
    pub async fn settled(&self, within: Duration) {
        let mut settled = self.settled.subscribe();
        // Whoever asks goes on with what is known when the time is up.
        let _ = tokio::time::timeout(within, settled.wait_for(|settled| *settled)).await;
    }

    /// Whether a process lives.
    pub fn is_alive(&self, kind: LeaseKind, instance: &Instance) -> bool {
        self.renewed_at
            .lock()
            .contains_key(&(kind, instance.clone()))
    }

    /// Whether a process lives and has shown it lately; not so while it may have just died.
    pub fn is_certainly_alive(&self, kind: LeaseKind, instance: &Instance) -> bool {
        let renewed_at = self
            .renewed_at
            .lock()
            .get(&(kind, instance.clone()))
            .copied();
        renewed_at.is_some_and(|renewed_at| renewed_at.elapsed() < RENEW_INTERVAL * 2)
    }

    /// The process of a kind that everyone who sees the same ones chooses for a key. Keys are spread evenly, and a process that
    /// comes or goes changes the choice for its own share alone (rendezvous hashing, Thaler and Ravishankar 1996). Of those that
    /// may have just died, or are not well as the caller sees it, none is chosen.
    ///
    /// Processes of different releases may choose differently.
    pub fn choose(
        &self,
        kind: LeaseKind,
        key: &impl Hash,
        is_well: impl Fn(&Instance) -> bool,
    ) -> Option<Instance> {
        let renewed_at = self.renewed_at.lock();
        let living = renewed_at
            .iter()
            .filter(|((of, _), at)| *of == kind && at.elapsed() < RENEW_INTERVAL * 2)
            .filter(|((_, instance), _)| is_well(instance));
        let weight = |instance: &Instance| {
            let mut hasher = DefaultHasher::new();
            (instance, key).hash(&mut hasher);
            hasher.finish()
        };
        let chosen = living.max_by_key(|((_, instance), _)| weight(instance));
        chosen.map(|((_, instance), _)| instance.clone())
    }

    /// Whether a process was seen to die so long ago at most; a quarter of an hour is remembered.
    pub fn died_within(&self, kind: LeaseKind, instance: &Instance, within: Duration) -> bool {
        let died_at = self.died_at.lock().get(&(kind, instance.clone())).copied();
        died_at.is_some_and(|died_at| died_at.elapsed() <= within)
    }

    /// Takes a sign of life, or the end of one, from the bucket.
    fn note(&self, key: &str, is_renewal: bool) {
        let Some(holder) = parse_key(key) else { return };
        let mut renewed_at = self.renewed_at.lock();
        if is_renewal {
            renewed_at.insert(holder, Instant::now());
        } else if let Some(at) = renewed_at.get_mut(&holder) {
            // Whoever gave its lease back is as dead as whoever lost it: the next check finds it.
            *at = Instant::now().checked_sub(LEASE_TTL).unwrap_or(*at);
        }
    }

    fn remove_dead(&self) -> Vec<(LeaseKind, Instance)> {
        let mut renewed_at = self.renewed_at.lock();
        let dead: Vec<_> = renewed_at
            .extract_if(|_, at| at.elapsed() >= LEASE_TTL)
            .map(|(holder, _)| holder)
            .collect();
        if !dead.is_empty() {
            let mut died_at = self.died_at.lock();
            died_at.retain(|_, at| at.elapsed() < DEATH_REMEMBERED);
            died_at.extend(dead.iter().cloned().map(|holder| (holder, Instant::now())));
        }
        dead
    }

    fn count(&self, kind: LeaseKind) -> usize {
        let renewed_at = self.renewed_at.lock();
        renewed_at.keys().filter(|(of, _)| *of == kind).count()
    }

    /// Gives each lease a full term again: while nothing could be heard, silence meant nothing.
    fn forgive(&self) {
        let now = Instant::now();
        self.renewed_at.lock().values_mut().for_each(|at| *at = now);
    }
}

async fn follow(
    bucket: PresenceBucket,
    table: LeaseTable,
    deaths: mpsc::Sender<(LeaseKind, Instance)>,
) {
    loop {
        let mut watch = match bucket.watch_leases().await {
            Ok(watch) => watch,
            Err(error) => {
                tracing::debug!(%error, "the leases cannot be followed; trying again");
                table.forgive();
                tokio::time::sleep(CHECK_INTERVAL).await;
                continue;
            }
        };
        table.forgive();
        let mut checks = tokio::time::interval(CHECK_INTERVAL);
        let mut heard_at = Instant::now();
        loop {
            tokio::select! {
                entry = watch.next() => match entry {
                    Some(Ok(entry)) => {
                        heard_at = Instant::now();
                        let is_news = entry.seen_current && !table.is_settled();
                        table.note(&entry.key, entry.operation == async_nats::jetstream::kv::Operation::Put);
                        if is_news {
                            table.settled.send_replace(true);
                        }
                    }
                    Some(Err(error)) => {
                        tracing::debug!(%error, "the leases cannot be followed; starting over");
                        break;
                    }
                    None => break,
                },
                _ = checks.tick() => {
                    for kind in [LeaseKind::Api, LeaseKind::Gateway] {
                        bucket.metrics().set_leases(kind, table.count(kind));
                    }
                    // Our own lease is among those followed, so silence of all means that we hear nothing.
                    if heard_at.elapsed() > LEASE_TTL * 2 {
                        break;
                    }
                    if heard_at.elapsed() < RENEW_INTERVAL * 2 {
                        for dead in table.remove_dead() {
                            if deaths.try_send(dead).is_err() {
                                tracing::debug!("nobody takes note of a death");
                            }
                        }
                    }
                }
            }
        }
    }
}

fn parse_key(key: &str) -> Option<(LeaseKind, Instance)> {
    let (kind, instance) = key.strip_prefix("lease.")?.split_once('.')?;
    let kind = match kind {
        "api" => LeaseKind::Api,
        "gateway" => LeaseKind::Gateway,
        _ => return None,
    };
    Some((kind, instance.parse().ok()?))
}
