use std::collections::{HashMap, VecDeque};

use futures_util::TryStreamExt;
use futures_util::future::try_join;
use messaging_domain::Timestamp;
use mongodb::bson::doc;
use mongodb::bson::oid::ObjectId;
use mongodb::error::Result as DriverResult;
use tokio::time::Instant;

use super::Job;
use super::duplicate::{Duplicates, Names};
use super::portion::{Numbered, Portion};
use crate::head::last_message;
use crate::metrics::Collision;
use crate::model::{Head, StoredConversation, StoredMessage, date, object_id};
use crate::mongo::Mongo;
use crate::store::Shared;
use crate::{AppendError, ConversationKey, StoreError};

/// How much to look up before an insert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Care {
    /// What is not known, or known to change under us.
    Usual,
    /// Everything, because this batch has collided more than once: one query is cheaper than a round trip per collision.
    Thorough,
}

/// Gives the messages of a batch their numbers.
///
/// Asks for the heads that are not known and for repeated messages where they are expected, at most one query each. Jobs that
/// need no insert are answered; when MongoDB does not answer, all are.
pub(super) async fn plan(shared: &Shared, mut portions: Vec<Portion>, care: Care) -> Vec<Numbered> {
    let mut names = Names::default();
    let mut unknown = Vec::new();
    let now = Instant::now();
    for portion in &mut portions {
        portion.jobs.retain(|job| job.is_wanted(now));
        let id = portion.key.id();
        if care == Care::Thorough || shared.heads.trusted(id).is_none() {
            unknown.push(object_id(id));
        }
        if is_checked(shared, portion, care) {
            names.add(&portion.key, &portion.jobs);
        }
    }
    let look_ups = try_join(heads(&shared.mongo, unknown), names.look_up(&shared.mongo));
    let (found, duplicates) = match shared.mongo.fenced(look_ups).await {
        Ok(looked_up) => looked_up,
        Err(error) => {
            let jobs = portions
                .iter_mut()
                .flat_map(|portion| portion.jobs.drain(..));
            jobs.for_each(|job| job.answer(Err(AppendError::Store(error.clone()))));
            return Vec::new();
        }
    };
    let mut numbered = Vec::with_capacity(portions.len());
    for mut portion in portions {
        let id = portion.key.id();
        if is_checked(shared, &portion, care) {
            match duplicates.answer(&portion.key, &mut portion.jobs) {
                0 => shared.heads.found_no_repeats(id),
                _ => shared.heads.found_repeats(id),
            }
        }
        let base = match found.get(&object_id(id)) {
            Some(head) => shared.heads.looked_up(id, *head),
            None => shared.heads.trusted(id).unwrap_or(Head::NONE),
        };
        let jobs = std::mem::take(&mut portion.jobs);
        if !jobs.is_empty() {
            let messages = number(&portion.key, base, &jobs, (shared.clock)());
            numbered.push(Numbered {
                portion,
                jobs,
                messages,
                base,
            });
        }
    }
    numbered
}

/// What the log has of a conversation in which a message collided.
pub(super) struct Found {
    last: Option<StoredMessage>,
    duplicates: Duplicates,
}

/// Looks up what the messages of some jobs may have collided with: their names, and the end of the log.
pub(super) async fn look_up_collision(
    shared: &Shared,
    key: &ConversationKey,
    jobs: &VecDeque<Job>,
) -> Result<Found, StoreError> {
    let mut names = Names::default();
    names.add(key, jobs);
    let last = last_message(&shared.mongo, key.id());
    let look_ups = try_join(last, names.look_up(&shared.mongo));
    let (last, duplicates) = shared.mongo.fenced(look_ups).await?;
    Ok(Found { last, duplicates })
}

/// Answers the jobs that were stored before, and says what the first of them collided with.
pub(super) fn resolve_collision(
    shared: &Shared,
    key: &ConversationKey,
    jobs: &mut VecDeque<Job>,
    base: Head,
    found: &Found,
) -> Collision {
    let repeats = found.duplicates.answer(key, jobs);
    if repeats > 0 {
        shared.heads.found_repeats(key.id());
    }
    match found.last.as_ref().map(StoredMessage::head) {
        Some(head) if head.seq > base.seq => {
            shared.heads.overtaken(key.id(), head);
            Collision::Seq
        }
        _ if repeats > 0 => Collision::ClientMessageId,
        _ => Collision::Pending,
    }
}

fn is_checked(shared: &Shared, portion: &Portion, care: Care) -> bool {
    care == Care::Thorough || shared.heads.expects_repeats(portion.key.id())
}

/// The heads that the summaries tell, which were written after their messages were majority-committed.
async fn heads(mongo: &Mongo, ids: Vec<ObjectId>) -> DriverResult<HashMap<ObjectId, Head>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let conversations = &mongo.collections().await?.conversations;
    let found = conversations.find(doc! { "_id": { "$in": ids } }).await?;
    found
        .map_ok(|stored: StoredConversation| (stored.id, stored.head()))
        .try_collect()
        .await
}

/// Numbers messages on from a head.
fn number(
    key: &ConversationKey,
    base: Head,
    jobs: &VecDeque<Job>,
    now: Timestamp,
) -> Vec<StoredMessage> {
    let mut head = Head {
        at: now.max(base.at),
        ..base
    };
    let next = |job: &Job| {
        let draft = &job.draft;
        head.seq += 1;
        head.counts = head.counts.after_message_by(draft.sender);
        StoredMessage {
            id: ObjectId::new(),
            c: object_id(key.id()),
            seq: head.seq,
            sender: key.parties().user(draft.sender).clone(),
            content: draft.content.clone(),
            attachments: draft.attachments.iter().cloned().map(Into::into).collect(),
            cmid: draft.cmid.clone(),
            digest: draft.digest.map(Into::into),
            at: date(head.at),
            edited_at: None,
            deleted_at: None,
            changed_at: None,
            changes: 0,
            nc: head.counts.client,
            nf: head.counts.freelancer,
        }
    };
    jobs.iter().map(next).collect()
}
