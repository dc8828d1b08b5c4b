use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{
    CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use fastwebsockets::upgrade::{UpgradeFut, is_upgrade_request, upgrade};
use hyper_util::rt::TokioIo;
use messaging_web::PacedStream;
use thiserror::Error;

use super::stream::{Sink, Source, split};

/// A request that does not ask for a WebSocket of RFC 6455.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not a WebSocket handshake")]
pub struct NotAnUpgrade;

impl IntoResponse for NotAnUpgrade {
    fn into_response(self) -> Response {
        (
            StatusCode::BAD_REQUEST,
            [(SEC_WEBSOCKET_VERSION, "13")],
            "a WebSocket handshake of version 13 is required",
        )
            .into_response()
    }
}

/// A connection that becomes a WebSocket once the response has left.
pub struct Upgrading(UpgradeFut);

/// Whether a request asks for a WebSocket.
pub(crate) fn is_upgrade(request: &Request) -> bool {
    request.method() == Method::GET && is_upgrade_request(request)
}

/// The response that makes a request's connection a WebSocket, with the subprotocol that was chosen.
///
/// # Errors
/// [`NotAnUpgrade`].
pub fn accept(
    request: &mut Request,
    subprotocol: Option<&'static str>,
) -> Result<(Response, Upgrading), NotAnUpgrade> {
    if !is_upgrade(request) || !key_is_valid(request) {
        return Err(NotAnUpgrade);
    }
    let (answer, upgrading) = upgrade(request).map_err(|_| NotAnUpgrade)?;
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    for name in [CONNECTION, UPGRADE, SEC_WEBSOCKET_ACCEPT] {
        if let Some(value) = answer.headers().get(&name) {
            response.headers_mut().insert(name, value.clone());
        }
    }
    if let Some(subprotocol) = subprotocol {
        response.headers_mut().insert(
            SEC_WEBSOCKET_PROTOCOL,
            HeaderValue::from_static(subprotocol),
        );
    }
    Ok((response, Upgrading(upgrading)))
}

/// A key is the base64 of 16 bytes.
fn key_is_valid(request: &Request) -> bool {
    let key = request
        .headers()
        .get("sec-websocket-key")
        .map(HeaderValue::as_bytes);
    key.is_some_and(|key| key.len() == 24 && key.ends_with(b"=="))
}

impl Upgrading {
    /// Waits for the response to leave; `None` if the connection broke before.
    pub(super) async fn finish(self) -> Option<(Source, Sink)> {
        let upgraded = self.0.await.ok()?.into_inner().into_inner();
        Some(
            match upgraded.downcast::<TokioIo<PacedStream<tokio::net::TcpStream>>>() {
                Ok(parts) => Source::tcp(parts.io.into_inner().into_inner(), parts.read_buf),
                Err(upgraded) => split(TokioIo::new(upgraded)),
            },
        )
    }
}
