use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use messaging_auth::Verifier;
use messaging_bus::presence::{Instance, Lease, LeaseKind, LeaseTable, PresenceBucket};
use messaging_bus::{Bus, Intake, Route};
use messaging_lifecycle::{Tasks, unique_name};
use messaging_web::refuse_foreign_origins;
use moka::sync::Cache;
use prometheus::Registry;
use tokio::sync::mpsc;

use crate::api::ApiClient;
use crate::app::{Gateway, GatewayError};
use crate::canary::{self, CanaryEar};
use crate::client_metrics::ClientMetrics;
use crate::config::GatewayConfig;
use crate::connection::SocketMetrics;
use crate::drain::drain;
use crate::expiry::Expiry;
use crate::hub::{Rooms, Users};
use crate::inbound::Inbound;
use crate::interest::Interest;
use crate::metrics::register_sizes;
use crate::missed::watch;
use crate::presence::{LeaseKeeper, Presence, PresenceConfig};
use crate::recovery::{Records, Recovery};
use crate::refill::Refill;
use crate::session::Sockets;
use crate::transport::{Peers, router};
use crate::turnstile::Turnstile;

/// How often typing that was not renewed is looked for.
const TYPING_CHECK_INTERVAL: Duration = Duration::from_millis(200);

/// Conversations whose participants are remembered.
const PARTIES_MAX: u64 = 50_000;

/// A running gateway, without its HTTP server.
pub struct GatewayService {
    router: Router,
    sockets: Sockets,
    presence: Presence,
    recovery: Recovery,
    lease: LeaseKeeper,
    hears_all: Arc<dyn Fn() -> bool + Send + Sync>,
}

impl GatewayService {
    /// Builds the gateway and starts its tasks. NATS may be down.
    ///
    /// Connections are among the tasks of the `edge`, which must stop before the tasks of the `core`, on which they hang.
    ///
    /// # Errors
    /// [`GatewayError`].
    pub async fn build(
        config: GatewayConfig,
        verifier: Verifier,
        bus: &Bus,
        registry: &Registry,
        (core, edge): (&Tasks, &Tasks),
    ) -> Result<Self, GatewayError> {
        let instance = instance(config.id)?;
        let bucket = PresenceBucket::new(bus);
        let (leases, deaths) = LeaseTable::follow(&bucket, core);
        let api = ApiClient::new(bus.clone(), leases.clone());
        let known = (bucket, leases, deaths);
        let (rooms, users) = (Arc::new(Rooms::new()), Arc::new(Users::new()));
        let refill = Refill::new(&rooms, &api, core, registry).map_err(GatewayError::Metrics)?;
        let ear = CanaryEar::new();
        let inbound = Inbound::new((&rooms, &users), refill.clone(), &ear, registry)
            .map_err(GatewayError::Metrics)?;
        let worker_count = std::thread::available_parallelism().map_or(1, usize::from);
        let intake = Intake::start(bus, &Arc::new(inbound), worker_count, core);

        let asked = (config.presence, &instance);
        let (presence, lease) = start_presence(asked, known, (&api, bus), registry, core).await?;
        let peers = Peers::new(bus.clone(), Route::of(&instance));
        let records = Records::new(bus);
        let recovery = Recovery::start(&peers, records, &instance, config.recovery, registry, core)
            .map_err(GatewayError::Metrics)?;
        let serving = recovery.serve(presence.revivals()).await;
        serving.map_err(GatewayError::Subscribe)?;
        watch(&intake, &users, (&api, bus), &refill, registry, core)
            .map_err(GatewayError::Metrics)?;
        let hears_all = Arc::new(intake.hears_all());
        lapse_typing(&rooms, core);

        let gateway = Gateway {
            bus: bus.clone(),
            api,
            expiry: Expiry::start(verifier.revocations(), core),
            verifier,
            interest: Interest::new(intake),
            rooms,
            users,
            refill,
            presence: presence.clone(),
            recovery: recovery.clone(),
            way_in: Turnstile::new(worker_count),
            way_out: Turnstile::new(worker_count),
            limits: config.limits,
            metrics: ClientMetrics::register(registry).map_err(GatewayError::Metrics)?,
            parties: Cache::new(PARTIES_MAX),
        };
        let sockets = Sockets::new();
        let metrics = Arc::new(SocketMetrics::register(registry).map_err(GatewayError::Metrics)?);
        let gateway = Arc::new(gateway);
        open_wide_at_the_end(&gateway, edge);
        let canary = (Route::of(&instance), &ear, config.canary_interval);
        watch_itself(&gateway, canary, &sockets, registry, core).map_err(GatewayError::Metrics)?;
        let guard =
            axum::middleware::from_fn_with_state(config.cors.clone(), refuse_foreign_origins);
        let router = router(
            gateway,
            config.transport,
            edge.clone(),
            metrics,
            sockets.clone(),
            Some(peers),
        )
        .layer(config.cors.layer())
        .layer(guard);
        tracing::info!(gateway.id = %instance, "the gateway is built");
        Ok(Self {
            router,
            sockets,
            presence,
            recovery,
            lease,
            hears_all,
        })
    }

    /// The routes `/socket.io/` and `/ws`.
    pub fn router(&self) -> Router {
        self.router.clone()
    }

    /// Whether presence is known, without which connections should not come here yet.
    pub fn knows_presence(&self) -> impl Fn() -> bool + Send + Sync + 'static {
        let presence = self.presence.clone();
        move || presence.is_settled()
    }

    /// Whether what is published reaches this gateway.
    pub fn hears_events(&self) -> impl Fn() -> bool + Send + Sync + 'static {
        let hears_all = Arc::clone(&self.hears_all);
        move || hears_all()
    }

    /// Whether connections that come here can be recovered.
    pub fn keeps_sessions(&self) -> impl Fn() -> bool + Send + Sync + 'static {
        let recovery = self.recovery.clone();
        move || recovery.is_ready()
    }

    /// Lets no one in any more, tells everyone, and closes connections at an even pace within a time.
    pub async fn drain(&self, within: Duration) {
        drain(&self.sockets, within).await;
    }

    /// The end, once the tasks have stopped: gives the lease back.
    pub async fn finish(self) {
        self.lease.release().await;
    }
}

/// Counts what there is of connections, and sends probes.
fn watch_itself(
    gateway: &Arc<Gateway>,
    (route, ear, interval): (Route, &CanaryEar, Duration),
    sockets: &Sockets,
    registry: &Registry,
    core: &Tasks,
) -> Result<(), prometheus::Error> {
    canary::start(gateway, (route, ear), interval, registry, core)?;
    register_sizes(gateway, sockets, registry, core)
}

/// The processes that die.
type Deaths = mpsc::Receiver<(LeaseKind, Instance)>;

/// Presence, and the keeper of the lease by which others know that this gateway lives.
async fn start_presence(
    (config, instance): (PresenceConfig, &Instance),
    (bucket, leases, deaths): (PresenceBucket, LeaseTable, Deaths),
    (api, bus): (&ApiClient, &Bus),
    registry: &Registry,
    core: &Tasks,
) -> Result<(Presence, LeaseKeeper), GatewayError> {
    let lease = Lease::keep(&bucket, LeaseKind::Gateway, instance, core);
    let presence = Presence::new(&bucket, leases, instance, config, api, registry, core)
        .map_err(GatewayError::Metrics)?;
    let lease = presence.start(bus, lease, deaths).await;
    Ok((presence, lease.map_err(GatewayError::Subscribe)?))
}

fn instance(id: Option<Instance>) -> Result<Instance, GatewayError> {
    match id {
        Some(id) => Ok(id),
        None => unique_name("gateway").parse().map_err(GatewayError::Name),
    }
}

/// When the process ends all go at once, in the time that there is.
fn open_wide_at_the_end(gateway: &Arc<Gateway>, edge: &Tasks) {
    let (gateway, stopping) = (Arc::clone(gateway), edge.stopping().clone());
    edge.spawn("turnstile", async move {
        stopping.cancelled().await;
        gateway.way_out.open_wide();
    });
}

fn lapse_typing(rooms: &Arc<Rooms>, tasks: &Tasks) {
    let (rooms, stopping) = (Arc::clone(rooms), tasks.stopping().clone());
    tasks.spawn("typing lapse", async move {
        let mut ticks = tokio::time::interval(TYPING_CHECK_INTERVAL);
        loop {
            tokio::select! {
                _ = ticks.tick() => rooms.lapse_typing(),
                () = stopping.cancelled() => return,
            }
        }
    });
}
