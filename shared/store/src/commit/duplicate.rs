use std::collections::{BTreeMap, HashMap, VecDeque};

use futures_util::TryStreamExt;
use messaging_domain::{ClientMessageId, UserId};
use mongodb::bson::oid::ObjectId;
use mongodb::bson::{Document, doc};
use mongodb::error::Result as DriverResult;

use super::{Job, Stored};
use crate::model::{StoredMessage, object_id};
use crate::mongo::Mongo;
use crate::{AppendError, ConversationKey, mutant};

/// The name of a message: conversation, sender, client message id.
type Name = (ObjectId, UserId, ClientMessageId);

/// The names of messages about to be stored.
#[derive(Default)]
pub(super) struct Names(BTreeMap<(ObjectId, UserId), Vec<ClientMessageId>>);

/// Messages that are stored under names asked for, by majority.
#[derive(Default)]
pub(super) struct Duplicates(HashMap<Name, StoredMessage>);

impl Names {
    pub(super) fn add<'a>(
        &mut self,
        key: &ConversationKey,
        jobs: impl IntoIterator<Item = &'a Job>,
    ) {
        for job in jobs {
            if let Some(cmid) = &job.draft.cmid {
                let sender = key.parties().user(job.draft.sender).clone();
                self.0
                    .entry((object_id(key.id()), sender))
                    .or_default()
                    .push(cmid.clone());
            }
        }
    }

    /// Looks the names up, one index range per conversation and sender, all in one query.
    pub(super) async fn look_up(self, mongo: &Mongo) -> DriverResult<Duplicates> {
        if self.0.is_empty() || mutant::repeats_are_stored() {
            return Ok(Duplicates::default());
        }
        let ranges: Vec<Document> = self
            .0
            .into_iter()
            .map(|((c, sender), cmids)| {
                let cmids: Vec<String> = cmids.into_iter().map(String::from).collect();
                doc! { "c": c, "sender": String::from(sender), "cmid": { "$exists": true, "$in": cmids } }
            })
            .collect();
        let messages = &mongo.collections().await?.messages;
        let mut cursor = messages.find(doc! { "$or": ranges }).await?;
        let mut found = HashMap::new();
        while let Some(message) = cursor.try_next().await? {
            if let Some(cmid) = message.cmid.clone() {
                found.insert((message.c, message.sender.clone(), cmid), message);
            }
        }
        Ok(Duplicates(found))
    }
}

impl Duplicates {
    /// Answers the jobs that were stored before and returns how many these were; the others stay.
    pub(super) fn answer(&self, key: &ConversationKey, jobs: &mut VecDeque<Job>) -> usize {
        if self.0.is_empty() {
            return 0;
        }
        let before = jobs.len();
        for job in std::mem::take(jobs) {
            match self.of(key, &job) {
                None => jobs.push_back(job),
                Some(stored)
                    if job
                        .draft
                        .digest
                        .is_some_and(|digest| stored.is_what_was_sent(digest)) =>
                {
                    job.answer(Ok(Stored::Before(Box::new(stored.clone()))));
                }
                Some(_) => job.answer(Err(AppendError::ClientMessageIdConflict)),
            }
        }
        before - jobs.len()
    }

    fn of(&self, key: &ConversationKey, job: &Job) -> Option<&StoredMessage> {
        let sender = key.parties().user(job.draft.sender).clone();
        self.0
            .get(&(object_id(key.id()), sender, job.draft.cmid.clone()?))
    }
}
