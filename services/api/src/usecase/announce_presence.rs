use std::collections::HashMap;
use std::time::Duration;

use messaging_domain::{Timestamp, UserId};
use messaging_lifecycle::Tasks;
use messaging_store::{Store, StoreError};
use messaging_wire::command::PresenceChanged;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::{Messaging, Refusal};
use crate::announcer::Announcer;

/// The most users who are told of one change; who shares contracts with more is seen by the rest when they ask.
const COUNTERPARTS_MAX: usize = 10_000;

/// The most changes that are told of together: what comes and goes in thousands, as when a gateway has died, must not hold up those
/// who talk.
const TOGETHER_MAX: usize = 64;

/// The most changes that wait, a fraction of the commands that a replica works on at a time; beyond, a gateway is told to try again.
const WAITING_MAX: usize = 512;

/// After so long the gateway, which gives up after 6 s, is told to try again: what it then finds may be another truth.
const WAIT_MAX: Duration = Duration::from_secs(4);

/// Tells of who came and went, one batch after the other. A clone is another handle.
#[derive(Clone)]
pub(crate) struct PresenceChanges(mpsc::Sender<Waiting>);

struct Waiting {
    change: PresenceChanged,
    since: Instant,
    told: oneshot::Sender<Result<(), Refusal>>,
}

impl PresenceChanges {
    /// Begins to tell, until the tasks are asked to stop.
    pub(crate) fn start(store: Store, announcer: Announcer, tasks: &Tasks) -> Self {
        let (changes, mut waiting) = mpsc::channel(WAITING_MAX);
        tasks.spawn_until_stopped("presence changes", async move {
            let mut together = Vec::new();
            while waiting.recv_many(&mut together, TOGETHER_MAX).await > 0 {
                tell(&store, &announcer, std::mem::take(&mut together)).await;
            }
        });
        Self(changes)
    }
}

impl Messaging {
    /// Tells everyone who shares a contract with a user that he came or went, and keeps when he went.
    ///
    /// # Errors
    /// [`Refusal::Store`]; [`Refusal::Untold`] and [`Refusal::Overloaded`] when it is to be said again.
    #[tracing::instrument(target = "messaging_trace", level = "trace", skip_all)]
    pub(crate) async fn announce_presence(&self, change: PresenceChanged) -> Result<(), Refusal> {
        let (told, done) = oneshot::channel();
        let since = Instant::now();
        let waiting = Waiting {
            change,
            since,
            told,
        };
        let is_taken = self.presence_changes.0.try_send(waiting);
        is_taken.map_err(|_| Refusal::Overloaded)?;
        done.await.map_err(|_| Refusal::Untold)?
    }
}

async fn tell(store: &Store, announcer: &Announcer, together: Vec<Waiting>) {
    let (mut together, late): (Vec<_>, Vec<_>) = together
        .into_iter()
        .partition(|waiting| waiting.since.elapsed() < WAIT_MAX);
    // Nobody listens if he has given up waiting.
    for Waiting { told, .. } in late {
        let _ = told.send(Err(Refusal::Untold));
    }
    if let Err(error) = note_last_seen(store, &together).await {
        // Who came is told of all the same.
        let went = together.extract_if(.., |waiting| waiting.change.last_seen_at.is_some());
        for Waiting { told, .. } in went {
            let _ = told.send(Err(Refusal::Store(error.clone())));
        }
    }
    let mut users: Vec<_> = together
        .iter()
        .map(|waiting| waiting.change.user.clone())
        .collect();
    users.sort_unstable();
    users.dedup();
    let users: Vec<_> = users.iter().collect();
    let counterparts = store.counterparts_of_each(&users, COUNTERPARTS_MAX).await;
    for Waiting { change, told, .. } in together {
        let _ = told.send(match &counterparts {
            Err(error) => Err(Refusal::Store(error.clone())),
            Ok(counterparts) => {
                let to = counterparts.get(&change.user);
                let to = to.map_or(&[][..], Vec::as_slice);
                match announcer.announce_presence(change, to).await {
                    true => Ok(()),
                    false => Err(Refusal::Untold),
                }
            }
        });
    }
}

/// Keeps who went when.
async fn note_last_seen(store: &Store, changes: &[Waiting]) -> Result<(), StoreError> {
    let mut seen = HashMap::<&UserId, Timestamp>::new();
    for Waiting { change, .. } in changes {
        if let Some(at) = change.last_seen_at {
            let latest = seen.entry(&change.user).or_insert(at);
            *latest = at.max(*latest);
        }
    }
    let seen: Vec<_> = seen.into_iter().collect();
    store.note_last_seen(&seen).await
}
