use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::routing::any;
use messaging_lifecycle::Tasks;

use super::plain::PlainServer;
use super::{EngineServer, Peers, TransportConfig, engine_router};
use crate::application::Application;
use crate::connection::{CloseReason, Host, InboxLimits, SocketMetrics};
use crate::dialect::SocketIo;
use crate::session::Sockets;

/// The most events of one client that wait for the application.
const INBOX_EVENTS_MAX: usize = 64;

/// Everything that an application serves to sockets: `/socket.io/` and `/ws`.
///
/// When the tasks are asked to end, all connections are closed and no new ones let in. With peers, each request of a
/// Socket.IO session may reach any of them.
pub fn router<A: Application>(
    app: Arc<A>,
    config: TransportConfig,
    tasks: Tasks,
    metrics: Arc<SocketMetrics>,
    sockets: Sockets,
    peers: Option<Peers>,
) -> Router {
    let inbox = InboxLimits {
        events_max: INBOX_EVENTS_MAX,
        bytes_max: 2 * config.frame_bytes_max,
    };
    metrics.set_links_max(config.connections_max);
    let host = Arc::new(Host {
        app,
        tasks: tasks.clone(),
        sockets: sockets.clone(),
        inbox,
    });
    let protocol = SocketIo::new(Arc::clone(&host), &config);
    let engine = EngineServer::new(
        protocol,
        config.clone(),
        tasks.clone(),
        Arc::clone(&metrics),
        sockets.clone(),
        peers,
    );
    let stopping = tasks.stopping().clone();
    tasks.spawn("connection closer", async move {
        stopping.cancelled().await;
        sockets.refuse_new();
        for connection in sockets.connections() {
            connection.close(CloseReason::Draining);
        }
    });
    let plain = Arc::new(PlainServer {
        host,
        config,
        metrics,
    });
    let serve_plain = move |request: Request| async move { plain.handle(request).await };
    engine_router("/socket.io", &engine).route("/ws", any(serve_plain))
}
