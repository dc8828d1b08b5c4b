use std::collections::BTreeSet;

use futures_util::TryStreamExt;
use mongodb::bson::{Document, doc};
use mongodb::{Client, IndexModel};

use crate::cluster::Cluster;

/// The unique indexes without which two messages could have one `seq`, and a repeated send be stored twice.
const UNIQUE_INDEXES: [&str; 2] = ["conversation_seq", "conversation_sender_client_message_id"];

/// The database under load, looked at from the outside.
pub(crate) struct Database {
    client: Client,
    name: String,
}

/// What makes a stored message safe, as MongoDB itself counted and lists it.
pub(crate) struct Safety {
    /// Messages there are.
    pub(crate) stored: u64,
    /// Documents that were inserted to be acknowledged by a majority.
    pub(crate) by_majority: u64,
    /// Whether a majority's acknowledgement waits for the journal.
    pub(crate) is_journaled: bool,
    /// Those of the unique indexes that are there.
    pub(crate) unique_indexes: BTreeSet<String>,
}

impl Safety {
    pub(crate) fn is_on(&self) -> bool {
        let has_indexes = UNIQUE_INDEXES.map(|name| self.unique_indexes.contains(name));
        self.stored > 0
            && self.by_majority >= self.stored
            && self.is_journaled
            && has_indexes == [true; 2]
    }
}

impl Database {
    pub(crate) async fn of(cluster: &Cluster) -> Self {
        let (uri, name) = cluster.database();
        let client = Client::with_uri_str(uri).await;
        Self {
            client: client.expect("an address of MongoDB"),
            name: name.to_owned(),
        }
    }

    /// Looks at what the load has left.
    pub(crate) async fn safety(&self) -> Safety {
        let messages = self.client.database(&self.name);
        let messages = messages.collection::<Document>("messages");
        let stored = messages.count_documents(doc! {}).await;
        let indexes: Vec<IndexModel> = async { messages.list_indexes().await?.try_collect().await }
            .await
            .expect("MongoDB lists the indexes");
        let unique = indexes.into_iter().filter_map(|index| {
            let options = index.options?;
            options.unique?.then_some(options.name)?
        });
        let status = self.ask(doc! { "serverStatus": 1 }).await;
        let counters = status.get_document("opWriteConcernCounters");
        let inserted = counters.and_then(|counters| counters.get_document("insert"));
        let by_majority = inserted.expect("it counts concerns").get("wmajority");
        let config = self.ask(doc! { "replSetGetConfig": 1 }).await;
        let config = config.get_document("config").expect("a replica set");
        Safety {
            stored: stored.expect("MongoDB counts"),
            by_majority: by_majority.and_then(integer).unwrap_or(0),
            is_journaled: config
                .get_bool("writeConcernMajorityJournalDefault")
                .expect("part of each configuration"),
            unique_indexes: unique.collect(),
        }
    }

    async fn ask(&self, question: Document) -> Document {
        let admin = self.client.database("admin");
        admin.run_command(question).await.expect("MongoDB answers")
    }
}

fn integer(value: &mongodb::bson::Bson) -> Option<u64> {
    let value = value.as_i64().or_else(|| value.as_i32().map(i64::from))?;
    value.try_into().ok()
}
