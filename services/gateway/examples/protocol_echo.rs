//! An echo over the gateway's own transports, for the protocols' conformance suites: `localhost:3000`.
//!
//! `/engine.io/` speaks bare Engine.IO, `/socket.io/` speaks Socket.IO in `/` and `/custom`, `/echo` plain WebSocket.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use bytes::Bytes;
use messaging_gateway::application::{Application, ClientEvent, Credentials, OpenRequest};
use messaging_gateway::connection::{
    Class, CloseReason, Connection, EventFrame, Link, LinkLimits, SocketMetrics, binary_frame,
    text_frame,
};
use messaging_gateway::session::Sockets;
use messaging_gateway::transport::websocket::{self, WebSocketSettings};
use messaging_gateway::transport::{
    EngineServer, Message, Protocol, Receiver, TransportConfig, engine_router, router,
};
use messaging_lifecycle::{Tasks, stop_signal};
use messaging_web::{BoundServer, ServerConfig};
use messaging_wire::Fault;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ADDRESSES: [&str; 2] = ["127.0.0.1:3000", "[::1]:3000"];

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let stop = stop_signal()?;
    let tasks = Tasks::new();
    let metrics = Arc::new(SocketMetrics::register(&prometheus::Registry::new())?);
    let app = echo_router(&tasks, &metrics);
    for address in ADDRESSES {
        let config = ServerConfig {
            bind_address: address.parse()?,
            connections_per_address_max: 0,
            connections_max: 0,
        };
        BoundServer::bind(config)?.serve(app.clone(), &tasks, tasks.stopping().clone());
    }
    stop.await;
    Ok(tasks
        .stop(Duration::from_secs(5))
        .await
        .map_err(|left| format!("{left:?}"))?)
}

fn echo_router(tasks: &Tasks, metrics: &Arc<SocketMetrics>) -> Router {
    let config = TransportConfig {
        ping_interval: Duration::from_millis(300),
        ping_timeout: Duration::from_millis(200),
        frame_bytes_max: 1_000_000,
        outbox_bytes_max: 4_000_000,
        connect_timeout: Duration::from_secs(1),
        namespaces: vec!["/".to_owned(), "/custom".to_owned()],
        ..TransportConfig::default()
    };
    let sockets = Sockets::new();
    let bare = EngineServer::new(
        BareEngine,
        config.clone(),
        tasks.clone(),
        Arc::clone(metrics),
        sockets.clone(),
        None,
    );
    router(
        Arc::new(Events {
            tasks: tasks.clone(),
        }),
        config,
        tasks.clone(),
        Arc::clone(metrics),
        sockets,
        None,
    )
    .merge(engine_router("/engine.io", &bare))
    .route("/echo", websocket_echo(tasks.clone(), Arc::clone(metrics)))
}

/// The events of the Socket.IO suite.
struct Events {
    tasks: Tasks,
}

impl Application for Events {
    type Session = Arc<Connection>;

    async fn open(
        &self,
        connection: &Arc<Connection>,
        request: OpenRequest,
    ) -> Result<Arc<Arc<Connection>>, Fault> {
        let auth = request.auth.as_deref().map_or("{}", |auth| auth.get());
        let event = EventFrame::new("auth", auth);
        let greeted = Arc::clone(connection);
        self.tasks.spawn("greeting", async move {
            // The suite begins to wait for this event after it has seen the CONNECT answer, and its client
            // drops a message that comes within the same read.
            tokio::time::sleep(Duration::from_millis(10)).await;
            greeted.send(&event, Class::Durable);
        });
        Ok(Arc::new(Arc::clone(connection)))
    }

    async fn event(&self, connection: &Arc<Arc<Connection>>, event: ClientEvent) {
        let args: Vec<_> = event.args.iter().map(|arg| arg.get()).collect();
        let args = args.join(",");
        match (&*event.name, event.ack) {
            ("message", _) => {
                let frame = EventFrame::with_attachments("message-back", args, event.attachments);
                connection.send(&frame, Class::Durable);
            }
            ("message-with-ack", Some(id)) => {
                connection.acknowledge_with(&id, &args, &event.attachments)
            }
            _ => {}
        }
    }

    async fn closed(&self, _connection: Arc<Arc<Connection>>, _reason: CloseReason) {}
}

/// Sends back every message of an Engine.IO session.
struct BareEngine;

impl Protocol for BareEngine {
    type Receiver = EngineEcho;

    fn begin(&self, link: &Arc<Link>, _credentials: Credentials) -> Arc<EngineEcho> {
        Arc::new(EngineEcho(Arc::clone(link)))
    }
}

struct EngineEcho(Arc<Link>);

impl Receiver for EngineEcho {
    async fn receive(self: &Arc<Self>, message: Message) -> Result<(), CloseReason> {
        let frame = match message {
            Message::Text(text) => text_frame(&[b"4", &*text].concat()),
            Message::Binary(bytes) => binary_frame(&bytes),
        };
        echo(&self.0, frame).await
    }

    fn ended(self: &Arc<Self>, _reason: CloseReason) {}
}

/// Sends back every message of a WebSocket.
struct WebSocketEcho(Arc<Link>);

impl Receiver for WebSocketEcho {
    async fn receive(self: &Arc<Self>, message: Message) -> Result<(), CloseReason> {
        let frame = match message {
            Message::Text(text) => text_frame(&text),
            Message::Binary(bytes) => binary_frame(&bytes),
        };
        echo(&self.0, frame).await
    }

    fn ended(self: &Arc<Self>, _reason: CloseReason) {}
}

async fn echo(link: &Link, frame: Bytes) -> Result<(), CloseReason> {
    link.wait_for_room().await;
    link.push(frame, Class::Durable);
    Ok(())
}

fn websocket_echo(tasks: Tasks, metrics: Arc<SocketMetrics>) -> axum::routing::MethodRouter {
    const MESSAGE_BYTES_MAX: usize = 16 * 1024 * 1024;
    let config = TransportConfig {
        frame_bytes_max: MESSAGE_BYTES_MAX,
        ..TransportConfig::default()
    };
    any(move |mut request: Request| async move {
        let (response, upgrading) = match websocket::accept(&mut request, None) {
            Ok(accepted) => accepted,
            Err(refusal) => return refusal.into_response(),
        };
        let limits = LinkLimits {
            outbox_bytes_max: 2 * MESSAGE_BYTES_MAX,
        };
        let link = Link::new(limits, metrics);
        let receiver = Arc::new(WebSocketEcho(Arc::clone(&link)));
        tasks.spawn(
            "websocket echo",
            websocket::serve(upgrading, link, receiver, WebSocketSettings::plain(&config)),
        );
        Response::into_response(response)
    })
}
