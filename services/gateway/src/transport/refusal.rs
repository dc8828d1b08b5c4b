use axum::Json;
use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use messaging_wire::{ErrorCode, Fault};
use serde_json::json;

/// A request that is not one of Engine.IO 4: always status 400.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BadRequest {
    UnknownTransport,
    UnknownSession,
    HandshakeMethod,
    Malformed,
    UnsupportedVersion,
}

impl BadRequest {
    const fn code(self) -> (u8, &'static str) {
        match self {
            Self::UnknownTransport => (0, "Transport unknown"),
            Self::UnknownSession => (1, "Session ID unknown"),
            Self::HandshakeMethod => (2, "Bad handshake method"),
            Self::Malformed => (3, "Bad request"),
            Self::UnsupportedVersion => (5, "Unsupported protocol version"),
        }
    }
}

impl IntoResponse for BadRequest {
    fn into_response(self) -> Response {
        let (code, message) = self.code();
        (
            StatusCode::BAD_REQUEST,
            Json(json!({ "code": code, "message": message })),
        )
            .into_response()
    }
}

/// Seconds after which a client may try again.
const RETRY_AFTER_SECONDS: u64 = 2;

/// A fault as a problem document.
pub(crate) fn fault_response(fault: &Fault) -> Response {
    let status =
        StatusCode::from_u16(fault.code.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let problem = json!({
        "type": "about:blank",
        "title": fault.code.title(),
        "status": status.as_u16(),
        "detail": fault.message,
        "code": fault.code,
    });
    let mut response = Response::new(Body::from(problem.to_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/problem+json"),
    );
    match fault.code {
        ErrorCode::Unavailable | ErrorCode::RateLimited | ErrorCode::LimitReached => {
            headers.insert(RETRY_AFTER, HeaderValue::from(RETRY_AFTER_SECONDS));
        }
        ErrorCode::Unauthorized => {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        ErrorCode::UpgradeRequired => {
            headers.insert("upgrade", HeaderValue::from_static("websocket"));
            headers.insert("sec-websocket-version", HeaderValue::from_static("13"));
        }
        _ => {}
    }
    response
}
