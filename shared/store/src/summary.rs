use messaging_domain::Timestamp;
use mongodb::bson::oid::ObjectId;
use mongodb::bson::{Document, doc};
use mongodb::error::Result as DriverResult;
use mongodb::options::Acknowledgment;

use crate::error::Trouble;
use crate::model::{Head, StoredConversation, StoredMessage, date, number, timestamp};
use crate::mongo::Mongo;
use crate::updates::run_updates;

/// What a stretch of a conversation's log says about its summary.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Summary {
    id: ObjectId,
    head: Head,
    /// The time of the conversation's first message, if the stretch begins with it.
    first: Option<Timestamp>,
}

impl Summary {
    /// The summary after a stretch of the log, which has ascending `seq`; none of an empty one.
    pub(crate) fn after(messages: &[StoredMessage]) -> Option<Self> {
        let (first, last) = (messages.first()?, messages.last()?);
        let first = (first.seq == 1).then(|| first.head().at);
        Some(Self {
            id: last.c,
            head: last.head(),
            first,
        })
    }

    /// The summary of a whole log, by its last message and the time of its first.
    fn of(last: &StoredMessage, first: Timestamp) -> Self {
        Self {
            id: last.c,
            head: last.head(),
            first: Some(first),
        }
    }

    fn update(&self) -> Document {
        let Head { seq, counts, at } = self.head;
        // Repeatable and free of order, as all of these only grow with `seq`: whichever replica comes last, the furthest stands. A
        // filter that names the id alone is found without a plan.
        let mut update = doc! { "$max": {
            "lastSeq": number(seq),
            "nc": number(counts.client),
            "nf": number(counts.freelancer),
            "updatedAt": date(at),
        } };
        if let Some(at) = self.first {
            update.insert("$set", doc! { "createdAt": date(at) });
        }
        doc! { "q": { "_id": self.id }, "u": update }
    }
}

/// Brings a conversation's summary up to the last message of its log; whether it was behind.
pub(crate) async fn catch_up(
    mongo: &Mongo,
    conversation: &StoredConversation,
    last: &StoredMessage,
) -> DriverResult<bool> {
    if conversation.last_seq >= last.seq && conversation.created_at.is_some() {
        return Ok(false);
    }
    let messages = &mongo.collections().await?.messages;
    let first = messages.find_one(doc! { "c": last.c, "seq": 1 }).await?;
    let first = first.ok_or(Trouble::Missing)?;
    write_summaries(mongo, Some(Summary::of(last, timestamp(first.at)))).await?;
    Ok(true)
}

/// Writes summaries in one command, acknowledged by the primary alone: they repeat what the log has.
pub(crate) async fn write_summaries(
    mongo: &Mongo,
    summaries: impl IntoIterator<Item = Summary>,
) -> DriverResult<()> {
    let updates = summaries.into_iter().map(|summary| summary.update());
    let updates = updates.collect();
    run_updates(mongo, "conversations", updates, Acknowledgment::Nodes(1)).await
}
