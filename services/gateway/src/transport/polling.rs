//! Long-polling: a GET that waits for packets, a POST that brings some.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http_body_util::Limited;
use messaging_socketio::{EnginePacket, PayloadWriter, decode_payload};
use messaging_web::{Uncollected, collect};
use messaging_wire::{ErrorCode, Fault};
use prometheus::IntGauge;
use tokio::time::timeout;

use super::engine::{EngineServer, take_packet};
use super::heartbeat::keep;
use super::receiver::Ending;
use super::refusal::{BadRequest, fault_response};
use super::{Protocol, Receiver, TransportConfig};
use crate::connection::{
    CloseReason, Link, Opcode, ServerFrames, SocketMetrics, Taken, Violation, Waiter,
};
use crate::session::{EngineSession, Request as SessionRequest, RequestRefused};

/// How long a client may take to fetch the last words of a session that the server has ended.
const LINGER: Duration = Duration::from_secs(5);

/// How long a poll that comes during a move waits for the end of it.
const MOVE_GRACE: Duration = Duration::from_millis(50);

/// One of the places that there are for sessions served by long-polling.
pub(super) struct Place<P: Protocol>(Arc<EngineServer<P>>);

impl<P: Protocol> Place<P> {
    /// `None` if all are taken.
    pub(super) fn take(server: &Arc<EngineServer<P>>) -> Option<Self> {
        let taken = server.polling_sessions.fetch_add(1, Ordering::Relaxed);
        let place = Self(Arc::clone(server));
        (taken < server.config.polling_sessions_max).then_some(place)
    }
}

impl<P: Protocol> Drop for Place<P> {
    fn drop(&mut self) {
        self.0.polling_sessions.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Watches over a session until it has moved to a WebSocket or has ended.
pub(super) fn spawn_keeper<P: Protocol>(place: Place<P>, session: Arc<EngineSession<P::Receiver>>) {
    let tasks = place.0.tasks.clone();
    tasks.spawn("polling session", async move {
        let server = &place.0;
        let heartbeat = server.heartbeat();
        tokio::select! {
            biased;
            () = session.upgraded() => return,
            () = keep(session.link(), &**session.receiver(), &heartbeat) => {}
        }
        drop(Ending::new(
            Arc::clone(session.receiver()),
            Arc::clone(session.link()),
        ));
        let _late = timeout(LINGER, session.fetched()).await;
        server.sessions.remove(&session);
    });
}

/// What a request of a session comes to, whichever gateway took it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Served {
    /// It has its answer.
    Text(Bytes),
    /// There is no such session, or it has ended.
    Gone,
    /// It ended the session.
    Malformed,
    /// It was too large, which ended the session.
    TooBig,
}

impl Served {
    pub(super) fn into_response(self, config: &TransportConfig) -> Response {
        match self {
            Self::Text(text) => text_response(text),
            Self::Gone => BadRequest::UnknownSession.into_response(),
            Self::Malformed => BadRequest::Malformed.into_response(),
            Self::TooBig => {
                let message = format!("the body is larger than {} bytes", config.frame_bytes_max);
                fault_response(Fault::new(ErrorCode::PayloadTooLarge, message))
            }
        }
    }
}

impl From<RequestRefused> for Served {
    fn from(refused: RequestRefused) -> Self {
        match refused {
            RequestRefused::Gone => Self::Gone,
            RequestRefused::Duplicate => Self::Malformed,
        }
    }
}

/// Answers a GET once there is something to tell, or at once when it is sent home.
pub(super) async fn poll<R: Receiver>(
    session: &Arc<EngineSession<R>>,
    request: SessionRequest<R>,
    payload_bytes_max: usize,
    sent_home: impl Future<Output = ()>,
) -> Served {
    let waiting = OpenPoll::begin(session.link().metrics());
    let polled = tokio::select! {
        biased;
        polled = poll_fn(|cx| poll_payload(session, cx, payload_bytes_max)) => polled,
        () = sent_home => Polled::Moving,
    };
    drop(waiting);
    let served = match polled {
        Polled::Payload(payload) => Served::Text(payload.into()),
        Polled::Moving if request.came_late() && moves_soon(session).await => Served::Gone,
        Polled::Moving => Served::Text(Bytes::from_static(b"6")),
    };
    request.complete();
    served
}

/// Counts a poll for as long as it waits, however it ends.
struct OpenPoll<'a>(&'a IntGauge);

impl<'a> OpenPoll<'a> {
    fn begin(metrics: &'a SocketMetrics) -> Self {
        metrics.open_polls.inc();
        Self(&metrics.open_polls)
    }
}

impl Drop for OpenPoll<'_> {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// A poll that was sent behind the last packet of a move can overtake it: then it has come too late.
async fn moves_soon<R>(session: &EngineSession<R>) -> bool {
    timeout(MOVE_GRACE, session.moved()).await.is_ok()
}

/// What a poll brings.
enum Polled {
    Payload(Vec<u8>),
    /// Nothing: it must end, since a WebSocket takes over.
    Moving,
}

fn poll_payload<R>(session: &EngineSession<R>, cx: &Context<'_>, bytes_max: usize) -> Poll<Polled> {
    let link = session.link();
    // First of all, so that no change is missed between a look and the wait.
    link.register(Waiter::Transport, cx);
    if session.is_moving() {
        return Poll::Ready(Polled::Moving);
    }
    let mut payload = PayloadWriter::default();
    // Binary messages grow by a third.
    if let Poll::Ready(taken) = link.poll_take(cx, bytes_max / 4 * 3) {
        let is_end = matches!(taken, Taken::Closed(_));
        write_taken(link, taken, &mut payload);
        // The end comes by another poll: socket.io-client reads a whole payload before it emits the first event of it,
        // and keeps to itself what it has not emitted by the time it reads of the end.
        if !is_end && link.closed().is_some() && link.progress().0 == 0 {
            session.owe_farewell();
        }
    }
    if payload.is_empty() {
        Poll::Pending
    } else {
        Poll::Ready(Polled::Payload(payload.finish()))
    }
}

fn write_taken(link: &Link, taken: Taken, payload: &mut PayloadWriter) {
    match taken {
        // A client that left itself expects nothing but its poll to end.
        Taken::Closed(CloseReason::ClientLeft(_)) => payload.push(&EnginePacket::Noop),
        Taken::Closed(_) => payload.push(&EnginePacket::Close),
        Taken::Frames(entries) => {
            link.sent(entries.iter().map(Bytes::len).sum(), entries.len());
            for (opcode, content) in entries.into_iter().flat_map(ServerFrames) {
                match opcode {
                    Opcode::Text => payload.push_encoded(&content),
                    Opcode::Binary => payload.push(&EnginePacket::Binary((&*content).into())),
                    Opcode::Close | Opcode::Ping | Opcode::Pong => {}
                }
            }
        }
    }
}

/// Takes what a POST brings, in its order, and says `ok` when the application has room for all of it.
pub(super) async fn post<R: Receiver>(
    session: &Arc<EngineSession<R>>,
    request: SessionRequest<R>,
    body: impl Future<Output = Result<Bytes, CloseReason>>,
) -> Served {
    let taken = match body.await {
        Ok(body) => take_payload(session, &body).await,
        Err(reason) => Err(reason),
    };
    // The answer to this request is due even if it ends the session.
    request.complete();
    match taken {
        Ok(()) => OK,
        Err(reason) => end_by_post(session, reason),
    }
}

const OK: Served = Served::Text(Bytes::from_static(b"ok"));

fn end_by_post<R>(session: &EngineSession<R>, reason: CloseReason) -> Served {
    if let CloseReason::ClientLeft(_) = reason {
        session.left();
    }
    session.link().close(reason);
    match reason {
        CloseReason::ClientLeft(_) => OK,
        CloseReason::ProtocolViolation(Violation::TooBig) => Served::TooBig,
        _ => Served::Malformed,
    }
}

pub(super) async fn read_body(
    request: Request,
    config: &TransportConfig,
) -> Result<Bytes, CloseReason> {
    let body = Body::new(Limited::new(request.into_body(), config.frame_bytes_max));
    // A client that stops in the middle must not hold its session's turn for ever.
    let collected = collect(body, config.ping_interval + config.ping_timeout).await;
    collected.map_err(|uncollected| match uncollected {
        Uncollected::TooLarge => CloseReason::ProtocolViolation(Violation::TooBig),
        Uncollected::Broken => CloseReason::TransportAborted,
    })
}

/// Nothing of a payload counts unless all of it can be read.
async fn take_payload<R: Receiver>(
    session: &EngineSession<R>,
    body: &Bytes,
) -> Result<(), CloseReason> {
    let text = std::str::from_utf8(body)
        .map_err(|_| CloseReason::ProtocolViolation(Violation::InvalidData))?;
    // Read twice rather than kept: a packet of two bytes would take forty.
    if decode_payload(text).any(|packet| packet.is_err()) {
        return Err(CloseReason::ProtocolViolation(Violation::Protocol));
    }
    for packet in decode_payload(text).flatten() {
        take_packet(session, packet, body).await?;
    }
    Ok(())
}

pub(super) fn text_response(text: impl Into<Body>) -> Response {
    let mut response = Response::new(text.into());
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=UTF-8"),
    );
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
