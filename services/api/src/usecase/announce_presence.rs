use messaging_wire::command::PresenceChanged;

use super::{Messaging, Refusal};

/// The most users who are told of one change; who shares contracts with more is seen by the rest when they ask.
const COUNTERPARTS_MAX: usize = 10_000;

impl Messaging {
    /// Tells everyone who shares a contract with a user that he came or went, and keeps when he went.
    ///
    /// # Errors
    /// [`Refusal::Store`]; [`Refusal::Untold`] when it is to be said again.
    pub(crate) async fn announce_presence(&self, change: PresenceChanged) -> Result<(), Refusal> {
        if let Some(at) = change.last_seen_at {
            self.store.note_last_seen(&change.user, at).await?;
        }
        let counterparts = self
            .store
            .counterparts(&change.user, COUNTERPARTS_MAX)
            .await?;
        match self
            .announcer
            .announce_presence(change, &counterparts)
            .await
        {
            true => Ok(()),
            false => Err(Refusal::Untold),
        }
    }
}
