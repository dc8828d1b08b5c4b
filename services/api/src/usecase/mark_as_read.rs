use messaging_domain::{ConversationId, UserId};
use messaging_wire::ReadReceipt;

use super::{Messaging, Refusal};
use crate::announcer::Telling;

impl Messaging {
    /// Marks a conversation as read by the caller up to a `seq`, or all of it, and tells those concerned if that is new.
    ///
    /// # Errors
    /// [`Refusal`].
    #[tracing::instrument(target = "messaging_trace", level = "trace", skip_all)]
    pub(crate) async fn mark_as_read(
        &self,
        user: &UserId,
        id: ConversationId,
        up_to: Option<u64>,
    ) -> Result<ReadReceipt, Refusal> {
        let (key, party) = self.conversation_of(user, id).await?;
        let marked = self.store.mark_read(&key, party, up_to).await?;
        if marked.grew {
            self.announcer
                .announce_read(&marked.receipt, Telling::First)
                .await;
        }
        Ok(marked.receipt)
    }
}
