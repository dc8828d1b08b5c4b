use std::time::Duration;

use messaging_domain::{Timestamp, UserId};
use messaging_lifecycle::now;
use messaging_wire::PresenceStatus;
use messaging_wire::command::PresenceChanged;
use prometheus::{IntCounterVec, Opts, Registry};

use super::Presence;

/// How often an announcement is tried while no API replica answers, and the wait in between, which grows.
const ATTEMPTS_MAX: u32 = 8;
const RETRY_DELAY: Duration = Duration::from_millis(200);

/// How many announcements are made at a time: thousands of users can go at once, and an API replica takes 512.
pub(super) const ANNOUNCING_MAX: usize = 128;

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
                let _turn = presence.inner.announcing.acquire().await;
                presence.announce_while_current(&change).await;
            });
    }

    pub(super) async fn announce_while_current(&self, change: &PresenceChanged) -> Announced {
        let announced = self.try_to_announce(change).await;
        if announced == Announced::GivenUp {
            tracing::warn!(user.id = %change.user, "a change of presence was not announced; it is seen by who asks");
        }
        self.inner.announcements.count(announced, 1);
        announced
    }

    async fn try_to_announce(&self, change: &PresenceChanged) -> Announced {
        for attempt in 1..=ATTEMPTS_MAX {
            // While it was tried, the opposite may have happened, which must not be announced first.
            if !self.is_current(&change.user, change.status).await {
                return Announced::Overtaken;
            }
            match self.api.presence_changed(change).await {
                Ok(()) => return Announced::Told,
                Err(fault) => {
                    tracing::debug!(%fault, attempt, "a change of presence was not announced");
                }
            }
            tokio::time::sleep(RETRY_DELAY * attempt).await;
        }
        Announced::GivenUp
    }
}

/// What came of an announcement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Announced {
    /// An API replica has taken it.
    Told,
    /// The opposite has happened meanwhile.
    Overtaken,
    /// No API replica has taken it in time.
    GivenUp,
    /// It was to be said again, and was not tried, as none had taken one before it.
    LeftOut,
}

impl Announced {
    const fn label(self) -> &'static str {
        match self {
            Self::Told => "told",
            Self::Overtaken => "overtaken",
            Self::GivenUp => "given_up",
            Self::LeftOut => "left_out",
        }
    }
}

/// Counts announcements by what came of them.
pub(super) struct Announcements(IntCounterVec);

impl Announcements {
    pub(super) fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let announcements = IntCounterVec::new(
            Opts::new(
                "fh_gateway_presence_announcements_total",
                "Changes of presence that were to be announced, by what came of it.",
            ),
            &["outcome"],
        )?;
        registry.register(Box::new(announcements.clone()))?;
        Ok(Self(announcements))
    }

    pub(super) fn count(&self, announced: Announced, changes: usize) {
        let changes = u64::try_from(changes).unwrap_or(u64::MAX);
        self.0
            .with_label_values(&[announced.label()])
            .inc_by(changes);
    }

    #[cfg(test)]
    pub(super) fn get(&self, announced: Announced) -> u64 {
        self.0.with_label_values(&[announced.label()]).get()
    }
}
