//! One conversation: where it belongs, and the way of its messages.

use std::mem::take;

use futures_util::TryStreamExt;
use messaging_domain::{ConversationId, Parties, Party};
use messaging_store::{
    Brought, ImportLog, ImportMode, ImportedContract, ImportedConversation, ImportedMessage,
    OpenError,
};
use messaging_wire::Contract;
use mongodb::bson::Document;
use serde::Serialize;

use crate::convert::{self, About, Draft};
use crate::old::{Group, value};
use crate::read_state::ReadState;
use crate::rejects::{Kind, Reason};
use crate::run::{Import, ImportError};

/// Most bytes of text that are written at a time.
const BATCH_BYTES_MAX: usize = 4 << 20;

/// Messages that were read and are yet to be written.
#[derive(Default)]
struct Batch {
    drafts: Vec<Draft>,
    bytes: usize,
}

/// The read states of both parties.
struct ReadStates {
    client: ReadState,
    freelancer: ReadState,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Mapped<'a> {
    old_id: Option<String>,
    id: ConversationId,
    contract_id: &'a str,
    milestone_id: Option<&'a str>,
}

impl Import {
    /// Imports the conversations about one contract or milestone as one.
    pub(crate) async fn group(&self, group: Group) -> Result<(), ImportError> {
        let members = group.members.len() as u64;
        self.counts.conversations.read.add(members);
        let place = match self.place(&group).await? {
            Ok(place) => place,
            Err(reason) => return self.reject_group(&group, reason).await,
        };
        let parties = place.parties.clone();
        self.map_ids(&group, &place)?;
        let log = match self.store.import_log(place, self.mode).await {
            Ok(log) => log,
            Err(OpenError::NotFound) => {
                return self
                    .reject_group(&group, Reason::ConversationConflict)
                    .await;
            }
            Err(OpenError::Store(error)) => return Err(error.into()),
        };
        self.counts
            .conversations
            .merged
            .add(members.saturating_sub(1));
        self.messages(&group, &parties, log).await
    }

    /// Where a group belongs, by the contract as it is here: the host platform may have put it anew.
    async fn place(
        &self,
        group: &Group,
    ) -> Result<Result<ImportedConversation, Reason>, ImportError> {
        let id = group.contract.as_deref().and_then(|id| id.parse().ok());
        let Some(id) = id else {
            return Ok(Err(Reason::ContractMissing));
        };
        let mut contract = self.store.contract(&id).await?;
        if contract.is_none() && self.mode == ImportMode::Look {
            let old = self.old.read_contract(&id).await?;
            contract = old.as_ref().and_then(would_be);
        }
        let Some(contract) = contract else {
            return Ok(Err(Reason::ContractMissing));
        };
        let milestone = match &group.milestone {
            None => None,
            Some(milestone) => {
                let mut known = contract.milestones.iter().map(|milestone| &milestone.id);
                match known.find(|id| id.as_str() == milestone) {
                    Some(id) => Some(id.clone()),
                    None => return Ok(Err(Reason::MilestoneUnknown)),
                }
            }
        };
        let opened_at = group.members.iter().find_map(|member| member.created_at);
        Ok(Ok(ImportedConversation {
            contract: contract.id,
            milestone,
            parties: Parties {
                client: contract.client_id,
                freelancer: contract.freelancer_id,
            },
            opened_at: opened_at.unwrap_or(contract.created_at),
        }))
    }

    fn map_ids(&self, group: &Group, place: &ImportedConversation) -> Result<(), ImportError> {
        let Some(id_map) = &self.id_map else {
            return Ok(());
        };
        for member in &group.members {
            id_map.write(&Mapped {
                old_id: value::id_text(Some(&member.id)),
                id: ConversationId::derive(&place.contract, place.milestone.as_ref()),
                contract_id: place.contract.as_str(),
                milestone_id: place.milestone.as_ref().map(|id| id.as_str()),
            })?;
        }
        Ok(())
    }

    /// Leaves the conversations and all of their messages out.
    async fn reject_group(&self, group: &Group, reason: Reason) -> Result<(), ImportError> {
        for member in &group.members {
            self.reject(Kind::Conversation, Some(&member.id), reason, None)?;
        }
        let mut messages = self.old.read_message_ids(group).await?;
        while let Some(message) = messages.try_next().await? {
            self.counts.messages.read.add(1);
            let conversation = message.get("conversationId");
            self.reject(Kind::Message, message.get("_id"), reason, conversation)?;
        }
        Ok(())
    }

    async fn messages(
        &self,
        group: &Group,
        parties: &Parties,
        mut log: ImportLog,
    ) -> Result<(), ImportError> {
        let mut reads = ReadStates {
            client: ReadState::new(group.unread_count(parties.client.as_str())),
            freelancer: ReadState::new(group.unread_count(parties.freelancer.as_str())),
        };
        let mut batch = Batch::default();
        let mut count = 0_u64;
        let mut messages = self.old.read_messages(group).await?;
        while let Some(message) = messages.try_next().await? {
            self.counts.messages.read.add(1);
            match convert::message(&message, parties) {
                Ok(draft) => {
                    count += 1;
                    batch.add(draft);
                }
                Err(reason) => {
                    let conversation = message.get("conversationId");
                    self.reject(Kind::Message, message.get("_id"), reason, conversation)?;
                }
            }
            if batch.is_full(self.config.batch_messages) {
                self.bring(&mut log, parties, take(&mut batch), &mut reads)
                    .await?;
            }
        }
        self.bring(&mut log, parties, batch, &mut reads).await?;
        if count == 0 {
            self.counts
                .conversations
                .without_messages
                .add(group.members.len() as u64);
        }
        let finished = log.finish(reads.client.finish(), reads.freelancer.finish());
        self.counts.finished(finished.await?);
        Ok(())
    }

    async fn bring(
        &self,
        log: &mut ImportLog,
        parties: &Parties,
        batch: Batch,
        reads: &mut ReadStates,
    ) -> Result<(), ImportError> {
        let drafts = self.settle_attachments(log, parties, batch.drafts).await?;
        let drafts = drafts.into_iter();
        let (messages, about): (Vec<ImportedMessage>, Vec<About>) =
            drafts.map(|draft| (draft.message, draft.about)).unzip();
        let brought = log.bring(&messages).await?;
        for ((message, about), brought) in messages.iter().zip(&about).zip(brought) {
            self.counts.message(brought, about);
            match brought {
                Brought::New { seq, .. } | Brought::Changed { seq } | Brought::Known { seq } => {
                    reads.of(message.sender.other()).note(seq, about.read);
                }
                Brought::Elsewhere => {
                    self.reject(Kind::Message, about.old_id.as_ref(), Reason::IdTaken, None)?;
                }
            }
        }
        Ok(())
    }
}

impl Batch {
    fn add(&mut self, draft: Draft) {
        let message = &draft.message;
        self.bytes += message.source_text.len() + message.content.as_str().len();
        self.drafts.push(draft);
    }

    fn is_full(&self, messages_max: usize) -> bool {
        self.drafts.len() >= messages_max || self.bytes >= BATCH_BYTES_MAX
    }
}

impl ReadStates {
    fn of(&mut self, reader: Party) -> &mut ReadState {
        match reader {
            Party::Client => &mut self.client,
            Party::Freelancer => &mut self.freelancer,
        }
    }
}

/// A contract as a run that writes would have put it.
fn would_be(old: &Document) -> Option<Contract> {
    let ImportedContract {
        contract,
        created_at,
        updated_at,
    } = convert::contract(old).ok()?;
    Some(Contract {
        id: contract.id,
        client_id: contract.parties.client,
        freelancer_id: contract.parties.freelancer,
        title: contract.title,
        milestones: contract.milestones,
        created_at,
        updated_at,
    })
}
