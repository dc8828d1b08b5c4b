use futures_util::{Stream, TryStreamExt};
use messaging_domain::Timestamp;
use mongodb::bson::{Bson, DateTime, Document, doc};
use mongodb::error::Result as DriverResult;

use super::OldDatabase;
use super::value::{as_date, as_text, count, id_text, time, ways_to_write};

/// The conversations of one contract, or of one milestone of it: more than one where several first messages raced.
#[derive(Debug)]
pub(crate) struct Group {
    /// The contract's id; none if there is none.
    pub(crate) contract: Option<String>,
    /// The milestone's id, if it is about one.
    pub(crate) milestone: Option<String>,
    /// The conversations, the oldest first.
    pub(crate) members: Vec<Member>,
}

/// One old conversation.
#[derive(Debug)]
pub(crate) struct Member {
    /// Its id as it is stored.
    pub(crate) id: Bson,
    /// When it was made, if that is known.
    pub(crate) created_at: Option<Timestamp>,
    /// How many messages each user had not read, if that was counted.
    pub(crate) unread: Option<Document>,
}

/// Groups that are fetched at a time: few, because a cursor that nobody asks for ten minutes is closed by the server.
const BATCH: u32 = 16;

impl OldDatabase {
    /// The conversations by what they are about, or those groups in which something was written to since a time.
    pub(crate) async fn read_conversations(
        &self,
        since: Option<Timestamp>,
    ) -> DriverResult<impl Stream<Item = DriverResult<Group>> + use<>> {
        let milestone = as_text("$milestoneId");
        let mut pipeline = since.map(mark_changed).unwrap_or_default();
        pipeline.extend([
            doc! { "$project": {
                "contract": as_text("$contractId"),
                "milestone": { "$cond": [{ "$in": [&milestone, [null, ""]] }, null, &milestone] },
                "createdAt": { "$ifNull": [as_date("$createdAt"), as_date("$_id")] },
                "unreadCounts": 1,
                "isChanged": 1,
            } },
            doc! { "$group": {
                "_id": { "contract": "$contract", "milestone": "$milestone" },
                "members": { "$push": { "id": "$_id", "createdAt": "$createdAt", "unread": "$unreadCounts" } },
                "isChanged": { "$max": "$isChanged" },
            } },
        ]);
        if since.is_some() {
            pipeline.push(doc! { "$match": { "isChanged": true } });
        }
        pipeline.push(doc! { "$sort": { "_id": 1 } });
        let groups = self
            .aggregate(&self.conversations(), pipeline, BATCH)
            .await?;
        Ok(groups.map_ok(Group::read))
    }

    /// Those of some ids, as they are stored, that are no conversation's.
    pub(super) async fn missing_conversations(&self, ids: Vec<Bson>) -> DriverResult<Vec<Bson>> {
        let ways: Vec<Bson> = ids.iter().flat_map(ways_to_write).collect();
        let found: Vec<Document> = self
            .conversations()
            .find(doc! { "_id": { "$in": ways } })
            .projection(doc! { "_id": 1 })
            .await?
            .try_collect()
            .await?;
        let found: std::collections::HashSet<String> = found
            .iter()
            .filter_map(|found| id_text(found.get("_id")))
            .collect();
        let is_missing = |id: &Bson| id_text(Some(id)).is_none_or(|id| !found.contains(&id));
        Ok(ids.into_iter().filter(is_missing).collect())
    }
}

impl Group {
    fn read(document: Document) -> Self {
        let about = |field| {
            let about = document.get_document("_id").ok()?;
            id_text(about.get(field))
        };
        let members = document.get_array("members").ok().into_iter().flatten();
        let mut members: Vec<Member> = members
            .filter_map(|member| Member::read(member.as_document()?))
            .collect();
        members.sort_by_key(|member| (member.created_at, id_text(Some(&member.id))));
        Self {
            contract: about("contract"),
            milestone: about("milestone"),
            members,
        }
    }

    /// How many messages a user had not read; none if that was not counted in each of the conversations.
    pub(crate) fn unread_count(&self, user: &str) -> Option<u64> {
        let counts = self.members.iter().map(|member| {
            // A map of counts has no entry for whom it never counted anything.
            Some(count(member.unread.as_ref()?.get(user)).unwrap_or(0))
        });
        counts.sum()
    }
}

impl Member {
    fn read(document: &Document) -> Option<Self> {
        Some(Self {
            id: document.get("id")?.clone(),
            created_at: time(document.get("createdAt")),
            unread: document.get_document("unread").ok().cloned(),
        })
    }
}

/// Stages that say of each conversation whether it, or a message of it, was written to since a time.
fn mark_changed(since: Timestamp) -> Vec<Document> {
    let since = Bson::DateTime(DateTime::from_millis(since.millis()));
    let is_since = |field: &str| doc! { "$gte": [as_date(field), &since] };
    let id_as = |kind: &str| doc! { "$convert": { "input": "$_id", "to": kind, "onError": null, "onNull": null } };
    vec![
        doc! { "$set": { "ids": ["$_id", id_as("string"), id_as("objectId")] } },
        doc! { "$lookup": {
            "from": "messages",
            "localField": "ids",
            "foreignField": "conversationId",
            "pipeline": [
                { "$match": { "$expr": { "$or": [is_since("$updatedAt"), is_since("$createdAt")] } } },
                { "$limit": 1 },
                { "$project": { "_id": 1 } },
            ],
            "as": "changed",
        } },
        doc! { "$set": { "isChanged": { "$or": [
            is_since("$updatedAt"),
            is_since("$createdAt"),
            is_since("$lastMessageAt"),
            { "$ne": ["$changed", []] },
        ] } } },
    ]
}
