use std::time::Duration;

use mongodb::error::Error as DriverError;
use mongodb::gridfs::GridFsBucket;
use mongodb::options::{
    ClientOptions, CollectionOptions, DatabaseOptions, GridFsBucketOptions, ReadConcern,
    ReadPreference, SelectionCriteria, WriteConcern,
};
use mongodb::{Client, Collection, Database};
use tokio::sync::OnceCell;

use crate::config::StoreConfig;
use crate::error::{StoreError, Trouble, sorted};
use crate::model::{StoredAttachment, StoredContract, StoredConversation, StoredMessage};
use crate::revocation::StoredRevocation;
use crate::trouble::TroubleMetrics;

/// The driver behind a fence: no call outlasts the deadline, whatever the driver's own retries and queues do.
pub(crate) struct Mongo {
    uri: String,
    database: String,
    deadline: Duration,
    pub(crate) trouble: TroubleMetrics,
    collections: OnceCell<Collections>,
}

/// The collections, each with the concerns that its readers and writers rely on.
pub(crate) struct Collections {
    pub(crate) database: Database,
    /// Read and written by majority: what is read here cannot be rolled back.
    pub(crate) messages: Collection<StoredMessage>,
    /// Written by majority unless said otherwise, read as the primary has it, so that no reader sees less than was acknowledged to him.
    pub(crate) conversations: Collection<StoredConversation>,
    /// Read and written by majority.
    pub(crate) contracts: Collection<StoredContract>,
    /// Read and written by majority.
    pub(crate) attachments: Collection<StoredAttachment>,
    /// Read and written by majority.
    pub(crate) revocations: Collection<StoredRevocation>,
    /// Written by majority.
    pub(crate) attachment_bytes: GridFsBucket,
}

const SERVER_SELECTION_TIMEOUT: Duration = Duration::from_secs(2);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const POOL_SIZE_MAX: u32 = 32;

impl Mongo {
    pub(crate) fn new(config: &StoreConfig, trouble: TroubleMetrics) -> Self {
        Self {
            uri: config.uri.clone(),
            database: config.database.clone(),
            deadline: config.operation_timeout,
            trouble,
            collections: OnceCell::new(),
        }
    }

    /// The collections.
    ///
    /// The driver is set up by the first call and not before, because a `mongodb+srv` address needs a DNS look-up, which
    /// may fail for a while.
    pub(crate) async fn collections(&self) -> mongodb::error::Result<&Collections> {
        self.collections.get_or_try_init(|| self.open()).await
    }

    /// Runs a call within the deadline and sorts its error.
    pub(crate) async fn fenced<T>(
        &self,
        call: impl Future<Output = mongodb::error::Result<T>>,
    ) -> Result<T, StoreError> {
        match tokio::time::timeout(self.deadline, call).await {
            Ok(result) => result.map_err(|error| self.failed(error)),
            Err(_) => Err(self.timed_out()),
        }
    }

    /// Counts and sorts the error of a call.
    pub(crate) fn failed(&self, error: DriverError) -> StoreError {
        let error = sorted(error);
        self.trouble.failed(&error);
        error
    }

    /// Counts a call that was not over within the deadline, and says what becomes of it.
    pub(crate) fn timed_out(&self) -> StoreError {
        self.trouble.timed_out();
        StoreError::unavailable(Trouble::Deadline(self.deadline))
    }

    pub(crate) const fn deadline(&self) -> Duration {
        self.deadline
    }

    async fn open(&self) -> mongodb::error::Result<Collections> {
        let mut options = ClientOptions::parse(&self.uri).await?;
        options
            .app_name
            .get_or_insert_with(|| "messaging-store".to_owned());
        options
            .server_selection_timeout
            .get_or_insert(SERVER_SELECTION_TIMEOUT);
        options.connect_timeout.get_or_insert(CONNECT_TIMEOUT);
        options.max_pool_size.get_or_insert(POOL_SIZE_MAX);
        options.retry_writes = Some(true);
        options.sdam_event_handler = Some(self.trouble.listener());
        let client = Client::with_options(options)?;

        let primary = SelectionCriteria::ReadPreference(ReadPreference::Primary);
        let written = WriteConcern::builder()
            .w(mongodb::options::Acknowledgment::Majority)
            .w_timeout(self.deadline)
            .build();
        let options_with = |concern: ReadConcern| {
            CollectionOptions::builder()
                .selection_criteria(primary.clone())
                .write_concern(written.clone())
                .read_concern(concern)
                .build()
        };
        let database = client.database_with_options(
            &self.database,
            DatabaseOptions::builder()
                .selection_criteria(primary.clone())
                .build(),
        );
        Ok(Collections {
            messages: database
                .collection_with_options("messages", options_with(ReadConcern::majority())),
            conversations: database
                .collection_with_options("conversations", options_with(ReadConcern::local())),
            contracts: database
                .collection_with_options("contracts", options_with(ReadConcern::majority())),
            attachments: database
                .collection_with_options("attachments", options_with(ReadConcern::majority())),
            revocations: database
                .collection_with_options("revocations", options_with(ReadConcern::majority())),
            attachment_bytes: database.gridfs_bucket(
                GridFsBucketOptions::builder()
                    .bucket_name("attachments".to_owned())
                    .write_concern(written)
                    .selection_criteria(primary)
                    .build(),
            ),
            database,
        })
    }
}
