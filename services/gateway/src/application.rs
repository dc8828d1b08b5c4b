//! What the transports serve: the one interface between sockets and what is said over them.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use messaging_wire::Fault;
use serde_json::value::RawValue;

use crate::connection::{AckId, CloseReason, Connection, Dialect};

/// Decides over connections and acts on their events.
///
/// The calls for one connection come one after the other: `open`, `opened`, each event, `closed`.
pub trait Application: Send + Sync + 'static {
    /// What the application keeps for a connection.
    type Session: Send + Sync + 'static;

    /// Decides over a new connection.
    ///
    /// What is sent to the connection from here on arrives after the answer that it is open, in order.
    /// A fault becomes the CONNECT_ERROR of Socket.IO, or the HTTP status that refuses a plain upgrade.
    fn open(
        &self,
        connection: &Arc<Connection>,
        request: OpenRequest,
    ) -> impl Future<Output = Result<Arc<Self::Session>, Fault>> + Send;

    /// The answer that the connection is open has been sent; what comes before the first event can be done.
    fn opened(&self, _session: &Arc<Self::Session>) -> impl Future<Output = ()> + Send {
        std::future::ready(())
    }

    /// Acts on one event; the next one of the connection waits for it.
    fn event(
        &self,
        session: &Arc<Self::Session>,
        event: ClientEvent,
    ) -> impl Future<Output = ()> + Send;

    /// Exactly once for each successful open, whatever ended it, after the event that was running.
    ///
    /// Events that had not begun are lost.
    fn closed(
        &self,
        session: Arc<Self::Session>,
        reason: CloseReason,
    ) -> impl Future<Output = ()> + Send;
}

/// Who asks for a connection, and with what.
#[derive(Clone)]
pub struct OpenRequest {
    /// How it talks, and which namespace it asks for.
    pub dialect: Dialect,
    /// The CONNECT payload of Socket.IO: an object.
    pub auth: Option<Box<RawValue>>,
    /// What the HTTP request brought.
    pub credentials: Credentials,
}

/// The tokens of an HTTP request, unchecked.
#[derive(Clone, Default)]
pub struct Credentials {
    /// Of the header `Authorization: Bearer`.
    pub authorization: Option<String>,
    /// Of the query parameter `token`.
    pub query_token: Option<String>,
    /// Of `Sec-WebSocket-Protocol: bearer, <token>`.
    pub subprotocol_token: Option<String>,
}

/// An event of a client.
pub struct ClientEvent {
    /// Its name.
    pub name: String,
    /// Its arguments; the plain dialect has one at most.
    pub args: Vec<Box<RawValue>>,
    /// Binary attachments, which the arguments refer to by `{"_placeholder":true,"num":n}`.
    pub attachments: Vec<Bytes>,
    /// What [`Connection::acknowledge`] takes, if the client waits for that.
    pub ack: Option<AckId>,
}

impl ClientEvent {
    /// What it takes in memory, roughly.
    pub(crate) fn bytes(&self) -> usize {
        let args: usize = self.args.iter().map(|arg| arg.get().len()).sum();
        let attachments: usize = self.attachments.iter().map(Bytes::len).sum();
        self.name.len() + args + attachments + size_of::<Self>()
    }
}

impl fmt::Debug for OpenRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The payload holds the token.
        f.debug_struct("OpenRequest")
            .field("dialect", &self.dialect)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").finish_non_exhaustive()
    }
}

impl fmt::Debug for ClientEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The arguments are somebody's message, or a token.
        f.debug_struct("ClientEvent")
            .field("name", &self.name)
            .field("ack", &self.ack)
            .finish_non_exhaustive()
    }
}
