//! The database of the NestJS module, which is only read.

mod contracts;
mod conversations;
mod messages;
mod orphans;
pub(crate) mod value;

pub(crate) use conversations::Group;
pub(crate) use messages::SORTED_BY;

use std::time::Duration;

use mongodb::bson::{Bson, Document, doc};
use mongodb::error::Result as DriverResult;
use mongodb::options::ClientOptions;
use mongodb::{Client, Collection, Cursor, Database};
use thiserror::Error;

use crate::config::Config;

/// Why the import cannot begin.
#[derive(Debug, Error)]
pub(crate) enum OldError {
    /// A server does not answer, or refuses.
    #[error("the old database cannot be read")]
    Driver(#[from] mongodb::error::Error),
    /// The new database does not say which it is.
    #[error("the new database does not answer")]
    New(#[source] mongodb::error::Error),
    /// Both are the same.
    #[error(
        "the old and the new database are the same one; the names of their collections collide"
    )]
    Same,
    /// It is no database of the old module.
    #[error(
        "the old database holds messages of FreelanceHub Messaging; are --from and --to swapped?"
    )]
    NotOld,
    /// Each conversation would take a scan of all messages.
    #[error(
        "the old messages have no index that begins with conversationId; create it by \
         db.messages.createIndex({{conversationId: 1, createdAt: 1}})"
    )]
    NoIndex,
}

/// The old database.
#[derive(Clone)]
pub(crate) struct OldDatabase {
    database: Database,
    batch: u32,
}

/// The default of the driver is longer than anybody wants to wait for an address with a typing error.
const SERVER_SELECTION_TIMEOUT: Duration = Duration::from_secs(10);

/// Messages that can be scanned for each conversation.
const MESSAGES_WITHOUT_INDEX_MAX: u64 = 10_000;

impl OldDatabase {
    /// Connects, and makes sure that this is an old database and not the new one.
    pub(crate) async fn open(config: &Config) -> Result<Self, OldError> {
        let client = connect(&config.from_uri).await?;
        let database = client.database(&config.from_database);
        let from = process_id(&database).await?;
        if config.from_database == config.to_database {
            let new = connect(&config.to_uri).await.map_err(OldError::New)?;
            let new = process_id(&new.database(&config.to_database)).await;
            if new.map_err(OldError::New)? == from {
                return Err(OldError::Same);
            }
        }
        let old = Self {
            database,
            batch: u32::try_from(config.batch_messages).unwrap_or(u32::MAX),
        };
        old.check().await?;
        Ok(old)
    }

    /// About how many messages there are.
    pub(crate) async fn message_count(&self) -> DriverResult<u64> {
        self.messages().estimated_document_count().await
    }

    async fn check(&self) -> Result<(), OldError> {
        let first = self.messages().find_one(doc! {}).await?;
        if first.is_some_and(|message| message.contains_key("seq") && message.contains_key("c")) {
            return Err(OldError::NotOld);
        }
        if self.message_count().await? <= MESSAGES_WITHOUT_INDEX_MAX {
            return Ok(());
        }
        let mut indexes = self.messages().list_indexes().await?;
        while indexes.advance().await? {
            let index = indexes.deserialize_current()?;
            if index
                .keys
                .keys()
                .next()
                .is_some_and(|key| key == "conversationId")
            {
                return Ok(());
            }
        }
        Err(OldError::NoIndex)
    }

    /// Answers to a query that the server sorts or groups, on its disk if it must, in portions of so many.
    async fn aggregate(
        &self,
        collection: &Collection<Document>,
        pipeline: Vec<Document>,
        batch: u32,
    ) -> DriverResult<Cursor<Document>> {
        collection
            .aggregate(pipeline)
            .allow_disk_use(true)
            .batch_size(batch)
            .await
    }

    fn contracts(&self) -> Collection<Document> {
        self.database.collection("contracts")
    }

    fn conversations(&self) -> Collection<Document> {
        self.database.collection("conversations")
    }

    fn messages(&self) -> Collection<Document> {
        self.database.collection("messages")
    }
}

async fn connect(uri: &str) -> DriverResult<Client> {
    let mut options = ClientOptions::parse(uri).await?;
    options
        .app_name
        .get_or_insert_with(|| "messaging-import".to_owned());
    options
        .server_selection_timeout
        .get_or_insert(SERVER_SELECTION_TIMEOUT);
    Client::with_options(options)
}

/// Which process a server is, however it is addressed.
async fn process_id(database: &Database) -> DriverResult<Option<Bson>> {
    let hello = database.run_command(doc! { "hello": 1 }).await?;
    let version = hello.get_document("topologyVersion").ok();
    Ok(version.and_then(|version| version.get("processId").cloned()))
}
