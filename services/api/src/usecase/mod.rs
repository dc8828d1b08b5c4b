//! What the service does, one file for each use case. HTTP and commands over the bus call the same ones.

mod announce_presence;
mod answer_probe;
mod change_message;
mod create_message;
mod list_conversations;
mod mark_as_read;
mod media_type;
mod put_contract;
mod query_presence;
mod read_attachment;
mod read_contract;
mod read_conversation;
mod read_history;
mod refusal;
mod revoke;
mod search_messages;
mod send_message;
mod upload_attachment;
mod validation;

use messaging_bus::presence::{LeaseTable, PresenceBucket};
use messaging_domain::{ConversationId, Party, UserId};
use messaging_store::{ConversationKey, Store};

pub(crate) use announce_presence::PresenceChanges;
pub(crate) use create_message::Created;
pub(crate) use read_history::HistoryQuery;
pub(crate) use refusal::Refusal;
pub(crate) use search_messages::{Search, SearchSlots};
pub(crate) use send_message::Sent;
pub(crate) use upload_attachment::{Incoming, UploadLimits};
pub(crate) use validation::Fields;

use crate::announcer::Announcer;
use crate::revocations::RevocationKeeper;

/// The service without its transports. A clone is another handle.
#[derive(Clone)]
pub(crate) struct Messaging {
    pub(crate) store: Store,
    pub(crate) announcer: Announcer,
    pub(crate) presence: PresenceBucket,
    pub(crate) leases: LeaseTable,
    pub(crate) uploads: UploadLimits,
    pub(crate) searches: SearchSlots,
    pub(crate) presence_changes: PresenceChanges,
    pub(crate) revocations: RevocationKeeper,
}

impl Messaging {
    /// A conversation as far as a user may know of it: for a stranger there is none.
    async fn conversation_of(
        &self,
        user: &UserId,
        id: ConversationId,
    ) -> Result<(ConversationKey, Party), Refusal> {
        let key = self
            .store
            .conversation_key(id)
            .await?
            .ok_or(Refusal::NotFound)?;
        let party = key.parties().party_of(user).ok_or(Refusal::NotFound)?;
        Ok((key, party))
    }
}
