//! REST: paths, bodies and statuses around the use cases.

pub mod attachments;
mod caller;
mod contracts;
mod conversations;
mod document;
mod messages;
mod metrics;
mod presence;
mod rate_limit;
mod revocations;
mod trace;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use messaging_auth::Verifier;
use messaging_domain::Rate;
use messaging_telemetry::is_tracing;
use messaging_web::{
    CorsOrigins, method_not_allowed, no_such_path, panicked, refuse_unreadable_paths,
};
use tower_http::catch_panic::CatchPanicLayer;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouterExt};
use utoipa_axum::routes;

use document::{Limits, with_document};
use metrics::measure;
use rate_limit::RateLimiter;
use trace::trace;

pub(crate) use metrics::HttpMetrics;

use crate::usecase::Messaging;

/// What handlers share.
#[derive(Clone)]
pub(crate) struct Http {
    messaging: Messaging,
    verifier: Verifier,
    limiter: RateLimiter,
    metrics: HttpMetrics,
}

impl Http {
    pub(crate) fn new(
        messaging: Messaging,
        verifier: Verifier,
        rate: Option<Rate>,
        metrics: HttpMetrics,
    ) -> Self {
        Self {
            messaging,
            verifier,
            limiter: RateLimiter::new(rate),
            metrics,
        }
    }

    /// The routes under `/api`.
    pub(crate) fn router(
        self,
        origins: &CorsOrigins,
        body_bytes_max: usize,
        attachment_bytes_max: usize,
    ) -> Router {
        // A file that is too large is heard out up to here, so that its sender gets to read why it was refused.
        let upload_bytes_max = DefaultBodyLimit::max(
            attachment_bytes_max
                .saturating_mul(2)
                .saturating_add(64 << 10),
        );
        let limits = Limits {
            body_bytes_max,
            attachment_bytes_max,
        };
        let measured = from_fn_with_state(self.metrics.clone(), measure);
        let mut routes = routes(upload_bytes_max)
            .with_state(self)
            .route_layer(measured);
        if is_tracing() {
            routes = routes.route_layer(from_fn(trace));
        }
        let routes = with_document("/api", routes, &limits)
            .fallback(no_such_path)
            .method_not_allowed_fallback(method_not_allowed);
        Router::new()
            .nest("/api", routes)
            .layer(DefaultBodyLimit::max(body_bytes_max))
            .layer(from_fn(refuse_unreadable_paths))
            .layer(CatchPanicLayer::custom(panicked))
            .layer(origins.layer())
    }
}

/// Each route comes with its part of the document, as there is no other way in here to add one.
fn routes(upload_bytes_max: DefaultBodyLimit) -> OpenApiRouter<Http> {
    use attachments::{download, upload};
    OpenApiRouter::new()
        .routes(routes!(messages::create))
        .routes(routes!(conversations::list))
        .routes(routes!(conversations::read))
        .routes(routes!(messages::history, messages::send))
        .routes(routes!(messages::edit, messages::delete))
        .routes(routes!(conversations::mark_as_read))
        .routes(routes!(messages::search))
        .routes(routes!(upload::upload_to_conversation).layer(upload_bytes_max))
        .routes(routes!(upload::upload_to_contract).layer(upload_bytes_max))
        .routes(routes!(download::download))
        .routes(routes!(presence::query))
        .routes(routes!(contracts::read, contracts::put))
        .routes(routes!(revocations::list))
        .routes(routes!(revocations::revoke_user, revocations::lift_user))
        .routes(routes!(revocations::revoke_token, revocations::lift_token))
}
