use std::collections::HashSet;

use messaging_bus::presence::LeaseKind;
use messaging_domain::UserId;
use messaging_domain::limits::PRESENCE_USERS_MAX;
use messaging_wire::{PresenceItem, PresenceStatus};

use super::{Fields, Messaging, Refusal};

impl Messaging {
    /// Who of these users is connected, as far as the caller may know: himself, and who shares a contract with him.
    ///
    /// # Errors
    /// [`Refusal`].
    #[tracing::instrument(target = "messaging_trace", level = "trace", skip_all)]
    pub(crate) async fn query_presence(
        &self,
        caller: &UserId,
        users: &[String],
    ) -> Result<Vec<PresenceItem>, Refusal> {
        let mut fields = Fields::new();
        if !(1..=PRESENCE_USERS_MAX).contains(&users.len()) {
            fields.note("userIds", format!("must be 1 to {PRESENCE_USERS_MAX}"));
            return Err(fields.finish::<()>(None).expect_err("something was noted"));
        }
        let parsed: Option<Vec<UserId>> = users
            .iter()
            .enumerate()
            .map(|(index, user)| fields.parse(&format!("userIds[{index}]"), user))
            .collect();
        let asked = fields.finish(parsed)?;
        let visible = self.visible_to(caller, asked).await?;
        if visible.is_empty() {
            return Ok(Vec::new());
        }
        let entries = self
            .presence
            .entries(&visible)
            .await
            .map_err(Refusal::Presence)?;
        let online: HashSet<&UserId> = entries
            .iter()
            .filter(|entry| {
                entry.connections.is_some()
                    && self.leases.is_alive(LeaseKind::Gateway, &entry.instance)
            })
            .map(|entry| &entry.user)
            .collect();
        let offline: Vec<&UserId> = visible
            .iter()
            .filter(|user| !online.contains(user))
            .collect();
        let last_seen = self.store.last_seen(&offline).await?;
        let item = |user: &UserId| PresenceItem {
            user_id: user.clone(),
            status: if online.contains(user) {
                PresenceStatus::Online
            } else {
                PresenceStatus::Offline
            },
            last_seen_at: last_seen.get(user).copied(),
        };
        Ok(visible.iter().map(item).collect())
    }

    async fn visible_to(
        &self,
        caller: &UserId,
        mut users: Vec<UserId>,
    ) -> Result<Vec<UserId>, Refusal> {
        let mut seen = HashSet::new();
        users.retain(|user| seen.insert(user.clone()));
        let counterparts: HashSet<UserId> = self
            .store
            .counterparts_among(caller, &users)
            .await?
            .into_iter()
            .collect();
        users.retain(|user| user == caller || counterparts.contains(user));
        Ok(users)
    }
}
