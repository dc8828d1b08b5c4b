use std::collections::VecDeque;
use std::sync::{Arc, Weak};

use messaging_domain::ConversationId;

use crate::connection::Connection;

/// Departures that are remembered; a notification is on its way for some milliseconds.
pub(super) const DEPARTURES_MAX: usize = 64;

/// The last connections that left a room, and what they had received by then.
///
/// The notification of a message travels by itself, and may come when a connection that was sent the message has left.
#[derive(Debug, Default)]
pub(super) struct Left {
    departures: VecDeque<Departure>,
}

#[derive(Debug)]
struct Departure {
    conversation: ConversationId,
    /// Not a pointer alone: that could come to mean another connection.
    connection: Weak<Connection>,
    at: u64,
}

impl Left {
    pub(super) fn note(
        &mut self,
        conversation: ConversationId,
        connection: &Arc<Connection>,
        at: u64,
    ) {
        if self.departures.len() >= DEPARTURES_MAX {
            self.departures.pop_front();
        }
        self.departures.push_back(Departure {
            conversation,
            connection: Arc::downgrade(connection),
            at,
        });
    }

    /// Whether a connection had received a message before it left.
    pub(super) fn had(
        &self,
        conversation: ConversationId,
        connection: &Arc<Connection>,
        seq: u64,
    ) -> bool {
        self.departures.iter().any(|departure| {
            departure.conversation == conversation
                && seq <= departure.at
                && std::ptr::eq(departure.connection.as_ptr(), Arc::as_ptr(connection))
        })
    }
}
