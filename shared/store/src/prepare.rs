use std::time::Duration;

use mongodb::IndexModel;
use mongodb::bson::{Document, doc};
use mongodb::error::Result as DriverResult;
use mongodb::options::IndexOptions;

use crate::error::Trouble;
use crate::mongo::{Collections, Mongo};
use crate::{Store, StoreError, mutant, probe};

impl Store {
    /// Creates the indexes that are missing. Harmless to repeat and to race; call it until it works.
    ///
    /// Nothing is stored before it worked once in this process, because without the unique indexes two replicas could give
    /// the same `seq`. A write that comes earlier tries it first.
    ///
    /// # Errors
    /// When MongoDB does not answer, or has another index of the same name.
    pub async fn prepare(&self) -> Result<(), StoreError> {
        self.mongo().fenced(self.ensure_prepared()).await
    }

    /// Succeeds if writes can be accepted: a primary can be reached and says so.
    ///
    /// # Errors
    /// When there is none.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.mongo()
            .fenced(async {
                let hello = self
                    .mongo()
                    .collections()
                    .await?
                    .database
                    .run_command(doc! { "hello": 1 })
                    .await?;
                match hello.get_bool("isWritablePrimary") {
                    Ok(true) => Ok(()),
                    _ => Err(Trouble::NotWritable.into()),
                }
            })
            .await
    }

    pub(crate) async fn ensure_prepared(&self) -> DriverResult<()> {
        let create = || create_indexes(self.mongo());
        self.shared.prepared.get_or_try_init(create).await?;
        Ok(())
    }
}

async fn create_indexes(mongo: &Mongo) -> DriverResult<()> {
    let collections = mongo.collections().await?;
    let named_message = doc! { "cmid": { "$exists": true } };
    let with_message = doc! { "lastSeq": { "$gte": 1 } };
    let once = unique(
        "conversation_sender_client_message_id",
        doc! { "c": 1, "sender": 1, "cmid": 1 },
        Some(named_message),
    );
    let of_messages = [
        unique("conversation_seq", doc! { "c": 1, "seq": 1 }, None),
        // Only messages that were edited or deleted are in it.
        index(
            "changed_at",
            doc! { "changedAt": 1 },
            Some(doc! { "changedAt": { "$exists": true } }),
        ),
        // Only messages with files are in it, and nearly none has any.
        index(
            "conversation_attachment",
            doc! { "c": 1, "attachments.id": 1 },
            Some(doc! { "attachments.id": { "$exists": true } }),
        ),
    ];
    let of_messages = of_messages
        .into_iter()
        .chain((!mutant::repeats_are_stored()).then_some(once));
    collections.messages.create_indexes(of_messages).await?;
    create_file_indexes(collections).await?;
    create_probe_index(collections).await?;
    let over = expiring(
        index("expires_at", doc! { "expiresAt": 1 }, None),
        Duration::ZERO,
    );
    collections.revocations.create_index(over).await?;
    collections
        .conversations
        .create_indexes([
            index(
                "user_latest",
                doc! { "users": 1, "updatedAt": -1, "_id": -1 },
                Some(with_message),
            ),
            index(
                "read_at",
                doc! { "readAt": 1 },
                Some(doc! { "readAt": { "$exists": true } }),
            ),
        ])
        .await?;
    collections
        .contracts
        .create_indexes([
            index(
                "client_freelancer",
                doc! { "client": 1, "freelancer": 1 },
                None,
            ),
            index(
                "freelancer_client",
                doc! { "freelancer": 1, "client": 1 },
                None,
            ),
        ])
        .await?;
    Ok(())
}

/// MongoDB itself removes the marks of gateways that are gone.
async fn create_probe_index(collections: &Collections) -> DriverResult<()> {
    let index = expiring(index("at", doc! { "at": 1 }, None), probe::MARK_AGE_MAX);
    let marks = collections
        .database
        .collection::<Document>(probe::COLLECTION);
    marks.create_index(index).await?;
    Ok(())
}

/// Those of GridFS are as its specification has them. The driver would make them with the first file, whose sender would wait.
async fn create_file_indexes(collections: &Collections) -> DriverResult<()> {
    let loose = doc! { "loose": true };
    let loose = index("loose_used_at", doc! { "usedAt": 1 }, Some(loose));
    collections.attachments.create_index(loose).await?;
    let of_bucket = |name| collections.database.collection::<Document>(name);
    of_bucket("attachments.files")
        .create_index(index(
            "filename_1_uploadDate_1",
            doc! { "filename": 1, "uploadDate": 1 },
            None,
        ))
        .await?;
    of_bucket("attachments.chunks")
        .create_index(unique(
            "files_id_1_n_1",
            doc! { "files_id": 1, "n": 1 },
            None,
        ))
        .await?;
    Ok(())
}

fn index(name: &str, keys: Document, only: Option<Document>) -> IndexModel {
    let options = IndexOptions::builder()
        .name(name.to_owned())
        .partial_filter_expression(only)
        .build();
    IndexModel::builder().keys(keys).options(options).build()
}

/// Documents are removed so long after the time in the index.
fn expiring(mut model: IndexModel, after: Duration) -> IndexModel {
    if let Some(options) = &mut model.options {
        options.expire_after = Some(after);
    }
    model
}

fn unique(name: &str, keys: Document, only: Option<Document>) -> IndexModel {
    let mut model = index(name, keys, only);
    if let Some(options) = &mut model.options {
        options.unique = Some(true);
    }
    model
}
