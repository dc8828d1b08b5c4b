use axum::extract::{MatchedPath, Request, State};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use messaging_telemetry::LATENCY_SECONDS_BUCKETS;
use prometheus::{HistogramOpts, HistogramVec, Registry};
use tokio::time::Instant;

/// How REST calls went and how long they took.
#[derive(Clone)]
pub(crate) struct HttpMetrics {
    seconds: HistogramVec,
}

impl HttpMetrics {
    /// # Errors
    /// When they are registered already.
    pub(crate) fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let options = HistogramOpts::new(
            "fh_api_request_seconds",
            "Time to the head of the answer of a REST call, by method, route and outcome: refused is the caller's fault, failed is ours.",
        )
        .buckets(LATENCY_SECONDS_BUCKETS.to_vec());
        let seconds = HistogramVec::new(options, &["method", "route", "outcome"])?;
        registry.register(Box::new(seconds.clone()))?;
        Ok(Self { seconds })
    }
}

/// Middleware of routes: measures each call.
pub(super) async fn measure(
    State(metrics): State<HttpMetrics>,
    request: Request,
    next: Next,
) -> Response {
    let began = Instant::now();
    let method = method_label(request.method());
    let route = request.extensions().get::<MatchedPath>().cloned();
    let answer = next.run(request).await;
    let route = route.as_ref().map_or("", MatchedPath::as_str);
    metrics
        .seconds
        .with_label_values(&[method, route, outcome_of(answer.status())])
        .observe(began.elapsed().as_secs_f64());
    answer
}

/// The label of a method: a route is asked by whatever a caller makes up.
fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "get",
        Method::POST => "post",
        Method::PUT => "put",
        Method::PATCH => "patch",
        Method::DELETE => "delete",
        _ => "other",
    }
}

fn outcome_of(status: StatusCode) -> &'static str {
    if status.is_server_error() {
        "failed"
    } else if status.is_client_error() {
        "refused"
    } else {
        "ok"
    }
}
