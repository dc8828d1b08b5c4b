use messaging_auth::Identity;
use messaging_domain::{ContractId, UserId};
use messaging_wire::Contract;

use super::{Fields, Messaging, Refusal};

impl Messaging {
    /// A contract, for its two users and for who manages contracts.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for a stranger.
    #[tracing::instrument(target = "messaging_trace", level = "trace", skip_all)]
    pub(crate) async fn read_contract(
        &self,
        caller: &Identity,
        id: &str,
    ) -> Result<Contract, Refusal> {
        let mut fields = Fields::new();
        let id = fields.parse::<ContractId>("id", id);
        let id = fields.finish(id)?;
        let contract = self.store.contract(&id).await?.ok_or(Refusal::NotFound)?;
        let manages = caller
            .role
            .is_some_and(messaging_auth::Role::manages_contracts);
        if manages || is_party(&contract, &caller.user) {
            Ok(contract)
        } else {
            Err(Refusal::NotFound)
        }
    }
}

fn is_party(contract: &Contract, user: &UserId) -> bool {
    *user == contract.client_id || *user == contract.freelancer_id
}
