use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use parking_lot::RwLock;
use prometheus::Registry;
use serde::Serialize;

/// Whether a process can do its work, and on what that hangs. A clone is another handle.
#[derive(Clone, Default)]
pub struct Health {
    draining: Arc<AtomicBool>,
    checks: Arc<RwLock<Vec<Check>>>,
}

struct Check {
    name: &'static str,
    holds: Box<dyn Fn() -> bool + Send + Sync>,
}

impl Health {
    /// Ready, as nothing is asked of it yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds something that must hold for the process to be ready. It is asked often and must answer at once.
    pub fn require(&self, name: &'static str, holds: impl Fn() -> bool + Send + Sync + 'static) {
        self.checks.write().push(Check {
            name,
            holds: Box::new(holds),
        });
    }

    /// From now on the process is not ready, whatever its checks say.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Whether the process is about to end.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// What keeps the process from being ready; nothing if it is.
    pub fn missing(&self) -> Vec<&'static str> {
        let checks = self.checks.read();
        let mut missing: Vec<_> = checks
            .iter()
            .filter(|check| !(check.holds)())
            .map(|check| check.name)
            .collect();
        if self.is_draining() {
            missing.push("draining");
        }
        missing
    }
}

/// `/health/live`, `/health/ready` and `/metrics`.
pub fn health_router(health: Health, registry: Registry) -> Router {
    Router::new()
        .route("/health/live", get(live))
        .route("/health/ready", get(ready).with_state(health))
        .route("/metrics", get(metrics).with_state(registry))
}

/// The operations of [`health_router`], without the paths of anything else.
#[cfg(feature = "openapi")]
#[derive(utoipa::OpenApi)]
#[openapi(paths(live, ready, metrics))]
pub struct HealthDocument;

/// That the process runs.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
struct Liveness {
    /// Always `live`.
    #[cfg_attr(feature = "openapi", schema(value_type = String, pattern = "^live$"))]
    status: &'static str,
}

/// Whether the process can do its work.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
struct Readiness {
    /// `ready` or `not ready`.
    #[cfg_attr(feature = "openapi", schema(value_type = String, pattern = "^(not )?ready$"))]
    status: &'static str,
    /// What is missing for it: `mongodb`, `nats`, `presence`, or `draining` before the end.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>))]
    missing: Vec<&'static str>,
}

/// Tells that the process runs.
///
/// It says nothing of MongoDB and NATS: a process that waits for them need not be started anew.
#[cfg_attr(feature = "openapi", utoipa::path(
    get, path = "/health/live", operation_id = "live", tag = "operation", security(()),
    responses((status = 200, description = "It runs.", body = Liveness, example = json!({"status": "live"}))),
))]
async fn live() -> Json<Liveness> {
    Json(Liveness { status: "live" })
}

/// Tells whether the process can do its work.
///
/// A load balancer should send requests to a replica only while this answers 200.
#[cfg_attr(feature = "openapi", utoipa::path(
    get, path = "/health/ready", operation_id = "ready", tag = "operation", security(()),
    responses(
        (status = 200, description = "It is ready.", body = Readiness, example = json!({"status": "ready", "missing": []})),
        (status = 503, description = "It is not, because of what is missing.", body = Readiness, example = json!({"status": "not ready", "missing": ["mongodb"]})),
    ),
))]
async fn ready(State(health): State<Health>) -> Response {
    let missing = health.missing();
    let (code, status) = match missing.is_empty() {
        true => (StatusCode::OK, "ready"),
        false => (StatusCode::SERVICE_UNAVAILABLE, "not ready"),
    };
    (code, Json(Readiness { status, missing })).into_response()
}

/// Reads the metrics.
///
/// In the text format of Prometheus. Their labels never name a user, a conversation or an address.
#[cfg_attr(feature = "openapi", utoipa::path(
    get, path = "/metrics", operation_id = "metrics", tag = "operation", security(()),
    responses((status = 200, description = "The metrics.", content_type = "text/plain", body = String)),
))]
async fn metrics(State(registry): State<Registry>) -> Response {
    let (text, content_type) = messaging_telemetry::encode_metrics(&registry);
    ([(header::CONTENT_TYPE, content_type)], text).into_response()
}
