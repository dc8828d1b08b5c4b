//! A gateway of a simulation: the code of a real one from HTTP down to the network, around an application of its own.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use messaging_bus::Route;
use messaging_bus::presence::Instance;
use messaging_lifecycle::Tasks;
use prometheus::Registry;
use tokio::io::{DuplexStream, duplex};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::application::{App, SharedApp};
use super::world::World;
use crate::connection::{CloseReason, Host, InboxLimits, SocketMetrics};
use crate::dialect::SocketIo;
use crate::peers::Peers;
use crate::recovery::{Records, Recovery};
use crate::session::Sockets;
use crate::transport::{EngineServer, TransportConfig, engine_router};

/// How long a client may be away and still go on where it was.
const RECOVERY_WINDOW: Duration = Duration::from_secs(120);

/// What a stream between a client and a gateway holds.
const STREAM_BYTES: usize = 64 * 1024;

pub(super) struct Gateway {
    number: usize,
    world: Arc<World>,
    app: Arc<App>,
    engine: Arc<EngineServer<SocketIo<SharedApp>>>,
    router: Router,
    sockets: Sockets,
    tasks: Tasks,
    died: CancellationToken,
    _revivals: watch::Sender<u64>,
}

impl Gateway {
    pub(super) async fn start(
        number: usize,
        world: &Arc<World>,
        metrics: &Arc<SocketMetrics>,
    ) -> Self {
        let instance: Instance = format!("gateway-{number}").parse().expect("a name");
        let (tasks, sockets, route) = (Tasks::new(), Sockets::new(), Route::of(&instance));
        let port = world.network.join(route);
        let peers = Peers::simulated(port.clone(), route);
        let recovery = Recovery::start(
            &peers,
            Records::Simulated(port),
            &instance,
            RECOVERY_WINDOW,
            &Registry::new(),
            &tasks,
        );
        let recovery = recovery.expect("an empty registry");
        let (revivals, revived) = watch::channel(0);
        recovery.serve(revived).await.expect("it is never refused");
        let app = App::new(number, world, recovery, &tasks);
        world.add(&app);
        let config = TransportConfig::default();
        let host = Host {
            app: Arc::new(SharedApp(Arc::clone(&app))),
            tasks: tasks.clone(),
            sockets: sockets.clone(),
            inbox: InboxLimits {
                events_max: 8,
                bytes_max: 64 * 1024,
            },
        };
        let engine = EngineServer::new(
            SocketIo::new(Arc::new(host), &config),
            config,
            tasks.clone(),
            Arc::clone(metrics),
            sockets.clone(),
            Some(peers),
        );
        Self {
            number,
            world: Arc::clone(world),
            app,
            router: engine_router("/socket.io", &engine),
            engine,
            sockets,
            died: world.network.died(number),
            tasks,
            _revivals: revivals,
        }
    }

    pub(super) const fn number(&self) -> usize {
        self.number
    }

    /// Serves a request; `None` if the gateway dies over it.
    pub(super) async fn serve(
        &self,
        method: &str,
        path: &str,
        body: String,
    ) -> Option<(u16, Bytes)> {
        let request = Request::builder().method(method).uri(path);
        let request = request.body(Body::from(body)).expect("a request");
        let answer = async {
            let Ok(response) = self.router.clone().oneshot(request).await;
            let status = response.status().as_u16();
            let body = response.into_body().collect().await.ok()?;
            Some((status, body.to_bytes()))
        };
        tokio::select! {
            biased;
            () = self.died.cancelled() => None,
            answer = answer => answer,
        }
    }

    /// A stream over which HTTP is spoken.
    pub(super) fn connect(&self) -> DuplexStream {
        let (near, far) = duplex(STREAM_BYTES);
        let service = TowerToHyperService::new(self.router.clone());
        let served = http1::Builder::new()
            .serve_connection(TokioIo::new(far), service)
            .with_upgrades();
        self.tasks.spawn("http", async move {
            let _broken = served.await;
        });
        near
    }

    /// Returns when it dies, which its clients notice.
    pub(super) async fn died(&self) {
        self.died.cancelled().await;
    }

    /// Asks it to stop, as a signal does.
    pub(super) fn drain(&self) {
        self.world.tell(|| format!("gateway {} stops", self.number));
        self.sockets.refuse_new();
        for connection in self.sockets.connections() {
            connection.close(CloseReason::Draining);
        }
        self.tasks.stopping().cancel();
    }

    pub(super) fn takes_clients(&self) -> bool {
        !self.died.is_cancelled() && !self.tasks.stopping().is_cancelled()
    }

    /// What is left of sessions.
    pub(super) fn leftovers(&self) -> Vec<(&'static str, usize)> {
        let mut left = self.app.leftovers();
        left.extend(self.engine.leftovers());
        left.push(("connections", self.sockets.count()));
        left.retain(|(_, count)| *count > 0);
        left
    }

    /// Ends it; true if all of its tasks did.
    pub(super) async fn stop(&self, within: Duration) -> bool {
        self.tasks.stop(within).await.is_ok()
    }
}
