use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use messaging_gateway::application::{Application, ClientEvent, OpenRequest};
use messaging_gateway::connection::{Class, CloseReason, Connection, EventFrame, SocketMetrics};
use messaging_gateway::session::Sockets;
use messaging_gateway::transport::{Peers, TransportConfig, router};
use messaging_lifecycle::Tasks;
use messaging_web::{BoundServer, ServerConfig};
use messaging_wire::{ErrorCode, Fault};
use parking_lot::Mutex;
use prometheus::Registry;
use serde_json::value::RawValue;
use tokio::sync::Semaphore;

/// A server on a free port of its own.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) app: Arc<App>,
    pub(crate) tasks: Tasks,
    pub(crate) sockets: Sockets,
    pub(crate) registry: Registry,
}

/// Small limits, and times that no test waits for unless it asks for it.
pub(crate) fn config() -> TransportConfig {
    TransportConfig {
        frame_bytes_max: 10_000,
        outbox_bytes_max: 50_000,
        ..TransportConfig::default()
    }
}

/// A heartbeat that a test can wait for, and that a peer of it keeps even on a machine that is very busy.
pub(crate) fn config_with_heartbeat() -> TransportConfig {
    TransportConfig {
        ping_interval: Duration::from_millis(300),
        ping_timeout: Duration::from_secs(1),
        ..config()
    }
}

impl Server {
    pub(crate) async fn start(config: TransportConfig) -> Self {
        Self::start_among(config, None).await
    }

    /// One of several that share their sessions.
    pub(crate) async fn start_among(config: TransportConfig, peers: Option<Peers>) -> Self {
        let (server, routes) = Self::build(config, peers);
        let bound = BoundServer::bind(ServerConfig {
            bind_address: SocketAddr::from(([127, 0, 0, 1], 0)),
            connections_per_address_max: 0,
            connections_max: 0,
        });
        let bound = bound.expect("a free port");
        let address = bound.address();
        bound.serve(routes, &server.tasks, server.tasks.stopping().clone());
        Self { address, ..server }
    }

    /// Behind another HTTP server, whose streams are not bare TCP: as it is with TLS.
    pub(crate) async fn start_wrapped(config: TransportConfig) -> Self {
        let (server, routes) = Self::build(config, None);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let stopping = server.tasks.stopping().clone().cancelled_owned();
        server.tasks.spawn("listener", async move {
            tokio::select! {
                () = stopping => {}
                result = async { axum::serve(listener, routes).await } => result.expect("serving"),
            }
        });
        Self { address, ..server }
    }

    fn build(config: TransportConfig, peers: Option<Peers>) -> (Self, Router) {
        let (tasks, sockets, registry) = (Tasks::new(), Sockets::new(), Registry::new());
        let metrics = Arc::new(SocketMetrics::register(&registry).expect("registered once"));
        let app = Arc::new(App {
            log: Mutex::default(),
            gate: Semaphore::new(0),
            deciding: AtomicUsize::new(0),
            prepared: Mutex::default(),
            gated_step: Mutex::default(),
            failing_step: Mutex::default(),
        });
        let routes = router(
            Arc::clone(&app),
            config,
            tasks.clone(),
            metrics,
            sockets.clone(),
            peers,
        );
        let server = Self {
            address: SocketAddr::from(([0, 0, 0, 0], 0)),
            app,
            tasks,
            sockets,
            registry,
        };
        (server, routes)
    }

    /// Waits until so many polls are open.
    pub(crate) async fn polled(&self, polls: f64) {
        eventually("the poll is open", || {
            self.metric("fh_gateway_open_polls") == polls
        })
        .await;
    }

    /// A counter or gauge by the value of one of its labels.
    pub(crate) fn labelled(&self, name: &str, value: &str) -> f64 {
        let families = self.registry.gather();
        let family = families.iter().filter(|family| family.name() == name);
        let has = |metric: &&prometheus::proto::Metric| {
            let mut labels = metric.get_label().iter();
            labels.any(|label| label.value() == value)
        };
        family
            .flat_map(|family| family.get_metric())
            .filter(has)
            .map(|metric| metric.get_counter().get_value() + metric.get_gauge().get_value())
            .sum()
    }

    /// The sum of a counter over its labels, or a gauge.
    pub(crate) fn metric(&self, name: &str) -> f64 {
        let families = self.registry.gather();
        let family = families.iter().filter(|family| family.name() == name);
        family
            .flat_map(|family| family.get_metric())
            .map(|metric| metric.get_counter().get_value() + metric.get_gauge().get_value())
            .sum()
    }
}

/// Writes down what it is asked.
pub(crate) struct App {
    log: Mutex<Vec<String>>,
    /// Lets events named `gated` go on, one for each permit.
    pub(crate) gate: Semaphore,
    /// Connections that have come to the gate.
    pub(crate) deciding: AtomicUsize,
    /// Connections that were announced by another server.
    pub(crate) prepared: Mutex<Vec<Arc<Connection>>>,
    /// The step of a move that waits for a permit of the gate.
    pub(crate) gated_step: Mutex<&'static str>,
    /// The step of a move that fails.
    pub(crate) failing_step: Mutex<&'static str>,
}

impl App {
    pub(crate) fn log(&self) -> Vec<String> {
        self.log.lock().clone()
    }

    pub(crate) fn count(&self, prefix: &str) -> usize {
        self.log
            .lock()
            .iter()
            .filter(|line| line.starts_with(prefix))
            .count()
    }

    fn note(&self, line: String) {
        self.log.lock().push(line);
    }

    /// A step of a move; false if it is to fail.
    async fn step(&self, step: &'static str) -> bool {
        self.note(step.to_owned());
        let is_gated = *self.gated_step.lock() == step;
        if is_gated {
            self.gate.acquire().await.expect("never closed").forget();
        }
        *self.failing_step.lock() != step
    }
}

impl Application for App {
    type Session = Arc<Connection>;

    async fn open(
        &self,
        connection: &Arc<Connection>,
        request: OpenRequest,
    ) -> Result<Arc<Arc<Connection>>, Fault> {
        let auth = request.auth.map(|auth| auth.get().to_owned());
        let tokens = [
            request.credentials.authorization,
            request.credentials.subprotocol_token,
            request.credentials.query_token,
        ];
        let token = auth
            .or_else(|| tokens.into_iter().flatten().next())
            .unwrap_or_default();
        connection.send(&EventFrame::new("connected", "{}"), Class::Durable);
        if token.contains("eager") {
            let filler = format!("\"{}\"", "x".repeat(30_000));
            connection.send(&EventFrame::new("filler", filler), Class::Durable);
            connection.wait_for_room().await;
        }
        if token.contains("gated") {
            self.deciding.fetch_add(1, Ordering::Relaxed);
            let _passed = self.gate.acquire().await.expect("never closed");
        }
        if token.contains("bad") {
            return Err(Fault::new(
                ErrorCode::Unauthorized,
                "the token is not valid",
            ));
        }
        if token.contains("many") {
            return Err(Fault::new(ErrorCode::LimitReached, "too many connections"));
        }
        self.note(format!("open {token}"));
        Ok(Arc::new(Arc::clone(connection)))
    }

    async fn event(&self, connection: &Arc<Arc<Connection>>, event: ClientEvent) {
        let args: Vec<_> = event.args.iter().map(|arg| arg.get()).collect();
        let args = args.join(",");
        match &*event.name {
            "gated" => self.gate.acquire().await.expect("never closed").forget(),
            "panic" => panic!("on purpose"),
            "flood" => {
                for _ in 0..1_000 {
                    connection.send(
                        &EventFrame::new("flood", format!("\"{}\"", "x".repeat(8_000))),
                        Class::Durable,
                    );
                }
            }
            "drizzle" => {
                for _ in 0..100_000 {
                    connection.send(
                        &EventFrame::new("drizzle", "\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\""),
                        Class::Droppable,
                    );
                }
            }
            _ => {}
        }
        self.note(format!("{} {args}", event.name));
        if let Some(id) = event.ack {
            connection.acknowledge_with(&id, &args, &event.attachments);
        }
    }

    async fn closed(&self, _connection: Arc<Arc<Connection>>, reason: CloseReason) {
        self.note(format!("closed {}", reason.as_str()));
    }

    const MOVES: bool = true;

    async fn describe(&self, _connection: &Arc<Arc<Connection>>) -> Option<Box<RawValue>> {
        let described = RawValue::from_string(r#"{"user":"u-1"}"#.to_owned()).expect("JSON");
        self.step("describe").await.then_some(described)
    }

    async fn hand_over(&self, connection: Arc<Arc<Connection>>) -> Option<Box<RawValue>> {
        connection.send(&EventFrame::new("last", "1"), Class::Durable);
        let goes_on = self.step("hand_over").await;
        let length = match *self.failing_step.lock() {
            "large" => 2 << 20,
            _ => 10,
        };
        let state = format!("\"{}\"", "s".repeat(length));
        goes_on.then_some(RawValue::from_string(state).expect("JSON"))
    }

    async fn prepare(
        &self,
        connection: &Arc<Connection>,
        described: &RawValue,
    ) -> Result<Arc<Arc<Connection>>, Fault> {
        assert_eq!(described.get(), r#"{"user":"u-1"}"#);
        self.prepared.lock().push(Arc::clone(connection));
        if !self.step("prepare").await {
            return Err(Fault::unavailable());
        }
        Ok(Arc::new(Arc::clone(connection)))
    }

    async fn take_over(
        &self,
        connection: &Arc<Arc<Connection>>,
        state: &RawValue,
    ) -> Result<(), Fault> {
        assert_eq!(state.get(), r#""ssssssssss""#);
        connection.send(&EventFrame::new("resumed", "1"), Class::Durable);
        if !self.step("take_over").await {
            return Err(Fault::unavailable());
        }
        Ok(())
    }
}

/// Waits until something holds, for five seconds at most.
pub(crate) async fn eventually(what: &str, condition: impl Fn() -> bool) {
    let held = tokio::time::timeout(Duration::from_secs(5), async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    });
    held.await.unwrap_or_else(|_| panic!("never so: {what}"));
}
