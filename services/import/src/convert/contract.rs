use std::collections::HashSet;

use messaging_domain::limits::MILESTONES_MAX;
use messaging_domain::{ContractId, MilestoneId, Parties, Timestamp, UserId};
use messaging_store::{ImportedContract, NewContract};
use messaging_wire::Milestone;
use mongodb::bson::{Bson, Document};

use super::text;
use crate::old::value;
use crate::rejects::Reason;

/// A contract as it is stored here.
pub(crate) fn contract(document: &Document) -> Result<ImportedContract, Reason> {
    let id: ContractId = id(document, "_id").ok_or(Reason::IdInvalid)?;
    let client: UserId = id_of_user(document, "clientId")?;
    let freelancer: UserId = id_of_user(document, "freelancerId")?;
    if client == freelancer {
        return Err(Reason::SameParty);
    }
    let created_at = value::time(document.get("createdAt")).or_else(|| time_in_id(document));
    let created_at = created_at.ok_or(Reason::NoTime)?;
    let updated_at = value::time(document.get("updatedAt")).unwrap_or(created_at);
    Ok(ImportedContract {
        contract: NewContract {
            id,
            parties: Parties { client, freelancer },
            title: text::title(value::text(document, "title")),
            milestones: milestones(document)?,
        },
        created_at,
        updated_at,
    })
}

fn milestones(document: &Document) -> Result<Vec<Milestone>, Reason> {
    let mut ids: HashSet<MilestoneId> = HashSet::new();
    let mut milestones = Vec::new();
    for milestone in document.get_array("milestones").ok().into_iter().flatten() {
        let milestone = milestone.as_document().ok_or(Reason::MilestoneInvalid)?;
        let id: MilestoneId = id(milestone, "_id").ok_or(Reason::MilestoneInvalid)?;
        // Of several with one id the first stands.
        if ids.insert(id.clone()) {
            let title = text::title(value::text(milestone, "title"));
            milestones.push(Milestone { id, title });
        }
    }
    if milestones.len() > MILESTONES_MAX {
        return Err(Reason::TooManyMilestones);
    }
    Ok(milestones)
}

fn id<T: std::str::FromStr>(document: &Document, field: &str) -> Option<T> {
    value::id_text(document.get(field))?.parse().ok()
}

fn id_of_user(document: &Document, field: &str) -> Result<UserId, Reason> {
    id(document, field).ok_or(Reason::PartyInvalid)
}

fn time_in_id(document: &Document) -> Option<Timestamp> {
    match document.get("_id")? {
        Bson::ObjectId(id) => Some(Timestamp::from_millis(id.timestamp().timestamp_millis())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use mongodb::bson::oid::ObjectId;
    use mongodb::bson::{DateTime, doc};

    use super::*;

    fn old() -> Document {
        doc! {
            "_id": ObjectId::from_bytes([1; 12]),
            "clientId": ObjectId::from_bytes([2; 12]),
            "freelancerId": "03".repeat(12),
            "title": " Logo ",
            "milestones": [{ "_id": "m-1", "title": "" }, { "_id": "m-1", "title": "again" }],
            "createdAt": DateTime::from_millis(5),
            "updatedAt": "1970-01-01T00:00:00.009Z",
        }
    }

    #[test]
    fn a_contract_keeps_its_ids_and_times() {
        let ImportedContract {
            contract,
            created_at,
            updated_at,
        } = contract(&old()).expect("valid");
        assert_eq!(contract.id.as_str(), "01".repeat(12));
        assert_eq!(contract.parties.client.as_str(), "02".repeat(12));
        assert_eq!(contract.parties.freelancer.as_str(), "03".repeat(12));
        assert_eq!(contract.title.as_deref(), Some("Logo"));
        let milestone = Milestone {
            id: "m-1".parse().expect("valid"),
            title: None,
        };
        assert_eq!(contract.milestones, [milestone]);
        assert_eq!((created_at.millis(), updated_at.millis()), (5, 9));
    }

    #[test]
    fn what_cannot_be_a_contract_is_left_out_with_its_reason() {
        let check = |field: &str, value: Bson, reason| {
            let mut document = old();
            document.insert(field, value);
            assert_eq!(contract(&document).map(drop), Err(reason));
        };
        check("_id", Bson::String("a b".into()), Reason::IdInvalid);
        check("clientId", Bson::Null, Reason::PartyInvalid);
        check("clientId", Bson::String("03".repeat(12)), Reason::SameParty);
        check(
            "milestones",
            Bson::Array(vec![Bson::Int32(1)]),
            Reason::MilestoneInvalid,
        );
        let many = (0..=MILESTONES_MAX).map(|n| Bson::Document(doc! { "_id": n.to_string() }));
        check(
            "milestones",
            Bson::Array(many.collect()),
            Reason::TooManyMilestones,
        );
    }

    #[test]
    fn without_a_time_it_is_as_old_as_its_id() {
        let mut document = old();
        document.remove("createdAt");
        document.remove("updatedAt");
        let old = contract(&document).expect("valid");
        assert_eq!(old.created_at.millis(), 0x0101_0101 * 1000);
        assert_eq!(old.updated_at, old.created_at);
    }
}
