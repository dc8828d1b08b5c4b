use std::collections::HashMap;

use messaging_domain::{Timestamp, UserId};
use messaging_lifecycle::Tasks;
use messaging_store::{Store, StoreError};
use messaging_wire::command::PresenceChanged;
use tokio::sync::{mpsc, oneshot};

use super::{Messaging, Refusal};
use crate::announcer::Announcer;

/// The most users who are told of one change; who shares contracts with more is seen by the rest when they ask.
const COUNTERPARTS_MAX: usize = 10_000;

/// The most changes that are told of together: what comes and goes in thousands, as when a gateway has died, must not hold up those
/// who talk.
const TOGETHER_MAX: usize = 64;

/// The most changes that wait; beyond, a gateway is told to try again.
const WAITING_MAX: usize = 4_096;

/// Tells of who came and went, one batch after the other. A clone is another handle.
#[derive(Clone)]
pub(crate) struct PresenceChanges(mpsc::Sender<Waiting>);

struct Waiting {
    change: PresenceChanged,
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
    pub(crate) async fn announce_presence(&self, change: PresenceChanged) -> Result<(), Refusal> {
        let (told, done) = oneshot::channel();
        let waiting = Waiting { change, told };
        let is_taken = self.presence_changes.0.try_send(waiting);
        is_taken.map_err(|_| Refusal::Overloaded)?;
        done.await.map_err(|_| Refusal::Untold)?
    }
}

async fn tell(store: &Store, announcer: &Announcer, together: Vec<Waiting>) {
    let changes = together.iter().map(|waiting| &waiting.change);
    let counterparts = match prepare(store, changes).await {
        Ok(counterparts) => counterparts,
        Err(error) => {
            for Waiting { told, .. } in together {
                // Nobody listens if he has given up waiting.
                let _ = told.send(Err(Refusal::Store(error.clone())));
            }
            return;
        }
    };
    for Waiting { change, told } in together {
        let counterparts = counterparts
            .get(&change.user)
            .map_or(&[][..], Vec::as_slice);
        let is_told = announcer.announce_presence(change, counterparts).await;
        let _ = told.send(if is_told {
            Ok(())
        } else {
            Err(Refusal::Untold)
        });
    }
}

/// Keeps who went when, and finds out whom it concerns.
async fn prepare(
    store: &Store,
    changes: impl Iterator<Item = &PresenceChanged>,
) -> Result<HashMap<UserId, Vec<UserId>>, StoreError> {
    let (mut users, mut seen) = (Vec::new(), HashMap::<&UserId, Timestamp>::new());
    for change in changes {
        users.push(&change.user);
        if let Some(at) = change.last_seen_at {
            let latest = seen.entry(&change.user).or_insert(at);
            *latest = at.max(*latest);
        }
    }
    users.sort_unstable();
    users.dedup();
    let seen: Vec<_> = seen.into_iter().collect();
    store.note_last_seen(&seen).await?;
    store.counterparts_of_each(&users, COUNTERPARTS_MAX).await
}
