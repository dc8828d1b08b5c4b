use std::sync::Arc;

use bytes::Bytes;
use serde_json::value::RawValue;

use crate::application::Credentials;
use crate::connection::{CloseReason, Link};

/// A whole message of a peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// Text; the transport has checked that it is UTF-8.
    Text(Bytes),
    /// Anything.
    Binary(Bytes),
}

/// What takes the messages of one link, above its transport.
pub trait Receiver: Send + Sync + 'static {
    /// Takes a message. The next one waits until this returns, and so does the peer.
    ///
    /// # Errors
    /// Why the link must be closed.
    fn receive(
        self: &Arc<Self>,
        message: Message,
    ) -> impl Future<Output = Result<(), CloseReason>> + Send;

    /// The link has ended; called once. Whoever waits in [`Receiver::receive`] must return.
    fn ended(self: &Arc<Self>, reason: CloseReason);

    /// Whether it takes what comes over a link, which may have been closed.
    fn takes(&self, link: &Link) -> bool {
        link.closed().is_none()
    }

    /// Whether the peer has done what a peer must do to stay, such as joining a namespace.
    fn engaged(&self) -> bool {
        true
    }

    /// Begins nothing more, and says what another process must know to get ready; `None` if it cannot move.
    ///
    /// It is called when nothing is received any more. Dropped before it is done, the link ends.
    fn freeze(self: &Arc<Self>) -> impl Future<Output = Option<Box<RawValue>>> + Send {
        async { None }
    }

    /// Lets go of everything, after which nothing is sent, and says what another process must have to go on.
    fn hand_over(self: &Arc<Self>) -> impl Future<Output = Option<Box<RawValue>>> + Send {
        async { None }
    }

    /// Goes on where another process was; false if it cannot, and then it ends.
    fn take_over(self: &Arc<Self>, _state: &RawValue) -> impl Future<Output = bool> + Send {
        async { false }
    }
}

/// What is spoken over the sessions of a server.
pub trait Protocol: Send + Sync + 'static {
    /// What takes the messages of one session.
    type Receiver: Receiver;

    /// Begins a session.
    fn begin(&self, link: &Arc<Link>, credentials: Credentials) -> Arc<Self::Receiver>;

    /// Whether sessions can move to another process.
    const MOVES: bool = false;

    /// Gets ready for a session that another process has described; `None` if it cannot.
    fn prepare(
        &self,
        _link: &Arc<Link>,
        _described: &RawValue,
    ) -> impl Future<Output = Option<Arc<Self::Receiver>>> + Send {
        async { None }
    }
}

/// Tells a receiver of the end, whatever way it comes.
pub(crate) struct Ending<R: Receiver> {
    receiver: Arc<R>,
    link: Arc<Link>,
}

impl<R: Receiver> Ending<R> {
    pub(crate) const fn new(receiver: Arc<R>, link: Arc<Link>) -> Self {
        Self { receiver, link }
    }
}

impl<R: Receiver> Drop for Ending<R> {
    fn drop(&mut self) {
        // Nothing happens here if the link was closed for a better reason.
        self.link.close(CloseReason::TransportAborted);
        let reason = self.link.closed().unwrap_or(CloseReason::TransportAborted);
        self.receiver.ended(reason);
    }
}
