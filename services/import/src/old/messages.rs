use mongodb::Cursor;
use mongodb::bson::{Bson, Document, doc};
use mongodb::error::Result as DriverResult;

use super::value::{as_date, as_text, ways_to_write};
use super::{Group, OldDatabase};

/// The field in which the server puts the time it sorts a message by.
pub(crate) const SORTED_BY: &str = "_sortedBy";

impl OldDatabase {
    /// The messages of a group of conversations by time and then by id; without a time, by the one in the id.
    ///
    /// The server sorts them, since times and ids come in more than one type, and memory here shall not grow with a conversation.
    pub(crate) async fn read_messages(&self, group: &Group) -> DriverResult<Cursor<Document>> {
        let at = doc! { "$ifNull": [as_date("$createdAt"), as_date("$_id")] };
        let pipeline = vec![
            of(group),
            doc! { "$set": { SORTED_BY: at, "_idText": as_text("$_id") } },
            doc! { "$sort": { SORTED_BY: 1, "_idText": 1 } },
            doc! { "$unset": "_idText" },
        ];
        self.aggregate(&self.messages(), pipeline, self.batch).await
    }

    /// The ids of the messages of a group of conversations, in no order.
    pub(crate) async fn read_message_ids(&self, group: &Group) -> DriverResult<Cursor<Document>> {
        let pipeline = vec![of(group), doc! { "$project": { "_id": 1 } }];
        self.aggregate(&self.messages(), pipeline, self.batch).await
    }
}

fn of(group: &Group) -> Document {
    let ids = group.members.iter().map(|member| &member.id);
    let ids: Vec<Bson> = ids.flat_map(ways_to_write).collect();
    doc! { "$match": { "conversationId": { "$in": ids } } }
}
