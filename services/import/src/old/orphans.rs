use futures_util::{Stream, StreamExt, TryStreamExt};
use messaging_domain::Timestamp;
use mongodb::bson::{Bson, Document, doc};
use mongodb::error::Result as DriverResult;

use super::OldDatabase;
use super::value::written_since;

/// Conversation ids that are looked up at a time.
const IDS_PER_QUERY: usize = 500;

impl OldDatabase {
    /// The ids of messages whose conversation is gone, or which name none; of all, or of those written to since a time.
    pub(crate) async fn read_orphans(
        &self,
        since: Option<Timestamp>,
    ) -> DriverResult<impl Stream<Item = DriverResult<Document>> + use<'_>> {
        let recent = since.map(written_since);
        let mut distinct: Vec<Document> = recent.clone().into_iter().collect();
        distinct.push(doc! { "$group": { "_id": "$conversationId" } });
        let ids = self
            .aggregate(&self.messages(), distinct, 1_000)
            .await?
            .map_ok(|found| found.get("_id").cloned().unwrap_or(Bson::Null));
        let chunks = ids.try_chunks(IDS_PER_QUERY).map_err(|error| error.1);
        let missing = chunks.and_then(|ids| self.missing_conversations(ids));
        Ok(missing
            .and_then(move |ids| self.messages_of(ids, recent.clone()))
            .try_flatten()
            .boxed())
    }

    async fn messages_of(
        &self,
        conversations: Vec<Bson>,
        recent: Option<Document>,
    ) -> DriverResult<mongodb::Cursor<Document>> {
        // Null stands for a field that is not there, too.
        let mut pipeline = vec![doc! { "$match": { "conversationId": { "$in": conversations } } }];
        pipeline.extend(recent);
        pipeline.push(doc! { "$project": { "_id": 1 } });
        self.aggregate(&self.messages(), pipeline, self.batch).await
    }
}
