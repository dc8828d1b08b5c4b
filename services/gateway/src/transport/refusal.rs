use axum::Json;
use axum::http::header::{SEC_WEBSOCKET_VERSION, UPGRADE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use messaging_web::Problem;
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

/// A fault as a problem document.
pub(crate) fn fault_response(fault: Fault) -> Response {
    let wants_upgrade = fault.code == ErrorCode::UpgradeRequired;
    let mut response = Problem::from(fault).into_response();
    if wants_upgrade {
        let headers = response.headers_mut();
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    }
    response
}
