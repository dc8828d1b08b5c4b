use std::path::PathBuf;
use std::sync::Arc;

use futures_util::TryStreamExt;
use messaging_lifecycle::Tasks;
use messaging_store::{ImportMode, PutContractError, Store, StoreConfigError, StoreError};
use mongodb::bson::{Bson, Document};
use prometheus::Registry;
use thiserror::Error;
use tokio::time::Instant;

use crate::config::Config;
use crate::convert;
use crate::counts::Counts;
use crate::files::Files;
use crate::json_lines::{FileError, JsonLines};
use crate::old::{OldDatabase, OldError};
use crate::progress::tell_progress;
use crate::rejects::{Kind, Reason, Rejects};
use crate::report::Report;

/// Why an import ended before its end. What it has written stays, and the next run goes on from there.
#[derive(Debug, Error)]
pub(crate) enum ImportError {
    /// It could not begin.
    #[error(transparent)]
    Begin(#[from] OldError),
    /// The old database.
    #[error("the old database cannot be read")]
    Old(#[from] mongodb::error::Error),
    /// The new database.
    #[error("the new database cannot be written or read")]
    New(#[from] StoreError),
    /// The new database's settings.
    #[error("the new database cannot be used")]
    Settings(#[from] StoreConfigError),
    /// A file.
    #[error(transparent)]
    File(#[from] FileError),
}

/// One run of the importer.
pub(crate) struct Import {
    pub(crate) config: Config,
    pub(crate) mode: ImportMode,
    pub(crate) old: OldDatabase,
    pub(crate) store: Store,
    pub(crate) files: Files,
    pub(crate) counts: Arc<Counts>,
    rejects: Rejects,
    pub(crate) id_map: Option<JsonLines>,
}

/// Runs an import from its beginning to its end.
pub(crate) async fn run(config: Config, tasks: &Tasks) -> Result<Report, ImportError> {
    let import = Import::begin(config, tasks).await?;
    let started = Instant::now();
    let total = import.old.message_count().await?;
    tell_progress(Arc::clone(&import.counts), total, tasks);
    if import.mode == ImportMode::Write {
        import.store.prepare().await?;
    }
    import.contracts().await?;
    import.conversations().await?;
    import.orphans().await?;
    import.rejects.flush()?;
    if let Some(id_map) = &import.id_map {
        id_map.flush()?;
    }
    Ok(Report::new(
        &import.config,
        import.counts,
        started.elapsed(),
    ))
}

impl Import {
    async fn begin(config: Config, tasks: &Tasks) -> Result<Self, ImportError> {
        let files = Files::of(config.attachments.as_deref());
        let files = files.map_err(|source| FileError {
            path: config.attachments.clone().unwrap_or_default(),
            source,
        })?;
        let rejects = Rejects::create(config.rejects.clone())?;
        let id_map = config.id_map.clone().map(JsonLines::create).transpose()?;
        let old = OldDatabase::open(&config).await?;
        // Nothing is appended by way of its committer, so there is nobody to tell.
        let hook = Arc::new(|_| -> futures_util::future::BoxFuture<'static, ()> {
            Box::pin(std::future::ready(()))
        });
        let store = Store::new(config.to.clone(), hook, tasks, &Registry::new())?;
        let mode = if config.dry_run {
            ImportMode::Look
        } else {
            ImportMode::Write
        };
        Ok(Self {
            config,
            mode,
            old,
            store,
            files,
            counts: Arc::default(),
            rejects,
            id_map,
        })
    }

    async fn contracts(&self) -> Result<(), ImportError> {
        let contracts = self.old.read_contracts(self.config.since).await?;
        contracts
            .map_err(ImportError::from)
            .try_for_each_concurrent(self.config.at_once, |contract| self.contract(contract))
            .await
    }

    async fn contract(&self, document: Document) -> Result<(), ImportError> {
        self.counts.contracts.read.add(1);
        let outcome = match convert::contract(&document) {
            Ok(contract) => self.store.import_contract(&contract, self.mode).await,
            Err(reason) => return self.reject(Kind::Contract, document.get("_id"), reason, None),
        };
        match outcome {
            Ok(outcome) => self.counts.contract(outcome),
            Err(PutContractError::Store(error)) => return Err(error.into()),
            Err(PutContractError::PartyChanged | PutContractError::MilestoneInUse) => {
                let id = document.get("_id");
                return self.reject(Kind::Contract, id, Reason::ContractInUse, None);
            }
        }
        Ok(())
    }

    async fn conversations(&self) -> Result<(), ImportError> {
        let groups = self.old.read_conversations(self.config.since).await?;
        groups
            .map_err(ImportError::from)
            .try_for_each_concurrent(self.config.at_once, |group| self.group(group))
            .await
    }

    async fn orphans(&self) -> Result<(), ImportError> {
        let mut orphans = self.old.read_orphans(self.config.since).await?;
        while let Some(orphan) = orphans.try_next().await? {
            self.counts.messages.read.add(1);
            let (id, reason) = (orphan.get("_id"), Reason::ConversationMissing);
            self.reject(Kind::Message, id, reason, orphan.get("conversationId"))?;
        }
        Ok(())
    }

    /// Leaves a document out.
    pub(crate) fn reject(
        &self,
        kind: Kind,
        id: Option<&Bson>,
        reason: Reason,
        conversation: Option<&Bson>,
    ) -> Result<(), ImportError> {
        self.counts.rejected(kind, reason);
        self.rejects.write(kind, id, reason, conversation)?;
        Ok(())
    }

    /// That a file of an attachment cannot be read.
    pub(crate) fn unreadable(path: PathBuf) -> impl FnOnce(std::io::Error) -> ImportError {
        |source| ImportError::File(FileError { path, source })
    }
}
