//! The process `messaging-standalone`: API and gateway on one port, and MongoDB and NATS too where none are given.

#[cfg(feature = "allocations")]
mod allocations;
mod config;
mod demo;
mod inbox;
mod secret;

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use axum::Router;
use messaging_api::{Api, replica_name};
use messaging_auth::Verifier;
use messaging_bus::{Bus, RevocationBucket};
use messaging_embedded::{EmbeddedError, EmbeddedServers, Program, watchdog_main_if_asked};
use messaging_gateway::GatewayService;
use messaging_lifecycle::{Tasks, chain, stop_in_order, stop_signal};
use messaging_settings::Settings;
use messaging_telemetry::{Telemetry, process_registry};
use messaging_web::{
    Admission, BoundServer, Health, health_router, method_not_allowed, no_such_path,
    refuse_while_draining,
};
use tokio_util::sync::CancellationToken;

use config::{Config, ServiceConfig};
use demo::Demo;
use inbox::with_inbox;

#[cfg(not(feature = "allocations"))]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How long tasks may take to end once they are asked to.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    watchdog_main_if_asked();
    run_process()
}

#[tokio::main]
async fn run_process() -> ExitCode {
    let mut settings = Settings::from_env();
    let config = Config::read(&mut settings);
    // The services' settings hang on where the servers will be, so they are looked at once before anything is started.
    ServiceConfig::read(
        &mut settings,
        &config,
        "mongodb://127.0.0.1",
        "nats://127.0.0.1",
    );
    let warnings = match settings.finish() {
        Ok(warnings) => warnings,
        Err(faults) => return faults.report(),
    };
    let telemetry = match Telemetry::set_up("messaging-standalone", &config.telemetry) {
        Ok(telemetry) => telemetry,
        Err(error) => return fail(&error),
    };
    telemetry.warn(&warnings);
    let ended = run(config).await;
    telemetry.shut_down();
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&*error),
    }
}

/// Says in one line why the process ends.
#[expect(
    clippy::print_stderr,
    reason = "the line must show whatever the log's format and filter are"
)]
fn fail(error: &dyn std::error::Error) -> ExitCode {
    eprintln!("messaging-standalone: {}", chain(error));
    ExitCode::FAILURE
}

async fn run(config: Config) -> Result<(), Box<dyn std::error::Error>> {
    let mut stop = Box::pin(stop_signal()?);
    // Bound first, so that a port in use is told before anything else is started.
    let server = BoundServer::bind(config.server.clone())
        .map_err(|error| format!("cannot listen on {}: {error}", config.server.bind_address))?;
    let mut servers = tokio::select! {
        servers = start_servers(&config) => servers?,
        _ = &mut stop => return Ok(()),
    };
    let ended = serve(&config, server, &mut servers, stop).await;
    servers.stop().await;
    ended
}

fn require_gateway(health: &Health, gateway: &GatewayService) {
    health.require("events", gateway.hears_events());
    health.require("presence", gateway.knows_presence());
    health.require("sessions", gateway.keeps_sessions());
}

/// Starts MongoDB and NATS, unless the settings say where they are.
async fn start_servers(config: &Config) -> Result<EmbeddedServers, EmbeddedError> {
    let mut programs = Vec::new();
    programs.extend(config.mongodb_uri.is_none().then_some(Program::Mongod));
    programs.extend(config.nats_url.is_none().then_some(Program::NatsServer));
    if !programs.is_empty() {
        tracing::info!(folder = %config.data_dir.display(), "starting MongoDB and NATS as far as none is given");
    }
    EmbeddedServers::start(&config.data_dir, &programs).await
}

async fn serve(
    config: &Config,
    server: BoundServer,
    servers: &mut EmbeddedServers,
    stop: impl Future<Output = messaging_lifecycle::Stop> + Unpin,
) -> Result<(), Box<dyn std::error::Error>> {
    let mut settings = Settings::from_env();
    let service = ServiceConfig::read(
        &mut settings,
        config,
        servers.mongodb_uri().unwrap_or_default(),
        servers.nats_url().unwrap_or_default(),
    );
    let _logged_before = settings.finish()?;
    let registry = process_registry("messaging-standalone", env!("CARGO_PKG_VERSION"));
    let (health, core, edge) = (Health::new(), Tasks::new(), Tasks::new());
    let bus = Bus::connect(&service.bus, "messaging-standalone", &registry).await?;
    let nats = bus.clone();
    health.require("nats", move || nats.is_connected());
    let verifier = Verifier::start(&service.auth, &registry, &core)?;
    health.require("keys", verifier.watch_keys());
    let bucket = RevocationBucket::new(&bus);
    bucket.follow(&core, verifier.revocations().news_listener());
    let api = Api::build(
        service.api,
        verifier.clone(),
        &bus,
        &replica_name()?,
        &registry,
        &health,
        (&core, &edge),
    )
    .await?;
    let gateway =
        GatewayService::build(service.gateway, verifier, &bus, &registry, (&core, &edge)).await?;
    require_gateway(&health, &gateway);

    let address = server.address();
    tracing::info!(%address, "listening");
    let admission = Admission::new(&health);
    let guard = axum::middleware::from_fn_with_state(admission.clone(), refuse_while_draining);
    let services = api
        .router()
        .layer(guard)
        .merge(gateway.router())
        .merge(health_router(health.clone(), registry));
    let demo = config
        .is_demo
        .then(|| Demo::new(&config.secret))
        .transpose()?;
    let router = whole(services, config.web_dir.as_deref(), demo.clone());
    let closing = CancellationToken::new();
    server.serve(router, &edge, closing.clone());
    if let Some(demo) = &demo {
        let shown = (address, config.web_dir.is_some());
        demo.provision(&api, &health, shown, &core).await?;
    }

    let exit = tokio::select! {
        signal = stop => {
            tracing::info!(?signal, "stopping: no new connection is taken on");
            None
        }
        exit = servers.exited() => Some(exit),
    };
    health.drain();
    if exit.is_none() {
        gateway.drain(config.drain).await;
        admission.idle(config.drain).await;
    }
    closing.cancel();
    stop_in_order([("edge", edge), ("core", core)], STOP_TIMEOUT).await;
    api.finish().await;
    gateway.finish().await;
    bus.flush().await;
    exit.map_or(Ok(()), |exit| Err(exit.to_string().into()))
}

/// All that is served on the port.
fn whole(services: Router, web_dir: Option<&Path>, demo: Option<Demo>) -> Router {
    #[cfg(feature = "allocations")]
    let services = services.merge(allocations::router());
    let router = services
        .fallback(no_such_path)
        .method_not_allowed_fallback(method_not_allowed);
    match web_dir {
        Some(folder) => with_inbox(router, folder, demo),
        None => router,
    }
}
