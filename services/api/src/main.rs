//! The process `messaging-api`: any number of replicas behind a load balancer.

use std::process::ExitCode;
use std::time::Duration;

use messaging_api::{Api, ProcessConfig, replica_name};
use messaging_auth::Verifier;
use messaging_bus::{Bus, RevocationBucket};
use messaging_lifecycle::{Tasks, stop_in_order, stop_signal};
use messaging_settings::{Settings, Warnings};
use messaging_telemetry::{Telemetry, process_registry};
use messaging_web::{
    Admission, BoundServer, Health, health_router, method_not_allowed, no_such_path,
    refuse_while_draining,
};
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
    let telemetry = Telemetry::set_up("messaging-api", &config.telemetry)?;
    telemetry.warn(warnings);
    let stop = stop_signal()?;
    let registry = process_registry("messaging-api", env!("CARGO_PKG_VERSION"));
    let (health, core, edge) = (Health::new(), Tasks::new(), Tasks::new());
    let bus = Bus::connect(&config.bus, "messaging-api", &registry).await?;
    let nats = bus.clone();
    health.require("nats", move || nats.is_connected());
    let verifier = Verifier::start(&config.auth, &registry, &core)?;
    health.require("keys", verifier.watch_keys());
    let bucket = RevocationBucket::new(&bus);
    bucket.follow(&core, verifier.revocations().news_listener());
    let api = Api::build(
        config.api,
        verifier,
        &bus,
        &replica_name()?,
        &registry,
        &health,
        (&core, &edge),
    )
    .await?;

    let server = BoundServer::bind(config.server)?;
    tracing::info!(address = %server.address(), "listening");
    let admission = Admission::new(&health);
    let guard = axum::middleware::from_fn_with_state(admission.clone(), refuse_while_draining);
    let router = api
        .router()
        .layer(guard)
        .merge(health_router(health.clone(), registry))
        .fallback(no_such_path)
        .method_not_allowed_fallback(method_not_allowed);
    let closing = CancellationToken::new();
    server.serve(router, &edge, closing.clone());

    tracing::info!(signal = ?stop.await, "stopping: no new request is taken on");
    health.drain();
    let unfinished = admission.idle(config.drain).await;
    tracing::info!(unfinished, "requests in flight are done");
    closing.cancel();
    stop_in_order([("edge", edge), ("core", core)], STOP_TIMEOUT).await;
    api.finish().await;
    bus.flush().await;
    telemetry.shut_down();
    Ok(())
}
