use messaging_domain::{ContractId, ConversationId, MilestoneId, Parties, Timestamp, UserId};
use mongodb::bson::{Document, doc};
use mongodb::error::Result as DriverResult;
use mongodb::options::{ReadConcern, ReturnDocument};
use thiserror::Error;

use crate::error::is_duplicate_key;
use crate::model::{StoredContract, date, object_id};
use crate::{ConversationKey, Store, StoreError};

/// Why a conversation was not opened.
#[derive(Debug, Clone, Error)]
pub enum OpenError {
    /// There is no such contract or milestone, or the user is no party of it; which, the user is not told.
    #[error("no such contract or milestone")]
    NotFound,
    /// The database.
    #[error(transparent)]
    Store(StoreError),
}

impl Store {
    /// Opens the conversation of a contract, or of one milestone of it, for one of its parties; harmless if it is open.
    ///
    /// From then on [`Store::put_contract`] guards it. Readers see it once it has a message.
    ///
    /// # Errors
    /// Each [`OpenError`].
    pub async fn open_conversation(
        &self,
        contract: &ContractId,
        milestone: Option<&MilestoneId>,
        user: &UserId,
    ) -> Result<ConversationKey, OpenError> {
        self.open_conversation_at(contract, milestone, user, self.now())
            .await
    }

    /// As [`open_conversation`](Self::open_conversation), with the time to note if it is not open.
    pub(crate) async fn open_conversation_at(
        &self,
        contract: &ContractId,
        milestone: Option<&MilestoneId>,
        user: &UserId,
        time: Timestamp,
    ) -> Result<ConversationKey, OpenError> {
        let id = ConversationId::derive(contract, milestone);
        let key = match self.conversation_key(id).await.map_err(OpenError::Store)? {
            Some(key) => Some(key),
            None => {
                let opened = self
                    .mongo()
                    .fenced(self.open_anew(id, contract, milestone, user, time))
                    .await;
                opened.map_err(OpenError::Store)?
            }
        };
        match key {
            // Ids are derived from 96 bits of a hash: a contract of another id cannot be ruled out, only answered rightly.
            Some(key)
                if key.contract_id() == contract
                    && key.milestone_id() == milestone
                    && key.parties().party_of(user).is_some() =>
            {
                Ok(key)
            }
            _ => Err(OpenError::NotFound),
        }
    }

    /// The id of the conversation that a contract, or one milestone of it, leads to for one of its parties, open or not.
    ///
    /// # Errors
    /// Each [`OpenError`].
    pub async fn conversation_to_be(
        &self,
        contract: &ContractId,
        milestone: Option<&MilestoneId>,
        user: &UserId,
    ) -> Result<ConversationId, OpenError> {
        let found = self.mongo().fenced(async {
            let contracts = &self.mongo().collections().await?.contracts;
            contracts
                .find_one(of_party(contract, milestone, user))
                .await
        });
        match found.await.map_err(OpenError::Store)? {
            Some(_) => Ok(ConversationId::derive(contract, milestone)),
            None => Err(OpenError::NotFound),
        }
    }

    /// What never changes about a conversation; none if it was never opened.
    ///
    /// Answers are cached; that there is none is not, because that changes.
    ///
    /// # Errors
    /// When MongoDB does not answer.
    pub async fn conversation_key(
        &self,
        id: ConversationId,
    ) -> Result<Option<ConversationKey>, StoreError> {
        if let Some(key) = self.shared.keys.get(&id) {
            return Ok(Some(key));
        }
        let found = self.mongo().fenced(async {
            let conversations = &self.mongo().collections().await?.conversations;
            // By majority: numbering and summaries rely on the document to stay.
            conversations
                .find_one(doc! { "_id": object_id(id) })
                .read_concern(ReadConcern::majority())
                .await
        });
        let key = found.await?.map(|stored| stored.key());
        if let Some(key) = &key {
            self.shared.keys.insert(id, key.clone());
        }
        Ok(key)
    }

    async fn open_anew(
        &self,
        id: ConversationId,
        contract: &ContractId,
        milestone: Option<&MilestoneId>,
        user: &UserId,
        time: Timestamp,
    ) -> DriverResult<Option<ConversationKey>> {
        self.ensure_prepared().await?;
        // The contract learns of the conversation before it exists, so a put in between is refused rather than late.
        let Some(parties) = self.mark_open(contract, milestone, user).await? else {
            return Ok(None);
        };
        let opened = doc! { "$setOnInsert": {
            "contract": contract.as_str(),
            "milestone": milestone.map(MilestoneId::as_str),
            "client": parties.client.as_str(),
            "freelancer": parties.freelancer.as_str(),
            "users": [parties.client.as_str(), parties.freelancer.as_str()],
            "openedAt": date(time),
            "lastSeq": 0_i64, "nc": 0_i64, "nf": 0_i64,
            "readClient": { "seq": 0_i64, "n": 0_i64 },
            "readFreelancer": { "seq": 0_i64, "n": 0_i64 },
        } };
        let conversations = &self.mongo().collections().await?.conversations;
        // Two upserts of one id may collide; the second try then finds the other's document and waits for its majority.
        let upsert = || {
            conversations
                .update_one(doc! { "_id": object_id(id) }, opened.clone())
                .upsert(true)
        };
        match upsert().await {
            Err(error) if is_duplicate_key(&error) => upsert().await?,
            outcome => outcome?,
        };
        let key = ConversationKey::new(id, contract.clone(), milestone.cloned(), parties);
        self.shared.keys.insert(id, key.clone());
        Ok(Some(key))
    }

    async fn mark_open(
        &self,
        contract: &ContractId,
        milestone: Option<&MilestoneId>,
        user: &UserId,
    ) -> DriverResult<Option<Parties>> {
        let filter = of_party(contract, milestone, user);
        let open = doc! { "$addToSet": { "open": milestone.map_or("", MilestoneId::as_str) } };
        let contracts = &self.mongo().collections().await?.contracts;
        let marked = contracts
            .find_one_and_update(filter, open)
            .return_document(ReturnDocument::After)
            .await?;
        Ok(marked.as_ref().map(StoredContract::parties))
    }
}

/// A contract if the user is a party of it and it has the milestone.
fn of_party(contract: &ContractId, milestone: Option<&MilestoneId>, user: &UserId) -> Document {
    let mut filter = doc! {
        "_id": contract.as_str(),
        "$or": [{ "client": user.as_str() }, { "freelancer": user.as_str() }],
    };
    if let Some(milestone) = milestone {
        filter.insert("milestones.id", milestone.as_str());
    }
    filter
}
