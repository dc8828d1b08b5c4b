//! What the transports serve: the one interface between sockets and what is said over them.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use messaging_wire::Fault;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::connection::{AckId, CloseReason, Connection, Dialect};

/// Decides over connections and acts on their events.
///
/// The calls for one connection come one after the other: `open`, `opened`, each event, `closed`. For one that moves to another
/// process there are `describe` and `hand_over` in place of `closed` here, and `prepare` and `take_over` in place of `open` there.
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

    /// Whether its connections can move to another process, which is what the rest of this is for.
    const MOVES: bool = false;

    /// What another process must know to get ready for a connection; no event of it is begun any more.
    ///
    /// With `None`, or dropped before it is done, the connection ends.
    fn describe(
        &self,
        _session: &Arc<Self::Session>,
    ) -> impl Future<Output = Option<Box<RawValue>>> + Send {
        async { None }
    }

    /// Lets go of a connection, in place of `closed`, and says what another process must have to go on.
    ///
    /// Nothing is sent to the connection after it. With `None`, the connection ends.
    fn hand_over(
        &self,
        _session: Arc<Self::Session>,
    ) -> impl Future<Output = Option<Box<RawValue>>> + Send {
        async { None }
    }

    /// Gets ready for a connection that another process has described.
    ///
    /// What is sent to it from here on is held. Should it not come after all, `closed` is called.
    fn prepare(
        &self,
        _connection: &Arc<Connection>,
        _described: &RawValue,
    ) -> impl Future<Output = Result<Arc<Self::Session>, Fault>> + Send {
        async { Err(Fault::internal()) }
    }

    /// Goes on with a connection where another process was; what was held is sent after it.
    ///
    /// A fault ends the connection: `closed` is called.
    fn take_over(
        &self,
        _session: &Arc<Self::Session>,
        _state: &RawValue,
    ) -> impl Future<Output = Result<(), Fault>> + Send {
        async { Err(Fault::internal()) }
    }
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
#[derive(Clone, Default, Serialize, Deserialize)]
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
