use messaging_bus::BucketError;
use messaging_domain::UserId;

use super::Presence;
use super::registry::Local;

/// How often an entry is looked at again that somebody else writes, or that a server of the cluster does not know of yet.
const REWRITES_MAX: u32 = 20;

impl Presence {
    /// Writes all entries anew: the bucket may have lost them, others may have taken this gateway for dead, and none may grow too old.
    ///
    /// # Errors
    /// When the bucket cannot be reached; then it must be tried again.
    pub(super) async fn write_all(&self) -> Result<(), BucketError> {
        let inner = &self.inner;
        inner.bucket.register(&inner.instance).await?;
        for shard in &inner.shards {
            let mut shard = shard.lock().await;
            for (user, local) in &mut *shard {
                let mut attempts = 0;
                while !self.rewrite(user, local).await? {
                    attempts += 1;
                    if attempts == REWRITES_MAX {
                        return Err(BucketError::Conflict);
                    }
                }
            }
        }
        Ok(())
    }

    /// Writes an entry anew unless somebody else writes it at this moment, which can only be one who cleans up after us: either he
    /// sees that it was written since he looked, or it is seen here that he has deleted it. False in the second case.
    async fn rewrite(&self, user: &UserId, local: &mut Local) -> Result<bool, BucketError> {
        let inner = &self.inner;
        let entries = inner.bucket.entries(std::slice::from_ref(user)).await?;
        let own = entries
            .iter()
            .find(|entry| entry.instance == inner.instance);
        let was_deleted = own.is_some_and(|entry| entry.connections.is_none());
        let was_there = own.is_some() && !was_deleted && local.is_told;
        let connections = local.connections;
        let last = own.map_or(0, |entry| entry.revision);
        let entry = (connections, was_there);
        let written = inner
            .bucket
            .rewrite_user(user, &inner.instance, entry, last)
            .await?;
        if written.is_none() {
            return Ok(false);
        }
        let is_elsewhere = entries
            .iter()
            .any(|entry| entry.instance != inner.instance && inner.is_live(entry));
        if connections > 0 && !is_elsewhere && (was_deleted || !local.is_told) {
            self.announce_online(user);
        }
        local.is_told = true;
        Ok(true)
    }
}
