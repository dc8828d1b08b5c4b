use messaging_domain::UserId;
use messaging_domain::limits::{CONVERSATIONS_PAGE_DEFAULT, CONVERSATIONS_PAGE_MAX};
use messaging_wire::ConversationsPage;

use super::{Fields, Messaging, Refusal};

impl Messaging {
    /// A page of a user's conversations, the latest activity first.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] for a limit out of range and for a cursor that no page gave; [`Refusal::Store`].
    #[tracing::instrument(target = "messaging_trace", level = "trace", skip_all)]
    pub(crate) async fn list_conversations(
        &self,
        user: &UserId,
        limit: Option<u32>,
        cursor: Option<&str>,
    ) -> Result<ConversationsPage, Refusal> {
        let mut fields = Fields::new();
        let limit = fields.page_limit(limit, CONVERSATIONS_PAGE_DEFAULT, CONVERSATIONS_PAGE_MAX);
        let cursor = fields.parse_optional("cursor", cursor);
        let limit = fields.finish(limit)?;
        Ok(self.store.conversations(user, limit, cursor).await?)
    }
}

impl Fields {
    /// Checks how many items a page shall have.
    pub(super) fn page_limit(&mut self, limit: Option<u32>, default: u32, max: u32) -> Option<u32> {
        let limit = limit.unwrap_or(default);
        if (1..=max).contains(&limit) {
            return Some(limit);
        }
        self.note("limit", format!("must be 1 to {max}"));
        None
    }
}
