use std::fmt;
use std::sync::Arc;

use messaging_domain::{ContractId, ConversationId, MilestoneId, Parties};

/// What never changes about a conversation. A clone costs a reference count.
#[derive(Clone, PartialEq, Eq)]
pub struct ConversationKey(Arc<Parts>);

#[derive(PartialEq, Eq)]
struct Parts {
    id: ConversationId,
    contract_id: ContractId,
    milestone_id: Option<MilestoneId>,
    parties: Parties,
}

impl ConversationKey {
    pub(crate) fn new(
        id: ConversationId,
        contract_id: ContractId,
        milestone_id: Option<MilestoneId>,
        parties: Parties,
    ) -> Self {
        Self(Arc::new(Parts {
            id,
            contract_id,
            milestone_id,
            parties,
        }))
    }

    /// The conversation's id.
    pub fn id(&self) -> ConversationId {
        self.0.id
    }

    /// The contract it belongs to.
    pub fn contract_id(&self) -> &ContractId {
        &self.0.contract_id
    }

    /// The milestone it belongs to, if it is not about the whole contract.
    pub fn milestone_id(&self) -> Option<&MilestoneId> {
        self.0.milestone_id.as_ref()
    }

    /// Its two participants.
    pub fn parties(&self) -> &Parties {
        &self.0.parties
    }
}

impl fmt::Debug for ConversationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ConversationKey").field(&self.0.id).finish()
    }
}
