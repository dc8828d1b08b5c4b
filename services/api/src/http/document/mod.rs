//! The document that describes the calls (OpenAPI 3.1), made of the handlers and types, and the page that shows it.

mod archive;
mod complete;
mod page;
#[cfg(test)]
mod tests;

use axum::Router;
use messaging_web::HealthDocument;
use utoipa::OpenApi as _;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) use complete::Limits;

/// Adds the document of routes that stand under a prefix, and of itself, to them.
pub(super) fn with_document(prefix: &str, routes: OpenApiRouter, limits: &Limits) -> Router {
    let (routes, described) = routes.split_for_parts();
    let (own, own_described) = own_routes().split_for_parts();
    let document = assemble(prefix, described, own_described, limits);
    routes.merge(own.with_state(written(&document)))
}

fn assemble(prefix: &str, mut described: OpenApi, own: OpenApi, limits: &Limits) -> OpenApi {
    described.merge(own);
    let mut document = OpenApi::default().nest(prefix, described);
    document.merge(HealthDocument::openapi());
    complete::complete(document, limits)
}

fn own_routes() -> OpenApiRouter<page::DocumentText> {
    OpenApiRouter::new()
        .routes(routes!(page::openapi))
        .routes(routes!(page::page))
        .routes(routes!(page::part))
}

fn written(document: &OpenApi) -> page::DocumentText {
    let json = serde_json::to_vec(document).expect("texts and numbers under names");
    page::DocumentText(json.into())
}
