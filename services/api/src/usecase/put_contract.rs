use std::collections::HashSet;

use messaging_domain::limits::MILESTONES_MAX;
use messaging_domain::{MilestoneId, Parties};
use messaging_store::{NewContract, PutContract as Outcome};
use messaging_wire::request::{PutContract, PutMilestone};
use messaging_wire::{Contract, Milestone};

use super::{Fields, Messaging, Refusal};

/// A contract that was put.
#[derive(Debug)]
pub(crate) struct Put {
    /// The contract as it is now.
    pub(crate) contract: Contract,
    /// Whether there was none before.
    pub(crate) created: bool,
}

impl Messaging {
    /// Makes a contract, or replaces it whole.
    ///
    /// # Errors
    /// [`Refusal`]; a conflict if a conversation hangs on what would go.
    #[tracing::instrument(target = "messaging_trace", level = "trace", skip_all)]
    pub(crate) async fn put_contract(
        &self,
        id: &str,
        request: &PutContract,
    ) -> Result<Put, Refusal> {
        let mut fields = Fields::new();
        let id = fields.parse("id", id);
        let client = fields.parse("clientId", &request.client_id);
        let freelancer = fields.parse("freelancerId", &request.freelancer_id);
        if client.is_some() && client == freelancer {
            fields.note("freelancerId", "must be another user than clientId");
        }
        let title = fields.title("title", request.title.as_deref());
        let milestones = check_milestones(
            &mut fields,
            request.milestones.as_deref().unwrap_or_default(),
        );
        let parties = client
            .zip(freelancer)
            .map(|(client, freelancer)| Parties { client, freelancer });
        let (id, parties) = fields.finish(id.zip(parties))?;
        let contract = NewContract {
            id,
            parties,
            title,
            milestones,
        };
        Ok(match self.store.put_contract(contract).await? {
            Outcome::Created(contract) => Put {
                contract,
                created: true,
            },
            Outcome::Replaced(contract) => Put {
                contract,
                created: false,
            },
        })
    }
}

fn check_milestones(fields: &mut Fields, milestones: &[PutMilestone]) -> Vec<Milestone> {
    if milestones.len() > MILESTONES_MAX {
        fields.note("milestones", format!("must be at most {MILESTONES_MAX}"));
        return Vec::new();
    }
    let mut ids: HashSet<MilestoneId> = HashSet::new();
    let mut checked = Vec::with_capacity(milestones.len());
    for (index, milestone) in milestones.iter().enumerate() {
        let title = fields.title(
            &format!("milestones[{index}].title"),
            milestone.title.as_deref(),
        );
        let field = format!("milestones[{index}].id");
        let Some(id) = fields.parse::<MilestoneId>(&field, &milestone.id) else {
            continue;
        };
        if !ids.insert(id.clone()) {
            fields.note(&field, "is given twice");
        }
        checked.push(Milestone { id, title });
    }
    checked
}
