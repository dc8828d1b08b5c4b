use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use messaging_auth::Verifier;
use messaging_bus::presence::{Instance, Lease, LeaseKind, LeaseTable, PresenceBucket};
use messaging_bus::{Bus, Route, SubscribeError, serve_commands};
use messaging_lifecycle::Tasks;
use messaging_store::{CommitHook, Store, StoreConfigError};
use messaging_web::Health;
use messaging_wire::request::PutContract;
use messaging_wire::{Contract, Fault};
use prometheus::Registry;
use thiserror::Error;

use crate::announcer::{Announcer, Telling};
use crate::command::{CommandMetrics, Commands};
use crate::config::ApiConfig;
use crate::http::{Http, HttpMetrics};
use crate::republish::Republisher;
use crate::revocations::RevocationKeeper;
use crate::sweep::sweep_attachments;
use crate::usecase::{Messaging, PresenceChanges, Refusal, SearchSlots, UploadLimits};

/// How often MongoDB is asked whether it answers.
const PING_INTERVAL: Duration = Duration::from_secs(2);

/// How long to wait before indexes are tried again.
const PREPARE_RETRY_DELAY: Duration = Duration::from_millis(500);

/// A running API service, without its HTTP server.
pub struct Api {
    router: Router,
    messaging: Messaging,
    lease: Lease,
}

/// Why the service cannot run with these settings, whatever MongoDB and NATS do.
#[derive(Debug, Error)]
pub enum ApiError {
    /// Of MongoDB.
    #[error("MONGODB_URI or MONGODB_DATABASE cannot be used")]
    Store(#[source] StoreConfigError),
    /// A metric is registered twice.
    #[error("the metrics cannot be registered")]
    Metrics(#[source] prometheus::Error),
    /// The commands cannot be subscribed to.
    #[error("commands cannot be served")]
    Commands(#[source] SubscribeError),
}

impl Api {
    /// Builds the service and starts its tasks. MongoDB and NATS may be down; `health` tells when they are there.
    ///
    /// What answers requests is among the tasks of the `edge`, which must stop before the tasks of the `core`, on which it hangs.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn build(
        config: ApiConfig,
        verifier: Verifier,
        bus: &Bus,
        instance: &Instance,
        registry: &Registry,
        health: &Health,
        (core, edge): (&Tasks, &Tasks),
    ) -> Result<Self, ApiError> {
        let announcer = Announcer::new(bus.clone());
        let store = Store::new(config.store, commit_hook(announcer.clone()), core, registry)
            .map_err(ApiError::Store)?;
        require_store(&store, health, core);

        let presence = PresenceBucket::new(bus);
        let lease = Lease::keep(&presence, LeaseKind::Api, instance, core);
        let (leases, deaths) = LeaseTable::follow(&presence, core);
        let known = leases.clone();
        health.require("presence", move || known.is_settled());
        let revocations = RevocationKeeper::start(
            &store,
            bus,
            verifier.revocations(),
            config.revocations,
            core,
        );
        health.require("revocations", revocations.watch_known());
        let messaging = Messaging {
            store: store.clone(),
            announcer: announcer.clone(),
            presence,
            leases,
            uploads: UploadLimits::new(config.attachment_bytes_max as u64),
            searches: SearchSlots::default(),
            presence_changes: PresenceChanges::start(store.clone(), announcer.clone(), core),
            revocations,
        };
        sweep_attachments(store.clone(), core);
        let republisher = Republisher::start(store, announcer, bus, deaths, core);

        let metrics = CommandMetrics::register(registry).map_err(ApiError::Metrics)?;
        let commands = Arc::new(Commands::new(messaging.clone(), republisher, metrics));
        serve_commands(bus, &Route::of(instance), commands, edge)
            .await
            .map_err(ApiError::Commands)?;
        let measured = HttpMetrics::register(registry).map_err(ApiError::Metrics)?;
        let router = Http::new(messaging.clone(), verifier, config.rate, measured).router(
            &config.cors,
            config.body_bytes_max,
            config.attachment_bytes_max,
        );
        Ok(Self {
            router,
            messaging,
            lease,
        })
    }

    /// The routes under `/api`.
    pub fn router(&self) -> Router {
        self.router.clone()
    }

    /// Puts a contract, as `PUT /api/contracts/{id}` does.
    ///
    /// # Errors
    /// The fault as a client would see it.
    pub async fn put_contract(&self, id: &str, request: &PutContract) -> Result<Contract, Fault> {
        self.messaging
            .put_contract(id, request)
            .await
            .map(|put| put.contract)
            .map_err(Refusal::into_fault)
    }

    /// The end, once the tasks have stopped: gives the lease back.
    pub async fn finish(self) {
        self.lease.release().await;
    }
}

/// A name for one life of this process: the host's name and a random part.
///
/// # Errors
/// When the host's name cannot be part of a key, which it can once other characters are replaced.
pub fn replica_name() -> Result<Instance, messaging_bus::presence::InstanceError> {
    messaging_lifecycle::unique_name("api").parse()
}

fn commit_hook(announcer: Announcer) -> CommitHook {
    Arc::new(move |batch| {
        let announcer = announcer.clone();
        Box::pin(async move { announcer.announce_committed(batch, Telling::First).await })
    })
}

/// Makes the indexes as soon as MongoDB is there, and from then on keeps asking whether it is.
fn require_store(store: &Store, health: &Health, tasks: &Tasks) {
    let answers = Arc::new(AtomicBool::new(false));
    let known = Arc::clone(&answers);
    health.require("mongodb", move || known.load(Ordering::Relaxed));
    let store = store.clone();
    tasks.spawn_until_stopped("store watch", async move {
        while let Err(error) = store.prepare().await {
            tracing::warn!(%error, "MongoDB is not ready; trying again");
            tokio::time::sleep(PREPARE_RETRY_DELAY).await;
        }
        tracing::info!("MongoDB is ready");
        loop {
            let answered = store.ping().await.is_ok();
            if answers.swap(answered, Ordering::Relaxed) != answered {
                tracing::info!(answered, "MongoDB was asked whether it answers");
            }
            tokio::time::sleep(PING_INTERVAL).await;
        }
    });
}
