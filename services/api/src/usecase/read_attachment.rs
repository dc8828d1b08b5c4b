use messaging_domain::{AttachmentId, UserId};
use messaging_wire::Attachment;

use super::{Messaging, Refusal};

impl Messaging {
    /// What is known of a file of a conversation of the user's.
    ///
    /// # Errors
    /// [`Refusal`].
    #[tracing::instrument(target = "messaging_trace", level = "trace", skip_all)]
    pub(crate) async fn read_attachment(
        &self,
        user: &UserId,
        id: AttachmentId,
    ) -> Result<Attachment, Refusal> {
        let stored = self.store.attachment(id).await?.ok_or(Refusal::NotFound)?;
        // Before there is a conversation, only its uploader can know of it.
        if stored.uploader != *user {
            self.conversation_of(user, stored.conversation).await?;
        }
        Ok(stored.attachment)
    }
}
