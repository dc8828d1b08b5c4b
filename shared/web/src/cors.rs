use std::convert::Infallible;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use messaging_settings::Settings;
use messaging_wire::{ErrorCode, Fault};
use tower_http::cors::{AllowOrigin, CorsLayer, ExposeHeaders};

use crate::Problem;

/// How long a browser may remember the answer to a preflight.
const PREFLIGHT_AGE_MAX: Duration = Duration::from_secs(3_600);

/// The origins whose pages may use the service: `CORS_ORIGINS`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CorsOrigins {
    /// `*`: every one.
    Any,
    /// These.
    Listed(Arc<[HeaderValue]>),
}

impl FromStr for CorsOrigins {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const ERROR: &str =
            "must be * or a comma-separated list of origins such as https://app.example.com";
        let origins: Vec<&str> = text
            .split(',')
            .map(str::trim)
            .filter(|origin| !origin.is_empty())
            .collect();
        if origins.contains(&"*") {
            return Ok(Self::Any);
        }
        let parsed: Option<Arc<[HeaderValue]>> =
            origins.iter().map(|origin| parse_origin(origin)).collect();
        parsed
            .filter(|origins| !origins.is_empty())
            .map(Self::Listed)
            .ok_or(ERROR)
    }
}

impl CorsOrigins {
    /// Reads `CORS_ORIGINS`, default `http://localhost:3000`; warns of `*`.
    pub fn read(settings: &mut Settings) -> Self {
        let default = Self::Listed(Arc::new([HeaderValue::from_static(
            "http://localhost:3000",
        )]));
        let origins = settings.or("CORS_ORIGINS", default);
        if origins == Self::Any {
            settings.warning(
                "CORS_ORIGINS",
                "is *: pages of every origin may use the service",
            );
        }
        origins
    }

    /// Whether pages of an origin may use the service.
    pub fn allow(&self, origin: &HeaderValue) -> bool {
        match self {
            Self::Any => true,
            Self::Listed(origins) => origins.contains(origin),
        }
    }

    /// The layer that answers preflights and marks answers for browsers.
    pub fn layer(&self) -> CorsLayer {
        let allowed = match self {
            Self::Any => AllowOrigin::any(),
            Self::Listed(origins) => AllowOrigin::list(origins.iter().cloned()),
        };
        CorsLayer::new()
            .allow_origin(allowed)
            .allow_methods([
                Method::GET,
                Method::POST,
                Method::PUT,
                Method::PATCH,
                Method::DELETE,
                Method::HEAD,
            ])
            .allow_headers([
                header::AUTHORIZATION,
                header::CONTENT_TYPE,
                header::RANGE,
                HeaderName::from_static("traceparent"),
            ])
            .expose_headers(ExposeHeaders::list([
                header::RETRY_AFTER,
                header::CONTENT_RANGE,
                header::ACCEPT_RANGES,
                header::CONTENT_DISPOSITION,
            ]))
            .max_age(PREFLIGHT_AGE_MAX)
    }
}

/// Middleware for sockets, which browsers open without a preflight: refuses a page of a foreign origin.
///
/// A request without `Origin` comes from no page and is let through.
///
/// # Errors
/// Never; what is refused is answered.
pub async fn refuse_foreign_origins(
    State(origins): State<CorsOrigins>,
    request: Request,
    next: Next,
) -> Result<Response, Infallible> {
    match request.headers().get(header::ORIGIN) {
        Some(origin) if !origins.allow(origin) => {
            let fault = Fault::new(ErrorCode::Forbidden, "pages of this origin may not connect");
            Ok(Problem::from(fault).into_response())
        }
        _ => Ok(next.run(request).await),
    }
}

fn parse_origin(text: &str) -> Option<HeaderValue> {
    let (scheme, authority) = text.split_once("://")?;
    let is_origin = matches!(scheme, "http" | "https")
        && !authority.is_empty()
        && !authority.contains(['/', '?', '#', '@']);
    is_origin
        .then(|| HeaderValue::from_str(text).ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_a_list_or_all() {
        assert_eq!("*".parse(), Ok(CorsOrigins::Any));
        let listed: CorsOrigins = "https://a.example, http://localhost:3000"
            .parse()
            .expect("valid");
        assert!(listed.allow(&HeaderValue::from_static("https://a.example")));
        assert!(!listed.allow(&HeaderValue::from_static("https://a.example.evil")));
        for bad in [
            "",
            "a.example",
            "https://a.example/",
            "ftp://a.example",
            "null",
        ] {
            assert!(bad.parse::<CorsOrigins>().is_err(), "{bad:?}");
        }
    }
}
