use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
#[cfg(test)]
use std::sync::atomic::Ordering;

use axum::Router;
use axum::extract::Request;
use axum::http::Method;
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use bytes::Bytes;
use messaging_bus::Route;
use messaging_lifecycle::Tasks;
use messaging_socketio::engine::PROBE;
use messaging_socketio::{EnginePacket, Handshake};
use messaging_wire::Fault;

use super::heartbeat::HeartbeatKind;
use super::polling::{self, Served};
use super::refusal::{BadRequest, fault_response};
use super::relay::{self, Admission, Arriving, Relay, Whose};
use super::request::{EngineQuery, TransportName, credentials};
use super::websocket::{self, WebSocketSettings, heartbeat_of};
use super::{Message, Peers, Protocol, Receiver, TransportConfig};
use crate::connection::{Carrier, Class, CloseReason, Link, SocketMetrics, Violation, text_frame};
use crate::session::{EngineSession, Probe, Sessions, Sockets, random_id};

/// A server of Engine.IO 4: its sessions and what is spoken over them.
pub struct EngineServer<P: Protocol> {
    pub(super) protocol: P,
    pub(super) config: TransportConfig,
    pub(super) tasks: Tasks,
    pub(super) sessions: Sessions<P::Receiver>,
    pub(super) polling_sessions: AtomicUsize,
    pub(super) metrics: Arc<SocketMetrics>,
    pub(super) sockets: Sockets,
    /// `None` if it is the only one.
    pub(super) relay: Option<Relay>,
}

/// The routes of an Engine.IO server: a path with and without its last slash.
pub fn engine_router<P: Protocol>(path: &str, server: &Arc<EngineServer<P>>) -> Router {
    let serve = |server: &Arc<EngineServer<P>>| {
        let server = Arc::clone(server);
        any(move |request: Request| async move { server.handle(request).await })
    };
    let path = path.trim_end_matches('/');
    Router::new()
        .route(path, serve(server))
        .route(&format!("{path}/"), serve(server))
}

impl<P: Protocol> EngineServer<P> {
    /// A server without a session. When the tasks are asked to end, all sessions are closed.
    ///
    /// With peers, requests of its sessions may reach any of them, and it takes those of theirs.
    pub fn new(
        protocol: P,
        config: TransportConfig,
        tasks: Tasks,
        metrics: Arc<SocketMetrics>,
        sockets: Sockets,
        peers: Option<Peers>,
    ) -> Arc<Self> {
        let server = Arc::new(Self {
            protocol,
            config,
            tasks,
            sessions: Sessions::new(),
            polling_sessions: AtomicUsize::new(0),
            metrics,
            sockets,
            relay: peers.map(Relay::new),
        });
        if server.relay.is_some() {
            relay::serve(&server);
        }
        let closer = Arc::clone(&server);
        server.tasks.spawn("session closer", async move {
            closer.tasks.stopping().cancelled().await;
            closer.sockets.refuse_new();
            closer.sessions.close_all(CloseReason::Draining);
        });
        server
    }

    /// What is left of sessions and of requests for others.
    #[cfg(test)]
    pub(crate) fn leftovers(&self) -> Vec<(&'static str, usize)> {
        let polling = self.polling_sessions.load(Ordering::Relaxed);
        let mut left = vec![
            ("sessions", self.sessions.count()),
            ("polling sessions", polling),
        ];
        left.extend(self.relay.iter().flat_map(Relay::leftovers));
        left
    }

    async fn handle(self: Arc<Self>, request: Request) -> Response {
        let query = match EngineQuery::parse(request.uri()) {
            Ok(query) => query,
            Err(bad) => return bad.into_response(),
        };
        let session = match &query.sid {
            Some(sid) => match self.whose(sid) {
                Whose::Theirs(owner) => {
                    return self.relay(owner, sid, query.transport, request).await;
                }
                Whose::Nobodys => return BadRequest::UnknownSession.into_response(),
                Whose::Ours => match self.sessions.find(sid) {
                    Some(session) => Some(session),
                    None => return BadRequest::UnknownSession.into_response(),
                },
            },
            None if request.method() != Method::GET => {
                return BadRequest::HandshakeMethod.into_response();
            }
            None if self.refuses_new() => return fault_response(Fault::unavailable()),
            None => None,
        };
        match (query.transport, session) {
            (TransportName::Polling, None) => self.begin_polling(&request),
            (TransportName::Polling, Some(session)) if request.method() == Method::GET => {
                self.poll(&session).await.into_response(&self.config)
            }
            (TransportName::Polling, Some(session)) if request.method() == Method::POST => {
                let served = match session.begin_post() {
                    Ok(guard) => {
                        let body = polling::read_body(request, &self.config);
                        polling::post(&session, guard, body).await
                    }
                    Err(refused) => refused.into(),
                };
                served.into_response(&self.config)
            }
            (TransportName::Polling, Some(_)) => BadRequest::Malformed.into_response(),
            (TransportName::WebSocket, None) => self.begin_websocket(request),
            (TransportName::WebSocket, Some(session)) => self.move_to_websocket(&session, request),
        }
    }

    /// Whether it stops, or has as many clients as it may have.
    fn refuses_new(&self) -> bool {
        self.sockets.refuses_new() || self.metrics.is_full(self.config.connections_max)
    }

    fn whose(&self, sid: &str) -> Whose {
        self.relay
            .as_ref()
            .map_or(Whose::Ours, |relay| relay.whose(sid))
    }

    async fn poll(&self, session: &Arc<EngineSession<P::Receiver>>) -> Served {
        match session.begin_poll() {
            Ok(guard) => {
                let bytes_max = self.config.frame_bytes_max;
                polling::poll(session, guard, bytes_max, std::future::pending()).await
            }
            Err(refused) => refused.into(),
        }
    }

    /// Serves a request of a session that another gateway owns.
    async fn relay(
        self: &Arc<Self>,
        owner: Route,
        sid: &str,
        transport: TransportName,
        request: Request,
    ) -> Response {
        let served = match (transport, request.method()) {
            (TransportName::Polling, &Method::GET) => relay::poll(self, owner, sid).await,
            (TransportName::Polling, &Method::POST) => relay::post(self, owner, sid, request).await,
            (TransportName::Polling, _) => Served::Malformed,
            (TransportName::WebSocket, _) => return self.bring_here(owner, sid, request).await,
        };
        served.into_response(&self.config)
    }

    /// Lets in the WebSocket of a session that another gateway owns, and the session after it.
    async fn bring_here(
        self: &Arc<Self>,
        owner: Route,
        sid: &str,
        mut request: Request,
    ) -> Response {
        if self.refuses_new() {
            return fault_response(Fault::unavailable());
        }
        let (response, upgrading) = match websocket::accept(&mut request, None) {
            Ok(accepted) => accepted,
            Err(_) => return BadRequest::Malformed.into_response(),
        };
        let arriving = match Arriving::begin(self, owner, sid).await {
            Admission::Begun(arriving) => arriving,
            // It is let in and shown out, as a client that comes too late expects it: `upgrading` is dropped.
            Admission::Refused => return response,
            Admission::Gone => return BadRequest::UnknownSession.into_response(),
        };
        let server = Arc::clone(self);
        self.tasks.spawn("websocket", async move {
            let settings = WebSocketSettings::engine(&server.config);
            let within = server.config.upgrade_timeout;
            websocket::serve_arrival(upgrading, Arc::clone(&arriving), settings, within).await;
            if let Some(session) = arriving.session() {
                server.sessions.remove(session);
            }
        });
        response
    }

    fn begin_polling(self: &Arc<Self>, request: &Request) -> Response {
        let Some(place) = polling::Place::take(self) else {
            return fault_response(Fault::unavailable());
        };
        let (sid, link, receiver) = self.begin(request);
        link.carried_by(Carrier::Polling);
        let handshake = self.handshake(&sid, &["websocket"]);
        let session = EngineSession::polling(sid, link, receiver);
        self.sessions.insert(&session);
        polling::spawn_keeper(place, session);
        polling::text_response(handshake)
    }

    fn begin_websocket(self: &Arc<Self>, mut request: Request) -> Response {
        let (response, upgrading) = match websocket::accept(&mut request, None) {
            Ok(accepted) => accepted,
            Err(_) => return BadRequest::Malformed.into_response(),
        };
        let (sid, link, receiver) = self.begin(&request);
        link.push(
            text_frame(self.handshake(&sid, &[]).as_bytes()),
            Class::Durable,
        );
        let session = EngineSession::websocket(sid, link, receiver);
        self.sessions.insert(&session);
        let server = Arc::clone(self);
        let settings = WebSocketSettings::engine(&self.config);
        self.tasks.spawn("websocket", async move {
            let link = Arc::clone(session.link());
            let receiver = Arc::new(EngineReceiver(Arc::clone(&session)));
            websocket::serve(upgrading, link, receiver, settings).await;
            server.sessions.remove(&session);
        });
        response
    }

    fn move_to_websocket(
        self: &Arc<Self>,
        session: &Arc<EngineSession<P::Receiver>>,
        mut request: Request,
    ) -> Response {
        let (response, upgrading) = match websocket::accept(&mut request, None) {
            Ok(accepted) => accepted,
            Err(_) => return BadRequest::Malformed.into_response(),
        };
        // A client that comes too late is let in and shown out, as it expects it: `upgrading` is dropped.
        let Ok(probe) = session.begin_probe() else {
            return response;
        };
        let server = Arc::clone(self);
        let session = Arc::clone(session);
        self.tasks.spawn("websocket", async move {
            let probe = Arc::new(probe);
            let probing = Arc::new(ProbeReceiver(Arc::clone(&probe)));
            let settings = WebSocketSettings::engine(&server.config);
            let overdue = async {
                tokio::select! {
                    () = tokio::time::sleep(server.config.upgrade_timeout) => {}
                    () = server.tasks.stopping().cancelled() => {}
                }
            };
            websocket::serve_probe(upgrading, Arc::clone(&probe), probing, settings, overdue).await;
            if probe.is_complete() {
                server.sessions.remove(&session);
            }
        });
        response
    }

    fn begin(&self, request: &Request) -> (Box<str>, Arc<Link>, Arc<P::Receiver>) {
        let link = Link::new(self.config.link_limits(), Arc::clone(&self.metrics));
        let receiver = self
            .protocol
            .begin(&link, credentials(request.uri(), request.headers()));
        let sid = self.relay.as_ref().map_or_else(random_id, Relay::new_sid);
        (sid, link, receiver)
    }

    fn handshake(&self, sid: &str, upgrades: &[&str]) -> String {
        let handshake = Handshake {
            sid,
            upgrades,
            ping_interval: self.config.ping_interval,
            ping_timeout: self.config.ping_timeout,
            max_payload: self.config.frame_bytes_max,
        };
        handshake.encode()
    }

    pub(super) const fn heartbeat(&self) -> super::heartbeat::Heartbeat {
        heartbeat_of(&self.config, HeartbeatKind::EngineIo)
    }
}

/// Acts on a packet of a session, whatever transport brought it; text in it is a part of `whole`.
pub(super) async fn take_packet<R: Receiver>(
    session: &EngineSession<R>,
    packet: EnginePacket<'_>,
    whole: &Bytes,
) -> Result<(), CloseReason> {
    match packet {
        EnginePacket::Message(text) => {
            session
                .receiver()
                .receive(Message::Text(whole.slice_ref(text.as_bytes())))
                .await
        }
        EnginePacket::Binary(bytes) => {
            session
                .receiver()
                .receive(Message::Binary(bytes.into_owned().into()))
                .await
        }
        EnginePacket::Pong(_) => {
            session.link().is_alive();
            Ok(())
        }
        EnginePacket::Close => Err(CloseReason::LEFT),
        EnginePacket::Noop => Ok(()),
        // Only servers ask for signs of life, only servers open, and a session moves once.
        EnginePacket::Ping(_) | EnginePacket::Open(_) | EnginePacket::Upgrade => Err(VIOLATION),
    }
}

const VIOLATION: CloseReason = CloseReason::ProtocolViolation(Violation::Protocol);

pub(super) fn decode(text: &Bytes) -> Result<EnginePacket<'_>, CloseReason> {
    let text = std::str::from_utf8(text)
        .map_err(|_| CloseReason::ProtocolViolation(Violation::InvalidData))?;
    EnginePacket::decode(text).map_err(|_| VIOLATION)
}

/// Takes the packets out of the frames of a session's WebSocket.
struct EngineReceiver<R>(Arc<EngineSession<R>>);

impl<R: Receiver> Receiver for EngineReceiver<R> {
    async fn receive(self: &Arc<Self>, message: Message) -> Result<(), CloseReason> {
        match message {
            Message::Text(text) => take_packet(&self.0, decode(&text)?, &text).await,
            binary @ Message::Binary(_) => self.0.receiver().receive(binary).await,
        }
    }

    fn ended(self: &Arc<Self>, reason: CloseReason) {
        self.0.receiver().ended(reason);
    }

    fn engaged(&self) -> bool {
        self.0.receiver().engaged()
    }
}

/// The same, for a WebSocket that a session moves to.
struct ProbeReceiver<R>(Arc<Probe<R>>);

impl<R: Receiver> Receiver for ProbeReceiver<R> {
    async fn receive(self: &Arc<Self>, message: Message) -> Result<(), CloseReason> {
        let session = self.0.session();
        let text = match message {
            Message::Text(text) => text,
            binary @ Message::Binary(_) if self.0.is_complete() => {
                return session.receiver().receive(binary).await;
            }
            Message::Binary(_) => return Err(VIOLATION),
        };
        match decode(&text)? {
            packet if self.0.is_complete() => take_packet(session, packet, &text).await,
            EnginePacket::Ping(PROBE) if self.0.probed() => Ok(()),
            EnginePacket::Upgrade if self.0.complete().await => Ok(()),
            _ => Err(VIOLATION),
        }
    }

    /// A session that ends while it moves says its last words where it has moved to.
    fn takes(&self, link: &Link) -> bool {
        !self.0.is_complete() || link.closed().is_none()
    }

    fn ended(self: &Arc<Self>, reason: CloseReason) {
        self.0.session().receiver().ended(reason);
    }
}
