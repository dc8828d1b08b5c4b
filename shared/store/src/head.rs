use std::collections::HashMap;

use futures_util::TryStreamExt;
use messaging_domain::ConversationId;
use mongodb::bson::oid::ObjectId;
use mongodb::bson::{Document, deserialize_from_document, doc};
use mongodb::error::Result as DriverResult;
use mongodb::options::ReadConcern;
use serde::Deserialize;

use crate::model::{StoredMessage, conversation_id, object_id};
use crate::mongo::Mongo;
use crate::{Store, StoreError};

/// How many conversations one look-up asks for.
const IDS_PER_QUERY: usize = 200;

#[derive(Deserialize)]
struct LastSeq {
    #[serde(rename = "_id")]
    id: ObjectId,
    last: Vec<Seq>,
}

#[derive(Deserialize)]
struct Seq {
    seq: u64,
}

#[derive(Deserialize)]
struct LastMessage {
    last: Vec<StoredMessage>,
}

impl Store {
    /// The last `seq` of conversations as the log has it; conversations without a message are left out.
    ///
    /// # Errors
    /// When MongoDB does not answer.
    pub async fn head(
        &self,
        ids: &[ConversationId],
    ) -> Result<Vec<(ConversationId, u64)>, StoreError> {
        self.mongo().fenced(self.last_seqs(ids)).await
    }

    async fn last_seqs(&self, ids: &[ConversationId]) -> DriverResult<Vec<(ConversationId, u64)>> {
        let mut heads = Vec::with_capacity(ids.len());
        for ids in ids.chunks(IDS_PER_QUERY) {
            let ids = ids.iter().copied().map(object_id).collect();
            for found in look_up(
                self.mongo(),
                ids,
                Some(doc! { "$project": { "_id": 0, "seq": 1 } }),
            )
            .await?
            {
                let LastSeq { id, last } = deserialize_from_document(found)?;
                heads.extend(
                    last.first()
                        .map(|message| (conversation_id(id), message.seq)),
                );
            }
        }
        Ok(heads)
    }
}

/// The last message of one conversation, read by majority: one seek in the index of `(c, seq)`.
pub(crate) async fn last_message(
    mongo: &Mongo,
    id: ConversationId,
) -> DriverResult<Option<StoredMessage>> {
    let messages = &mongo.collections().await?.messages;
    messages
        .find_one(doc! { "c": object_id(id) })
        .sort(doc! { "seq": -1 })
        .await
}

/// The last messages of some conversations, read by majority: one seek each, in one query.
pub(crate) async fn last_messages(
    mongo: &Mongo,
    ids: Vec<ObjectId>,
) -> DriverResult<HashMap<ObjectId, StoredMessage>> {
    let mut messages = HashMap::with_capacity(ids.len());
    for found in look_up(mongo, ids, None).await? {
        let LastMessage { last } = deserialize_from_document(found)?;
        messages.extend(last.into_iter().map(|message| (message.c, message)));
    }
    Ok(messages)
}

/// Looks the head of each conversation up.
///
/// `$group` over the messages would scan them all; the look-up's sort and limit end at the index's first entry.
async fn look_up(
    mongo: &Mongo,
    ids: Vec<ObjectId>,
    projection: Option<Document>,
) -> DriverResult<Vec<Document>> {
    let mut last = vec![doc! { "$sort": { "seq": -1 } }, doc! { "$limit": 1 }];
    last.extend(projection);
    let pipeline = [
        doc! { "$match": { "_id": { "$in": ids } } },
        doc! { "$project": { "_id": 1 } },
        doc! { "$lookup": { "from": "messages", "localField": "_id", "foreignField": "c", "pipeline": last, "as": "last" } },
    ];
    let conversations = &mongo.collections().await?.conversations;
    conversations
        .aggregate(pipeline)
        .read_concern(ReadConcern::majority())
        .await?
        .try_collect()
        .await
}
