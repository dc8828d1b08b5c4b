use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::Response;
use messaging_telemetry::trace_span;
use tracing::Instrument;

/// Middleware of routes: a trace for each request. One that the caller has begun is not gone on with: who traces what is decided here.
pub(super) async fn trace(request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>();
    let route = route.map_or("", MatchedPath::as_str);
    let span = trace_span!(
        "http_request",
        otel.kind = "server",
        http.request.method = request.method().as_str(),
        http.route = route,
        http.response.status_code = tracing::field::Empty,
    );
    let answer = next.run(request).instrument(span.clone()).await;
    span.record("http.response.status_code", answer.status().as_u16());
    answer
}
