use messaging_domain::Timestamp;
use mongodb::bson::oid::ObjectId;
use mongodb::bson::{Bson, Document, doc};
use mongodb::error::{Error as DriverError, Result as DriverResult};
use thiserror::Error;

use crate::model::{Head, StoredMessage, date, number};
use crate::mongo::Mongo;

/// What a stretch of a conversation's log says about its summary.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Summary {
    id: ObjectId,
    head: Head,
    /// The time of the conversation's first message, if the stretch begins with it.
    first: Option<Timestamp>,
}

#[derive(Debug, Error)]
#[error("a summary was refused: {0}")]
struct Refused(Bson);

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
    pub(crate) fn of(last: &StoredMessage, first: Timestamp) -> Self {
        Self {
            id: last.c,
            head: last.head(),
            first: Some(first),
        }
    }

    fn updates(&self) -> impl Iterator<Item = Document> {
        let Head { seq, counts, at } = self.head;
        let seq = number(seq);
        // The guard makes it repeatable and free of order: whichever replica comes last, the furthest stands.
        let advance = doc! {
            "q": { "_id": self.id, "lastSeq": { "$lt": seq } },
            "u": { "$set": {
                "lastSeq": seq,
                "nc": number(counts.client),
                "nf": number(counts.freelancer),
                "updatedAt": date(at),
            } },
        };
        let id = self.id;
        // Apart from the guarded update, which a later message's may have made void.
        let create = self.first.map(|at| {
            doc! {
                "q": { "_id": id },
                "u": { "$set": { "createdAt": date(at) } },
            }
        });
        create.into_iter().chain([advance])
    }
}

/// Writes summaries in one command, acknowledged by the primary alone: they repeat what the log has.
pub(crate) async fn write_summaries(
    mongo: &Mongo,
    summaries: impl IntoIterator<Item = Summary>,
) -> DriverResult<()> {
    let updates: Vec<Document> = summaries
        .into_iter()
        .flat_map(|summary| summary.updates().collect::<Vec<_>>())
        .collect();
    if updates.is_empty() {
        return Ok(());
    }
    let command = doc! {
        "update": "conversations",
        "updates": updates,
        "ordered": false,
        "writeConcern": { "w": 1 },
    };
    let mut reply = mongo
        .collections()
        .await?
        .database
        .run_command(command)
        .await?;
    match reply
        .remove("writeErrors")
        .or_else(|| reply.remove("writeConcernError"))
    {
        Some(refusal) => Err(DriverError::custom(Refused(refusal))),
        None => Ok(()),
    }
}
