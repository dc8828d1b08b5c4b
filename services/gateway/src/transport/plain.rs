//! The path of the plain dialect: decided over before the upgrade.

use std::sync::Arc;

use axum::extract::Request;
use axum::response::Response;
use messaging_wire::{ErrorCode, Fault};
use tokio::sync::oneshot;

use super::TransportConfig;
use super::refusal::fault_response;
use super::request::{BEARER, credentials};
use super::websocket::{self, WebSocketSettings};
use crate::application::{Application, OpenRequest};
use crate::connection::{
    Carrier, CloseReason, Connection, Dialect, Host, Link, SocketMetrics, Worker, answer_to,
};
use crate::dialect::Plain;
use crate::session::random_id;

/// What `/ws` needs.
pub(super) struct PlainServer<A> {
    pub(super) host: Arc<Host<A>>,
    pub(super) config: TransportConfig,
    pub(super) metrics: Arc<SocketMetrics>,
}

impl<A: Application> PlainServer<A> {
    pub(super) async fn handle(self: Arc<Self>, mut request: Request) -> Response {
        if !websocket::is_upgrade(&request) {
            let fault = Fault::new(
                ErrorCode::UpgradeRequired,
                "this path speaks WebSocket only",
            );
            return fault_response(fault);
        }
        let is_full = self.metrics.is_full(self.config.connections_max);
        if is_full || self.host.sockets.refuses_new() {
            return fault_response(Fault::unavailable());
        }
        let credentials = credentials(request.uri(), request.headers());
        let subprotocol = credentials.subprotocol_token.as_ref().map(|_| BEARER);
        let (response, upgrading) = match websocket::accept(&mut request, subprotocol) {
            Ok(accepted) => accepted,
            Err(_) => {
                return fault_response(Fault::new(
                    ErrorCode::ValidationFailed,
                    "not a WebSocket handshake",
                ));
            }
        };
        let link = Link::new(self.config.link_limits(), Arc::clone(&self.metrics));
        link.carried_by(Carrier::Plain);
        let connection = Connection::undecided(random_id(), Dialect::Plain, Arc::clone(&link));
        let request = OpenRequest {
            dialect: Dialect::Plain,
            auth: None,
            credentials,
        };
        let (decide, decision) = oneshot::channel();
        let worker = Worker::open(
            Arc::clone(&self.host),
            connection,
            request,
            answer_to(decide),
        );
        // Should the client go before the decision, the application still hears of the end.
        let undecided = Undecided(Some(worker));
        match decision.await {
            Ok(Ok(())) => {}
            Ok(Err(fault)) => return fault_response(fault),
            Err(_) => return fault_response(Fault::internal()),
        }
        let Some(worker) = undecided.decided() else {
            return fault_response(Fault::internal());
        };
        let receiver = Arc::new(Plain::new(worker));
        let settings = WebSocketSettings::plain(&self.config);
        self.host.tasks.spawn(
            "websocket",
            websocket::serve(upgrading, link, receiver, settings),
        );
        response
    }
}

struct Undecided<A: Application>(Option<Arc<Worker<A>>>);

impl<A: Application> Undecided<A> {
    fn decided(mut self) -> Option<Arc<Worker<A>>> {
        self.0.take()
    }
}

impl<A: Application> Drop for Undecided<A> {
    fn drop(&mut self) {
        if let Some(worker) = self.0.take() {
            worker.connection().close(CloseReason::TransportAborted);
            worker.end(CloseReason::TransportAborted);
        }
    }
}
