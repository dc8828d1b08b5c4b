use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use messaging_auth::Revocations;
use messaging_bus::{BucketError, Bus, RevocationBucket};
use messaging_domain::{Revocation, Revoked};
use messaging_lifecycle::Tasks;
use messaging_store::{Store, StoreError};
use parking_lot::Mutex;
use thiserror::Error;
use tokio::sync::{Notify, watch};

use crate::config::RevocationLimits;

/// How often the database is read without a reason: so long may a replica that does not hear the others not know a revocation.
const READ_INTERVAL: Duration = Duration::from_secs(30);

/// How long it is left alone at least.
const READ_DELAY: Duration = Duration::from_secs(1);

/// How soon it is read again when the bucket could not be put right: a gateway that starts does without the bucket after as long.
const SHARE_RETRY: Duration = Duration::from_secs(2);

/// How many revocations are read at a time.
const PAGE: u32 = 500;

/// How many of them are written into the bucket at once: after NATS came back empty that is all of them.
const WRITES_MAX: usize = 64;

/// Brings the revocations of the database to all who check tokens: this process, and by the bucket all others.
///
/// The database is the truth. Who revokes tells it first, then this process, then the bucket; what the bucket lacks, or has too
/// much, is put right by reading all of it: at the start, after the connection to NATS was made anew, after the bucket did not take
/// something, and every 30 s. A clone is another handle.
#[derive(Clone)]
pub(crate) struct RevocationKeeper(Arc<Inner>);

struct Inner {
    store: Store,
    bucket: RevocationBucket,
    known: Revocations,
    limits: RevocationLimits,
    /// Whether all of them were read once.
    is_known: AtomicBool,
    /// The bucket may lack something, or have it too much.
    wanted: Notify,
    /// What is in the database no more, and may still be in the bucket.
    surplus: Mutex<HashSet<Revoked>>,
}

#[derive(Debug, Error)]
enum ReadError {
    #[error("the revocations cannot be read")]
    Store(#[from] StoreError),
    #[error("the revocations cannot be shared")]
    Bucket(#[from] BucketError),
}

impl RevocationKeeper {
    /// Begins to read, until the tasks are asked to stop.
    pub(crate) fn start(
        store: &Store,
        bus: &Bus,
        known: &Revocations,
        limits: RevocationLimits,
        tasks: &Tasks,
    ) -> Self {
        let keeper = Self(Arc::new(Inner {
            store: store.clone(),
            bucket: RevocationBucket::new(bus),
            known: known.clone(),
            limits,
            is_known: AtomicBool::new(false),
            wanted: Notify::new(),
            surplus: Mutex::default(),
        }));
        let keeping = keeper.clone().keep(bus.connections());
        tasks.spawn_until_stopped("revocation keeper", keeping);
        keeper
    }

    /// Tells at any time whether the revocations have been read once, without which nobody should come here yet.
    pub(crate) fn watch_known(&self) -> impl Fn() -> bool + Send + Sync + 'static {
        let keeper = self.clone();
        move || keeper.0.is_known.load(Ordering::Relaxed)
    }

    /// How long revocations last, and how many there may be.
    pub(crate) fn limits(&self) -> RevocationLimits {
        self.0.limits
    }

    /// Tells of a revocation that the database has.
    pub(crate) async fn tell(&self, revocation: &Revocation) {
        self.0.known.note(revocation);
        self.note_told(self.0.bucket.put(revocation).await);
    }

    /// Tells of a revocation that the database has no more.
    pub(crate) async fn tell_lifted(&self, of: &Revoked) {
        self.0.known.lift(of);
        let told = self.0.bucket.lift(of).await;
        if told.is_err() {
            let mut surplus = self.0.surplus.lock();
            // As many as there can be; one that is left out ends when it would have ended anyway.
            if (surplus.len() as u64) < self.0.limits.count_max {
                surplus.insert(of.clone());
            }
        }
        self.note_told(told);
    }

    fn note_told(&self, told: Result<(), BucketError>) {
        if let Err(error) = told {
            tracing::warn!(%error, "a revocation is not in the bucket yet; the others will hear of it later");
            self.0.wanted.notify_one();
        }
    }

    async fn keep(self, mut connections: watch::Receiver<u64>) {
        loop {
            connections.mark_unchanged();
            let read = self.read_all().await;
            if let Err(error) = &read {
                tracing::debug!(%error, "the revocations are not what they should be; trying again");
            }
            tokio::time::sleep(READ_DELAY).await;
            let pause = match read {
                Err(ReadError::Store(_)) => continue,
                // A connection that is made anew is a reason of its own.
                Ok(()) | Err(ReadError::Bucket(BucketError::Disconnected)) => READ_INTERVAL,
                Err(ReadError::Bucket(_)) => SHARE_RETRY,
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.0.wanted.notified() => {}
                Ok(()) = connections.changed() => {}
            }
        }
    }

    /// Reads the database from beginning to end, and puts this process and the bucket right.
    async fn read_all(&self) -> Result<(), ReadError> {
        if !self.0.is_known.load(Ordering::Relaxed) {
            // This process need not wait until all others can hear of it.
            self.read_pages(false).await?;
            self.0.is_known.store(true, Ordering::Relaxed);
        }
        self.read_pages(true).await?;
        let surplus: Vec<Revoked> = self.0.surplus.lock().iter().cloned().collect();
        for names in surplus.chunks(PAGE as usize) {
            self.unshare(names).await?;
            let mut left = self.0.surplus.lock();
            for name in names {
                left.remove(name);
            }
        }
        if !self.0.bucket.is_complete().await? {
            self.0.bucket.set_complete().await?;
        }
        Ok(())
    }

    /// Notes all that the database has, and forgets what it has not; puts it into the bucket, too, if that is to be.
    async fn read_pages(&self, for_all: bool) -> Result<(), ReadError> {
        let Inner { store, known, .. } = &*self.0;
        let round = known.begin_round();
        let mut shared = match for_all {
            true => self.0.bucket.ensure().await.map_err(ReadError::from),
            false => Ok(()),
        };
        let mut after = None;
        loop {
            let page = store.revocations_after(after.as_ref(), PAGE).await?;
            known.note_read(&page.items);
            if for_all && shared.is_ok() {
                shared = self.share(&page.items).await;
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        self.0.surplus.lock().extend(known.end_round(round));
        shared
    }

    /// Puts into the bucket what it lacks of these.
    async fn share(&self, page: &[Revocation]) -> Result<(), ReadError> {
        let there = self.0.bucket.read(page.iter().map(|one| &one.of)).await?;
        let is_lacking = |one: &&Revocation| {
            let entry = there.get(&one.of);
            entry.is_none_or(|entry| entry.revocation.as_ref() != Some(one))
        };
        let lacking: Vec<Revoked> = page
            .iter()
            .filter(is_lacking)
            .map(|one| one.of.clone())
            .collect();
        // Asked again after the bucket was: what was lifted between must not come back.
        let lacking = self.0.store.revocations_of(&lacking).await?;
        for some in lacking.chunks(WRITES_MAX) {
            let writes = some.iter().map(|revocation| {
                let last = there.get(&revocation.of).map_or(0, |entry| entry.revision);
                self.0.bucket.put_after(revocation, last)
            });
            for written in join_all(writes).await {
                unless_written(written)?;
            }
        }
        Ok(())
    }

    /// Takes out of the bucket what the database does not have.
    async fn unshare(&self, gone: &[Revoked]) -> Result<(), ReadError> {
        let there = self.0.bucket.read(gone.iter()).await?;
        let there = there
            .into_iter()
            .filter(|(_, entry)| entry.revocation.is_some());
        let there: Vec<_> = there.collect();
        let names: Vec<Revoked> = there.iter().map(|(of, _)| of.clone()).collect();
        let made_anew = self.0.store.revocations_of(&names).await?;
        for (of, entry) in there {
            if !made_anew.iter().any(|revocation| revocation.of == of) {
                unless_written(self.0.bucket.lift_after(&of, entry.revision).await)?;
            }
        }
        Ok(())
    }
}

/// Who has written meanwhile knew better.
fn unless_written(written: Result<(), BucketError>) -> Result<(), BucketError> {
    match written {
        Err(BucketError::Conflict) => Ok(()),
        written => written,
    }
}
