use std::sync::Arc;

use messaging_domain::{ConversationId, Timestamp};
use messaging_lifecycle::Tasks;
use moka::sync::Cache;
use prometheus::Registry;
use tokio::sync::OnceCell;

use crate::commit::{CommitHook, Committer, Heads, Intake, RepairList};
use crate::metrics::Metrics;
use crate::mongo::Mongo;
use crate::trouble::TroubleMetrics;
use crate::{ConversationKey, StoreConfig, StoreConfigError};

/// Contracts, conversations and messages. A clone is another handle on the same store.
#[derive(Clone)]
pub struct Store {
    pub(crate) shared: Arc<Shared>,
    pub(crate) intake: Intake,
}

/// What the calls and the tasks of a store share.
pub(crate) struct Shared {
    pub(crate) mongo: Mongo,
    pub(crate) keys: Cache<ConversationId, ConversationKey>,
    pub(crate) heads: Heads,
    pub(crate) metrics: Metrics,
    pub(crate) repairs: RepairList,
    pub(crate) hook: CommitHook,
    pub(crate) clock: fn() -> Timestamp,
    pub(crate) prepared: OnceCell<()>,
}

/// Conversations whose immutable part is kept; some 300 bytes each.
const KEYS_MAX: u64 = 100_000;

impl Store {
    /// A store for a database, which may be down: nothing is sent before the first call.
    ///
    /// The store's own tasks end with `tasks`, after finishing what waits; so stop these after whatever still appends.
    /// `hook` is called with what was committed, see [`CommitHook`].
    ///
    /// # Errors
    /// When a setting cannot work.
    pub fn new(
        config: StoreConfig,
        hook: CommitHook,
        tasks: &Tasks,
        registry: &Registry,
    ) -> Result<Self, StoreConfigError> {
        config.check()?;
        let trouble = TroubleMetrics::register(registry).map_err(StoreConfigError::Metrics)?;
        let shared = Arc::new(Shared {
            mongo: Mongo::new(&config, trouble),
            keys: Cache::new(KEYS_MAX),
            heads: Heads::new(),
            metrics: Metrics::register(registry).map_err(StoreConfigError::Metrics)?,
            repairs: RepairList::new(),
            hook,
            clock: config.clock,
            prepared: OnceCell::new(),
        });
        let (intake, submissions) = Intake::new(&config, Arc::clone(&shared));
        let committer = Committer::new(&config, Arc::clone(&shared), tasks.clone(), submissions);
        tasks.spawn("store-committer", committer.run());
        tasks.spawn(
            "store-repair",
            crate::commit::repair(Arc::clone(&shared), tasks.stopping().clone()),
        );
        Ok(Self { shared, intake })
    }

    pub(crate) fn mongo(&self) -> &Mongo {
        &self.shared.mongo
    }

    pub(crate) fn now(&self) -> Timestamp {
        (self.shared.clock)()
    }
}
