use parking_lot::Mutex;
use tokio::sync::mpsc;

use super::Trail;

/// What it takes to recover a connection elsewhere: its secret name, and how far it was sent what.
#[derive(Debug)]
pub(crate) struct Recoverable {
    /// The `pid` of Socket.IO: only the client knows it.
    pub(crate) session: Box<str>,
    /// The connection's id, which outlives a recovery.
    pub(crate) connection_id: Box<str>,
    pub(crate) trail: Mutex<Trail>,
    /// Takes the names of sessions whose positions should be stored anew.
    pub(crate) checkpoints: mpsc::Sender<Box<str>>,
}

impl Recoverable {
    /// Asks to store the positions anew. If too many ask at once, the next message asks again.
    pub(super) fn ask_for_checkpoint(&self) {
        let _full = self.checkpoints.try_send(self.session.clone());
    }
}
