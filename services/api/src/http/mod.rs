//! REST: paths, bodies and statuses around the use cases.

pub mod attachments;
mod caller;
mod contracts;
mod conversations;
mod messages;
mod presence;
mod rate_limit;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn;
use axum::routing::{get, patch, post};
use messaging_auth::Verifier;
use messaging_domain::Rate;
use messaging_web::{
    CorsOrigins, method_not_allowed, no_such_path, panicked, refuse_unreadable_paths,
};
use tower_http::catch_panic::CatchPanicLayer;

use rate_limit::RateLimiter;

use crate::usecase::Messaging;

/// What handlers share.
#[derive(Clone)]
pub(crate) struct Http {
    messaging: Messaging,
    verifier: Verifier,
    limiter: RateLimiter,
}

impl Http {
    pub(crate) fn new(messaging: Messaging, verifier: Verifier, rate: Option<Rate>) -> Self {
        Self {
            messaging,
            verifier,
            limiter: RateLimiter::new(rate),
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
        let routes = Router::new()
            .route("/messages", post(messages::create))
            .route("/messages/conversations", get(conversations::list))
            .route("/messages/conversations/{id}", get(conversations::read))
            .route(
                "/messages/conversations/{id}/messages",
                get(messages::history).post(messages::send),
            )
            .route(
                "/messages/conversations/{id}/messages/{messageId}",
                patch(messages::edit).delete(messages::delete),
            )
            .route(
                "/messages/conversations/{id}/read",
                patch(conversations::mark_as_read),
            )
            .route("/messages/conversations/{id}/search", get(messages::search))
            .route(
                "/messages/conversations/{id}/attachments",
                post(attachments::upload_to_conversation).layer(upload_bytes_max),
            )
            .route(
                "/messages/attachments",
                post(attachments::upload_to_contract).layer(upload_bytes_max),
            )
            .route("/messages/attachments/{id}", get(attachments::download))
            .route("/presence", get(presence::query))
            .route("/contracts/{id}", get(contracts::read).put(contracts::put))
            .fallback(no_such_path)
            .method_not_allowed_fallback(method_not_allowed)
            .with_state(self);
        Router::new()
            .nest("/api", routes)
            .layer(DefaultBodyLimit::max(body_bytes_max))
            .layer(from_fn(refuse_unreadable_paths))
            .layer(CatchPanicLayer::custom(panicked))
            .layer(origins.layer())
    }
}
