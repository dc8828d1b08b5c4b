use std::collections::VecDeque;
use std::sync::Arc;

use messaging_domain::ConversationId;
use tokio::sync::mpsc;

use super::Job;
use super::lane::Turn;
use crate::ConversationKey;
use crate::model::{Head, StoredMessage};
use crate::store::Shared;

/// What the committer hears from the batches.
pub(super) enum Event {
    /// A lane is free again; these jobs are undecided and nothing of them was stored.
    Released(ConversationId, VecDeque<Job>, Turn),
    /// There is room for another batch.
    BatchEnded,
}

/// One conversation's share of a batch. Its lane is busy until this is dropped, wherever that happens.
pub(super) struct Portion {
    pub(super) key: ConversationKey,
    /// What can still be sent, because nothing of it was.
    pub(super) jobs: VecDeque<Job>,
    pub(super) turn: Turn,
    events: mpsc::UnboundedSender<Event>,
}

/// A portion whose messages have their numbers and are being inserted.
///
/// The jobs have left the portion: should all this be dropped half-way, their senders hear of an unknown outcome and nothing is
/// sent twice.
pub(super) struct Numbered {
    pub(super) portion: Portion,
    pub(super) jobs: VecDeque<Job>,
    pub(super) messages: Vec<StoredMessage>,
    /// The head that the numbers build on.
    pub(super) base: Head,
}

/// The room of one batch in flight.
pub(super) struct InFlight {
    shared: Arc<Shared>,
    events: mpsc::UnboundedSender<Event>,
}

impl Portion {
    pub(super) const fn new(
        key: ConversationKey,
        jobs: VecDeque<Job>,
        events: mpsc::UnboundedSender<Event>,
    ) -> Self {
        Self {
            key,
            jobs,
            turn: Turn::Over,
            events,
        }
    }
}

impl Drop for Portion {
    fn drop(&mut self) {
        let left = std::mem::take(&mut self.jobs);
        // Without a committer there is no lane to free.
        let _ended = self
            .events
            .send(Event::Released(self.key.id(), left, self.turn));
    }
}

impl InFlight {
    pub(super) fn new(shared: Arc<Shared>, events: mpsc::UnboundedSender<Event>) -> Self {
        shared.metrics.batches_in_flight.inc();
        Self { shared, events }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.shared.metrics.batches_in_flight.dec();
        let _ended = self.events.send(Event::BatchEnded);
    }
}
