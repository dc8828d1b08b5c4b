use std::sync::Arc;

use messaging_domain::limits::{SEARCH_RESULTS_DEFAULT, SEARCH_RESULTS_MAX};
use messaging_domain::{ConversationId, SearchQuery, UserId};
use messaging_wire::Message;
use serde::Deserialize;
use tokio::sync::Semaphore;
use utoipa::IntoParams;

use super::{Fields, Messaging, Refusal};

/// Searches that one replica does at a time, because one may read a whole conversation.
const SEARCHES_MAX: usize = 16;

/// What to search for.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Search {
    /// The words.
    #[serde(default)]
    #[param(required = true, min_length = 1, max_length = 100, example = "hello")]
    pub(crate) q: String,
    /// How many messages.
    #[param(minimum = 1, maximum = 50, default = 20)]
    pub(crate) limit: Option<u32>,
}

/// What bounds the searches of a replica. A clone shares it.
#[derive(Debug, Clone)]
pub(crate) struct SearchSlots(Arc<Semaphore>);

impl Default for SearchSlots {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(SEARCHES_MAX)))
    }
}

impl Messaging {
    /// The newest messages of a conversation of the user's that have every word of a query.
    ///
    /// # Errors
    /// [`Refusal`].
    #[tracing::instrument(target = "messaging_trace", level = "trace", skip_all)]
    pub(crate) async fn search_messages(
        &self,
        user: &UserId,
        id: ConversationId,
        search: &Search,
    ) -> Result<Vec<Message>, Refusal> {
        let mut fields = Fields::new();
        let limit = fields.page_limit(search.limit, SEARCH_RESULTS_DEFAULT, SEARCH_RESULTS_MAX);
        let query = fields.take("q", SearchQuery::parse(&search.q));
        let (limit, query) = fields.finish(limit.zip(query))?;
        let (key, party) = self.conversation_of(user, id).await?;
        let _slot = self
            .searches
            .0
            .try_acquire()
            .map_err(|_| Refusal::Overloaded)?;
        let found = self.store.search(&key, &query, limit).await?;
        // Without any message there is no conversation.
        if found.is_empty() && self.store.conversation(&key, party).await?.is_none() {
            return Err(Refusal::NotFound);
        }
        Ok(found)
    }
}
