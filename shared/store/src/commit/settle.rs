use std::collections::HashMap;
use std::error::Error;
use std::time::Duration;

use futures_util::TryStreamExt;
use futures_util::future::join;
use messaging_domain::{Party, ReadMark, Timestamp, unread_count};
use messaging_lifecycle::now;
use mongodb::bson::doc;
use mongodb::bson::oid::ObjectId;
use mongodb::error::Result as DriverResult;
use tokio::time::timeout;

use super::lane::Turn;
use super::plan::{look_up_collision, resolve_collision};
use super::portion::Numbered;
use super::{Committed, Job, Stored};
use crate::AppendError;
use crate::metrics::Collision;
use crate::model::{Head, StoredConversation, StoredMessage, object_id};
use crate::mongo::Mongo;
use crate::store::Shared;
use crate::summary::{Summary, write_summaries};

/// How long publishing may hold the senders up.
pub(super) const HOOK_TIMEOUT: Duration = Duration::from_millis(250);

/// Ends the turn of the conversations whose messages are in, and of the one that collided, if one did.
///
/// Lanes are freed when this returns, so nothing of a conversation is sent before what came earlier is published.
pub(super) async fn settle(
    shared: &Shared,
    mut committed: Vec<Numbered>,
    collided: Option<Numbered>,
) {
    let Some(mut collided) = collided else {
        announce(shared, &mut committed).await;
        return;
    };
    let base = collided
        .messages
        .last()
        .map_or(collided.base, StoredMessage::head);
    let mut left = collided.jobs.split_off(collided.messages.len());
    let key = collided.portion.key.clone();
    committed.push(collided);
    let look_up = look_up_collision(shared, &key, &left);
    let ((), found) = join(announce(shared, &mut committed), look_up).await;
    // Only now, since a message may repeat one that has just been announced.
    let kind = match found {
        Ok(found) => resolve_collision(shared, &key, &mut left, base, &found),
        Err(error) => {
            let jobs = left.drain(..);
            jobs.for_each(|job| job.answer(Err(AppendError::Store(error.clone()))));
            Collision::Pending
        }
    };
    shared.metrics.collision(kind);
    if let Some(collided) = committed.last_mut() {
        let is_pending = kind == Collision::Pending;
        collided.portion.turn = if is_pending {
            Turn::Stalled
        } else {
            Turn::Over
        };
        collided.portion.jobs = left;
    }
}

/// Brings the summaries up to date, publishes, and answers the senders, in this order.
async fn announce(shared: &Shared, committed: &mut [Numbered]) {
    let committed_at = now();
    committed
        .iter()
        .for_each(|numbered| note_head(shared, numbered));
    let ids: Vec<ObjectId> = committed
        .iter()
        .filter(|numbered| !numbered.messages.is_empty())
        .map(|numbered| object_id(numbered.portion.key.id()))
        .collect();
    if ids.is_empty() {
        return;
    }
    let summaries = committed
        .iter()
        .filter_map(|numbered| Summary::after(&numbered.messages));
    let (written, conversations) = join(
        shared
            .mongo
            .fenced(write_summaries(&shared.mongo, summaries)),
        shared.mongo.fenced(conversations(&shared.mongo, ids)),
    )
    .await;
    if let Err(error) = written {
        tracing::warn!(
            error = &error as &dyn Error,
            "summaries could not be written"
        );
        shared.metrics.summary_failures.inc();
        for numbered in committed
            .iter()
            .filter(|numbered| !numbered.messages.is_empty())
        {
            shared
                .repairs
                .add_lagging(&numbered.portion.key, &shared.metrics);
        }
    }
    // Without the marks the count may be too large, which the next one puts right; the message matters more.
    let conversations = conversations.unwrap_or_default();
    let mut published = Vec::new();
    let mut answers = Vec::new();
    for numbered in committed {
        let id = object_id(numbered.portion.key.id());
        for (job, committed) in stored(numbered, conversations.get(&id), committed_at) {
            published.push(committed.clone());
            answers.push((job, committed));
        }
    }
    publish(shared, published).await;
    for (
        job,
        Committed {
            message,
            recipient_unread,
            ..
        },
    ) in answers
    {
        job.answer(Ok(Stored::New {
            message,
            recipient_unread,
        }));
    }
}

/// Takes the messages that are in, each with the job it came from.
fn stored<'a>(
    numbered: &'a mut Numbered,
    conversation: Option<&'a StoredConversation>,
    committed_at: Timestamp,
) -> impl Iterator<Item = (Job, Committed)> + 'a {
    let Numbered {
        portion,
        jobs,
        messages,
        ..
    } = numbered;
    let key = &portion.key;
    let jobs = jobs.drain(..messages.len());
    jobs.zip(messages.drain(..)).map(move |(mut job, message)| {
        let recipient = job.draft.sender.other();
        let recipient_unread =
            unread_count(message.counts(), recipient, mark(conversation, recipient));
        let (message, parties) = (message.into_wire(key), key.parties().clone());
        let committed = Committed {
            message,
            parties,
            recipient_unread,
            committed_at: Some(committed_at),
            trace: job.draft.trace.take(),
        };
        (job, committed)
    })
}

/// Calls the hook, for as long as it may take.
pub(super) async fn publish(shared: &Shared, committed: Vec<Committed>) {
    if committed.is_empty() {
        return;
    }
    if timeout(HOOK_TIMEOUT, (shared.hook)(committed))
        .await
        .is_err()
    {
        shared.metrics.hook_timeouts.inc();
    }
}

fn note_head(shared: &Shared, numbered: &Numbered) {
    let head: Option<Head> = numbered.messages.last().map(StoredMessage::head);
    if let Some(head) = head {
        shared.heads.committed(numbered.portion.key.id(), head);
    }
}

fn mark(conversation: Option<&StoredConversation>, party: Party) -> ReadMark {
    conversation
        .map(|conversation| conversation.mark(party))
        .unwrap_or_default()
}

async fn conversations(
    mongo: &Mongo,
    ids: Vec<ObjectId>,
) -> DriverResult<HashMap<ObjectId, StoredConversation>> {
    let conversations = &mongo.collections().await?.conversations;
    let found = conversations.find(doc! { "_id": { "$in": ids } }).await?;
    found
        .map_ok(|stored| (stored.id, stored))
        .try_collect()
        .await
}
