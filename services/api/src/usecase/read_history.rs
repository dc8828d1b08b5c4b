use messaging_domain::limits::{HISTORY_PAGE_DEFAULT, HISTORY_PAGE_MAX, REPLAY_MAX};
use messaging_domain::{ConversationId, UserId};
use messaging_store::{History, HistoryRange};
use messaging_wire::command::{HistoryAfter, LogEntry, Missed};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{Fields, Messaging, Refusal};

/// Bytes of messages that a page may have: 100 of the longest ones.
const PAGE_BYTES_MAX: usize = 16 << 20;

/// Bytes of messages in one answer over the bus, whose payload limit is 1 MiB unless an operator changed it.
const ANSWER_BYTES_MAX: usize = 512 << 10;

/// Which page of a conversation's messages.
#[derive(Debug, Clone, Copy, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct HistoryQuery {
    /// How many messages.
    #[param(minimum = 1, maximum = 100, default = 50)]
    pub(crate) limit: Option<u32>,
    /// Only those below this `seq`, the newest of them.
    #[param(minimum = 1)]
    pub(crate) before: Option<u64>,
    /// Only those above this `seq`, the oldest of them.
    pub(crate) after: Option<u64>,
}

impl Messaging {
    /// A page of the messages of a conversation of the caller's.
    ///
    /// # Errors
    /// [`Refusal`].
    #[tracing::instrument(target = "messaging_trace", level = "trace", skip_all)]
    pub(crate) async fn read_history(
        &self,
        user: &UserId,
        id: ConversationId,
        query: HistoryQuery,
    ) -> Result<History, Refusal> {
        let mut fields = Fields::new();
        let limit = fields.page_limit(query.limit, HISTORY_PAGE_DEFAULT, HISTORY_PAGE_MAX);
        let range = match (query.before, query.after) {
            (None, None) => Some(HistoryRange::Newest),
            (Some(1..), None) => query.before.map(HistoryRange::Before),
            (None, Some(after)) => Some(HistoryRange::After(after)),
            (Some(0), None) => {
                fields.note("before", "must be at least 1");
                None
            }
            (Some(_), Some(_)) => {
                fields.note("before", "must not be given together with after");
                None
            }
        };
        let (limit, range) = fields.finish(limit.zip(range))?;
        let (key, party) = self.conversation_of(user, id).await?;
        let history = self
            .store
            .history(&key, range, limit, PAGE_BYTES_MAX)
            .await?;
        // An empty page may be that of a conversation that has no message at all, which is one that does not exist.
        if history.items.is_empty() && self.store.conversation(&key, party).await?.is_none() {
            return Err(Refusal::NotFound);
        }
        Ok(history)
    }

    /// Messages that a gateway has missed.
    ///
    /// # Errors
    /// [`Refusal`].
    #[tracing::instrument(target = "messaging_trace", level = "trace", skip_all)]
    pub(crate) async fn missed_messages(&self, query: &HistoryAfter) -> Result<Missed, Refusal> {
        let key = self
            .store
            .conversation_key(query.conversation)
            .await?
            .ok_or(Refusal::NotFound)?;
        let limit = query.limit.clamp(1, REPLAY_MAX);
        let history = self
            .store
            .history(
                &key,
                HistoryRange::After(query.after),
                limit,
                ANSWER_BYTES_MAX,
            )
            .await?;
        let messages = history.items.into_iter().map(|message| LogEntry {
            seq: message.seq,
            message,
        });
        Ok(Missed {
            messages: messages.collect(),
            has_more: history.has_more,
        })
    }
}
