use std::time::Duration;

use messaging_domain::{Timestamp, UserId};
use messaging_lifecycle::now;
use messaging_wire::PresenceStatus;
use messaging_wire::command::PresenceChanged;

use super::Presence;

/// How often an announcement is tried while no API replica answers, and the wait in between, which grows.
const ATTEMPTS_MAX: u32 = 8;
const RETRY_DELAY: Duration = Duration::from_millis(200);

impl Presence {
    /// Has everyone concerned told that a user came.
    pub(super) fn announce_online(&self, user: &UserId) {
        self.announce(PresenceChanged {
            user: user.clone(),
            status: PresenceStatus::Online,
            last_seen_at: None,
            at: now(),
            is_repeat: false,
        });
    }

    /// Has everyone concerned told that a user went.
    pub(super) fn announce_offline(&self, user: &UserId, last_seen_at: Timestamp) {
        let last_seen_at = Some(last_seen_at);
        self.announce(PresenceChanged {
            user: user.clone(),
            status: PresenceStatus::Offline,
            last_seen_at,
            at: now(),
            is_repeat: false,
        });
    }

    fn announce(&self, change: PresenceChanged) {
        self.inner.lately.note(change.clone());
        let presence = self.clone();
        self.inner
            .tasks()
            .spawn_until_stopped("presence announcement", async move {
                presence.announce_while_current(&change).await;
            });
    }

    pub(super) async fn announce_while_current(&self, change: &PresenceChanged) {
        for attempt in 1..=ATTEMPTS_MAX {
            // While it was tried, the opposite may have happened, which must not be announced first.
            if !self.is_current(&change.user, change.status).await {
                return;
            }
            match self.api.presence_changed(change).await {
                Ok(()) => return,
                Err(fault) => {
                    tracing::debug!(%fault, attempt, "a change of presence was not announced");
                }
            }
            tokio::time::sleep(RETRY_DELAY * attempt).await;
        }
        tracing::warn!(user.id = %change.user, "a change of presence was not announced; it is seen by who asks");
    }
}
