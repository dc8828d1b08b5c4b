use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use parking_lot::RwLock;
use prometheus::Registry;

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
        .route(
            "/health/live",
            get(|| async { axum::Json(serde_json::json!({ "status": "live" })) }),
        )
        .route("/health/ready", get(ready).with_state(health))
        .route("/metrics", get(metrics).with_state(registry))
}

async fn ready(State(health): State<Health>) -> Response {
    let missing = health.missing();
    let (status, word) = match missing.is_empty() {
        true => (StatusCode::OK, "ready"),
        false => (StatusCode::SERVICE_UNAVAILABLE, "not ready"),
    };
    (
        status,
        axum::Json(serde_json::json!({ "status": word, "missing": missing })),
    )
        .into_response()
}

async fn metrics(State(registry): State<Registry>) -> Response {
    let (text, content_type) = messaging_telemetry::encode_metrics(&registry);
    ([(header::CONTENT_TYPE, content_type)], text).into_response()
}
