use std::sync::Arc;

use messaging_lifecycle::Tasks;
use tokio::time::{Instant, timeout};

use super::plan::{Care, plan};
use super::portion::{InFlight, Numbered, Portion};
use super::settle::settle;
use crate::error::collision_index;
use crate::store::Shared;
use crate::{AppendError, StoreError};

/// The way of what was taken from the lanes into the log.
pub(super) struct Batch {
    pub(super) shared: Arc<Shared>,
    pub(super) tasks: Tasks,
    pub(super) in_flight: Arc<InFlight>,
}

/// What an insert did.
enum Inserted {
    /// All of it is majority-committed.
    All,
    /// So many from the front are majority-committed; the next one collided; the others were not tried.
    Until(usize),
    /// Nobody knows.
    Unknown(StoreError),
}

/// A batch of which a part is in.
struct Split {
    committed: Vec<Numbered>,
    collided: Option<Numbered>,
    untried: Vec<Portion>,
}

/// Collisions after which a batch is looked up as a whole.
const COLLISIONS_BEFORE_CARE: u32 = 2;

impl Batch {
    /// Inserts until all is decided.
    ///
    /// A collision concerns one conversation: its rest goes back to its lane, once it is known what it collided with; the other
    /// conversations go on at once.
    pub(super) async fn run(self, mut portions: Vec<Portion>) {
        let mut collisions = 0;
        while !portions.is_empty() {
            let care = if collisions < COLLISIONS_BEFORE_CARE {
                Care::Usual
            } else {
                Care::Thorough
            };
            let numbered = plan(&self.shared, portions, care).await;
            if numbered.is_empty() {
                return;
            }
            match insert(&self.shared, &numbered).await {
                Inserted::All => return settle(&self.shared, numbered, None).await,
                Inserted::Unknown(error) => return give_up(&self.shared, numbered, &error),
                Inserted::Until(count) => {
                    let Split {
                        committed,
                        collided,
                        untried,
                    } = split(numbered, count);
                    let (shared, in_flight) =
                        (Arc::clone(&self.shared), Arc::clone(&self.in_flight));
                    self.tasks.spawn("store-settle", async move {
                        settle(&shared, committed, collided).await;
                        drop(in_flight);
                    });
                    portions = untried;
                    collisions += 1;
                }
            }
        }
    }
}

async fn insert(shared: &Shared, numbered: &[Numbered]) -> Inserted {
    let messages = || numbered.iter().flat_map(|numbered| &numbered.messages);
    shared
        .metrics
        .batch_messages
        .observe(messages().count() as f64);
    let started = Instant::now();
    let inserted = timeout(shared.mongo.deadline(), async {
        shared
            .mongo
            .collections()
            .await?
            .messages
            .insert_many(messages())
            .ordered(true)
            .await
    });
    let inserted = inserted.await;
    shared
        .metrics
        .insert_seconds
        .observe(started.elapsed().as_secs_f64());
    match inserted {
        Ok(Ok(_)) => Inserted::All,
        Ok(Err(error)) => match collision_index(&error) {
            Some(index) => Inserted::Until(index),
            None => Inserted::Unknown(shared.mongo.failed(error)),
        },
        Err(_) => Inserted::Unknown(shared.mongo.timed_out()),
    }
}

fn split(numbered: Vec<Numbered>, mut count: usize) -> Split {
    let mut split = Split {
        committed: Vec::new(),
        collided: None,
        untried: Vec::new(),
    };
    for mut numbered in numbered {
        if split.collided.is_some() {
            numbered.portion.jobs = numbered.jobs;
            split.untried.push(numbered.portion);
        } else if numbered.messages.len() <= count {
            count -= numbered.messages.len();
            split.committed.push(numbered);
        } else {
            numbered.messages.truncate(count);
            split.collided = Some(numbered);
        }
    }
    split
}

/// Tells the senders that the outcome is unknown, and has it found out later.
fn give_up(shared: &Shared, numbered: Vec<Numbered>, error: &StoreError) {
    tracing::warn!(
        error = error as &dyn std::error::Error,
        conversations = numbered.len(),
        "the outcome of an insert is unknown"
    );
    for Numbered {
        portion,
        jobs,
        base,
        ..
    } in numbered
    {
        shared.heads.forget(portion.key.id());
        shared
            .repairs
            .add_unknown(&portion.key, base.seq, &shared.metrics);
        shared.metrics.unknown_outcomes.inc_by(jobs.len() as u64);
        jobs.into_iter()
            .for_each(|job| job.answer(Err(AppendError::Store(error.clone()))));
    }
}
