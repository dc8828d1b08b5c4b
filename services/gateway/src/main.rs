//! The process `messaging-gateway`: any number of replicas, none of which a client must come back to.

use std::process::ExitCode;
use std::time::Duration;

use messaging_auth::Verifier;
use messaging_bus::{Bus, RevocationBucket};
use messaging_gateway::{GatewayService, ProcessConfig};
use messaging_lifecycle::{Tasks, stop_in_order, stop_signal};
use messaging_settings::{Settings, Warnings};
use messaging_telemetry::{Telemetry, process_registry};
use messaging_web::{BoundServer, Health, health_router, method_not_allowed, no_such_path};
use tokio_util::sync::CancellationToken;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How long tasks may take to end once they are asked to.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

#[tokio::main]
async fn main() -> ExitCode {
    let mut settings = Settings::from_env();
    let config = ProcessConfig::read(&mut settings);
    let warnings = match settings.finish() {
        Ok(warnings) => warnings,
        Err(faults) => return faults.report(),
    };
    match run(config, &warnings).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(
                error = messaging_lifecycle::chain(&*error),
                "the process cannot go on"
            );
            ExitCode::FAILURE
        }
    }
}

async fn run(config: ProcessConfig, warnings: &Warnings) -> Result<(), Box<dyn std::error::Error>> {
    let telemetry = Telemetry::set_up("messaging-gateway", &config.telemetry)?;
    telemetry.warn(warnings);
    let stop = stop_signal()?;
    let registry = process_registry("messaging-gateway", env!("CARGO_PKG_VERSION"));
    let (health, core, edge) = (Health::new(), Tasks::new(), Tasks::new());
    let bus = Bus::connect(&config.bus, "messaging-gateway", &registry).await?;
    let nats = bus.clone();
    health.require("nats", move || nats.is_connected());
    let verifier = Verifier::start(&config.auth, &registry, &core)?;
    health.require("keys", verifier.watch_keys());
    let bucket = RevocationBucket::new(&bus);
    let known = bucket.follow(&core, verifier.revocations().listener());
    health.require("revocations", move || *known.borrow());
    let gateway =
        GatewayService::build(config.gateway, verifier, &bus, &registry, (&core, &edge)).await?;
    health.require("events", gateway.hears_events());
    health.require("presence", gateway.knows_presence());
    health.require("sessions", gateway.keeps_sessions());

    let server = BoundServer::bind(config.server)?;
    tracing::info!(address = %server.address(), "listening");
    let router = gateway
        .router()
        .merge(health_router(health.clone(), registry))
        .fallback(no_such_path)
        .method_not_allowed_fallback(method_not_allowed);
    let closing = CancellationToken::new();
    server.serve(router, &edge, closing.clone());

    tracing::info!(signal = ?stop.await, "stopping: no new connection is taken on");
    health.drain();
    gateway.drain(config.drain).await;
    closing.cancel();
    stop_in_order([("edge", edge), ("core", core)], STOP_TIMEOUT).await;
    gateway.finish().await;
    bus.flush().await;
    telemetry.shut_down();
    Ok(())
}
