use std::collections::HashMap;
use std::time::Duration;

use messaging_domain::{ContractId, ConversationId, MilestoneId, Parties, Timestamp};
use mongodb::bson::doc;
use mongodb::bson::oid::ObjectId;

use super::known::{Known, Standing};
use super::{ImportMode, ImportedMessage};
use crate::error::{Trouble, collision_index};
use crate::head::last_message;
use crate::model::{AttachedFile, Head, StoredMessage, date, object_id};
use crate::{ConversationKey, OpenError, Store, StoreError};

/// The conversation that messages are brought to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedConversation {
    /// Its contract, which is stored.
    pub contract: ContractId,
    /// Its milestone, if it is not about the whole contract.
    pub milestone: Option<MilestoneId>,
    /// The contract's two users.
    pub parties: Parties,
    /// When it was opened in the other system.
    pub opened_at: Timestamp,
}

/// What became of a message, or would.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Brought {
    /// It is the log's last one now.
    New {
        /// Its place.
        seq: u64,
        /// Whether the one in front of it was sent later.
        is_late: bool,
    },
    /// It was there, and was changed since in the other system.
    Changed {
        /// Its place.
        seq: u64,
    },
    /// It was there.
    Known {
        /// Its place.
        seq: u64,
    },
    /// It is in another conversation, or its sender has given its name to another message.
    Elsewhere,
}

/// The log of one conversation while an import adds to it. One importer at a time shall have it; two do no harm but to the pace.
pub struct ImportLog {
    pub(super) store: Store,
    pub(super) key: ConversationKey,
    pub(super) mode: ImportMode,
    /// Whether there may be messages that this importer has not brought.
    pub(super) has_others: bool,
    opened_at: Timestamp,
    is_open: bool,
    pub(super) head: Head,
}

/// How often messages are numbered anew because others were stored meanwhile.
const ATTEMPTS_MAX: u32 = 100;

/// How long to wait for what collided to become visible by majority.
const COLLISION_PAUSE: Duration = Duration::from_millis(50);

impl Store {
    /// The log of a conversation, which need not be open: it is opened with its first message.
    ///
    /// # Errors
    /// [`OpenError::NotFound`] if it is open and belongs to another contract or other users.
    pub async fn import_log(
        &self,
        conversation: ImportedConversation,
        mode: ImportMode,
    ) -> Result<ImportLog, OpenError> {
        let ImportedConversation {
            contract,
            milestone,
            parties,
            opened_at,
        } = conversation;
        let id = ConversationId::derive(&contract, milestone.as_ref());
        let key = ConversationKey::new(id, contract, milestone, parties);
        let open = self.conversation_key(id).await.map_err(OpenError::Store)?;
        if open.as_ref().is_some_and(|open| *open != key) {
            return Err(OpenError::NotFound);
        }
        let mut log = ImportLog {
            store: self.clone(),
            key,
            mode,
            has_others: false,
            opened_at,
            is_open: open.is_some(),
            head: Head::NONE,
        };
        if log.is_open {
            log.look_up_head().await.map_err(OpenError::Store)?;
            log.has_others = log.head.seq > 0;
        }
        Ok(log)
    }
}

impl ImportLog {
    /// The conversation's id.
    pub fn id(&self) -> ConversationId {
        self.key.id()
    }

    /// For each message, what bringing it would do.
    ///
    /// # Errors
    /// When MongoDB does not answer.
    pub async fn standings(
        &self,
        messages: impl Iterator<Item = &ImportedMessage> + Clone,
    ) -> Result<Vec<Standing>, StoreError> {
        let known = self.known(messages.clone()).await?;
        let here = object_id(self.key.id());
        let standing = |message: &ImportedMessage| match known.get(&message_object_id(message)) {
            None => Standing::New,
            Some(known) => known.standing(message, here),
        };
        Ok(messages.map(standing).collect())
    }

    /// Brings messages, which follow each other, to the end of the log; those that are there stay where they are.
    ///
    /// When it fails, a part from the front may have been brought; a repetition finds it.
    ///
    /// # Errors
    /// When MongoDB does not answer, and when others write to the conversation all the time. [`StoreError::Internal`] when the
    /// conversation cannot be opened, as its contract has changed.
    pub async fn bring(
        &mut self,
        messages: &[ImportedMessage],
    ) -> Result<Vec<Brought>, StoreError> {
        let mut brought: Vec<Option<Brought>> = vec![None; messages.len()];
        let mut known = self.known(messages.iter()).await?;
        for _ in 0..ATTEMPTS_MAX {
            for (message, brought) in messages.iter().zip(&mut brought) {
                if brought.is_none()
                    && let Some(known) = known.get(&message_object_id(message))
                {
                    *brought = Some(self.meet(known, message).await?);
                }
            }
            let missing = || {
                messages
                    .iter()
                    .zip(&brought)
                    .filter(|(_, brought)| brought.is_none())
            };
            let numbered = self.number(missing().map(|(message, _)| message));
            if numbered.is_empty() {
                return Ok(brought.into_iter().flatten().collect());
            }
            let count = self.insert(&numbered).await?;
            let mut stored = numbered[..count].iter();
            for brought in brought.iter_mut().filter(|brought| brought.is_none()) {
                let Some(message) = stored.next() else { break };
                *brought = Some(self.note(message));
            }
            if count == numbered.len() {
                return Ok(brought.into_iter().flatten().collect());
            }
            // Somebody else stores messages here: a service, or another importer.
            self.has_others = true;
            tokio::time::sleep(COLLISION_PAUSE).await;
            self.look_up_head().await?;
            let missing = messages.iter().zip(&mut brought);
            let mut missing: Vec<_> = missing.filter(|(_, brought)| brought.is_none()).collect();
            known = self
                .known(missing.iter().map(|(message, _)| *message))
                .await?;
            if let Some((message, brought)) = missing.first_mut()
                && self.has_lost_its_name(message).await?
            {
                **brought = Some(Brought::Elsewhere);
            }
        }
        Err(StoreError::unavailable(Trouble::Contended))
    }

    /// Those of some messages that are there. Where this importer is alone, it knows without asking that none is.
    async fn known(
        &self,
        messages: impl Iterator<Item = &ImportedMessage>,
    ) -> Result<HashMap<ObjectId, Known>, StoreError> {
        if self.has_others {
            self.store.known(messages).await
        } else {
            Ok(HashMap::new())
        }
    }

    /// Whether the sender has given the message's name to another one, which he can as long as it is not there.
    async fn has_lost_its_name(&self, message: &ImportedMessage) -> Result<bool, StoreError> {
        let named = doc! {
            "c": object_id(self.key.id()),
            "sender": self.key.parties().user(message.sender).as_str(),
            "cmid": message.name().as_str(),
            "_id": { "$ne": message_object_id(message) },
        };
        let mongo = self.store.mongo();
        let found =
            mongo.fenced(async { mongo.collections().await?.messages.find_one(named).await });
        Ok(found.await?.is_some())
    }

    async fn meet(&self, known: &Known, message: &ImportedMessage) -> Result<Brought, StoreError> {
        if known.c != object_id(self.key.id()) {
            return Ok(Brought::Elsewhere);
        }
        let seq = known.seq;
        let is_changed = match known.change(message) {
            Some(_) if self.mode == ImportMode::Look => true,
            Some(change) => self.store.take_over(known, message, change).await?,
            None => false,
        };
        Ok(if is_changed {
            Brought::Changed { seq }
        } else {
            Brought::Known { seq }
        })
    }

    fn number<'a>(
        &self,
        messages: impl Iterator<Item = &'a ImportedMessage>,
    ) -> Vec<StoredMessage> {
        let mut head = self.head;
        let next = |message: &ImportedMessage| {
            head.seq += 1;
            head.counts = head.counts.after_message_by(message.sender);
            let changed_at = message.deleted_at.max(message.edited_at).map(date);
            let attachments = message.attachments.iter().cloned();
            StoredMessage {
                id: message_object_id(message),
                c: object_id(self.key.id()),
                seq: head.seq,
                sender: self.key.parties().user(message.sender).clone(),
                content: message.content.as_str().to_owned(),
                attachments: attachments.map(AttachedFile::from).collect(),
                cmid: Some(message.name()),
                digest: Some(message.digest().into()),
                at: date(message.created_at),
                edited_at: message.edited_at.map(date),
                deleted_at: message.deleted_at.map(date),
                changed_at,
                changes: u32::from(changed_at.is_some()),
                nc: head.counts.client,
                nf: head.counts.freelancer,
            }
        };
        messages.map(next).collect()
    }

    /// Inserts messages and returns how many from the front are majority-committed; the next one collided, if there is one.
    async fn insert(&mut self, numbered: &[StoredMessage]) -> Result<usize, StoreError> {
        if self.mode == ImportMode::Look {
            return Ok(numbered.len());
        }
        self.open().await?;
        let mongo = self.store.mongo();
        let inserted = mongo.fenced(async {
            let messages = &mongo.collections().await?.messages;
            match messages.insert_many(numbered).ordered(true).await {
                Ok(_) => Ok(numbered.len()),
                Err(error) => collision_index(&error).ok_or(error),
            }
        });
        inserted.await
    }

    async fn open(&mut self) -> Result<(), StoreError> {
        if self.is_open {
            return Ok(());
        }
        let (contract, milestone) = (self.key.contract_id(), self.key.milestone_id());
        let user = &self.key.parties().client;
        let opened = self
            .store
            .open_conversation_at(contract, milestone, user, self.opened_at);
        match opened.await {
            Ok(key) if key == self.key => self.is_open = true,
            Ok(_) | Err(OpenError::NotFound) => {
                return Err(crate::error::sorted(Trouble::Missing.into()));
            }
            Err(OpenError::Store(error)) => return Err(error),
        }
        Ok(())
    }

    fn note(&mut self, stored: &StoredMessage) -> Brought {
        let head = stored.head();
        let is_late = self.head.seq > 0 && head.at < self.head.at;
        self.head = head;
        Brought::New {
            seq: head.seq,
            is_late,
        }
    }

    /// Goes on from the log's last message, unless one's own that were acknowledged come after it.
    async fn look_up_head(&mut self) -> Result<(), StoreError> {
        let mongo = self.store.mongo();
        let last = mongo.fenced(last_message(mongo, self.key.id())).await?;
        if let Some(last) = last.filter(|last| last.seq > self.head.seq) {
            self.head = last.head();
        }
        Ok(())
    }
}

fn message_object_id(message: &ImportedMessage) -> ObjectId {
    ObjectId::from_bytes(message.id.bytes())
}
