use std::sync::Arc;

use messaging_domain::{ConversationId, UserId};

use super::gate::Passed;
use crate::connection::{Class, Connection, EventFrame};

/// The most events that are held for a connection while it is joining; beyond, they are fetched again from the log.
const HELD_MAX: usize = 512;

/// What a gate lets through, ready for every connection.
pub(crate) type Item = Arc<EventFrame>;

/// A connection in a room.
#[derive(Debug)]
pub(crate) struct Member {
    pub(super) connection: Arc<Connection>,
    pub(super) user: UserId,
    conversation: ConversationId,
    joining: Joining,
    state: State,
}

/// Whether a connection that is joining has been told so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Joining {
    /// It has asked, and is not joined until it has its answer.
    New,
    /// It goes on where it was, and is joined for all that it knows.
    Again,
}

#[derive(Debug)]
enum State {
    /// It is told where it stands and what it missed; live events are held.
    Joining {
        /// All that the gate let through after this `seq` is held; none while the gate is closed.
        held_from: Option<u64>,
        held: Vec<(u64, Item, bool)>,
    },
    /// It has each message up to this `seq`.
    Live { at: u64 },
}

impl Member {
    pub(super) const fn joining(
        connection: Arc<Connection>,
        user: UserId,
        conversation: ConversationId,
        joining: Joining,
        gate_at: Option<u64>,
    ) -> Self {
        Self {
            connection,
            user,
            conversation,
            joining,
            state: State::Joining {
                held_from: gate_at,
                held: Vec::new(),
            },
        }
    }

    /// Whether it receives events.
    pub(super) const fn is_live(&self) -> bool {
        matches!(self.state, State::Live { .. })
    }

    /// Whether it has joined as far as it knows, and receives events now or in a moment.
    pub(super) fn has_joined(&self) -> bool {
        self.is_live() || self.joining == Joining::Again
    }

    /// Up to which `seq` it has each message; none while it is joining.
    pub(super) const fn at(&self) -> Option<u64> {
        match self.state {
            State::Live { at } => Some(at),
            State::Joining { .. } => None,
        }
    }

    /// The gate was opened at a `seq`.
    pub(super) const fn gate_opened(&mut self, at: u64) {
        if let State::Joining {
            held_from: held_from @ None,
            ..
        } = &mut self.state
        {
            *held_from = Some(at);
        }
    }

    /// Takes what the gate let through.
    pub(super) fn take(&mut self, passed: &Passed<Item>) {
        let (seq, item, is_message) = match passed {
            Passed::Message(seq, item) => (*seq, item, true),
            Passed::Change(seq, item) => (*seq, item, false),
        };
        match &mut self.state {
            State::Live { at } => {
                deliver(
                    &self.connection,
                    self.conversation,
                    at,
                    seq,
                    item,
                    is_message,
                );
            }
            State::Joining { held_from, held } if held.len() < HELD_MAX => {
                held.push((seq, Arc::clone(item), is_message));
                debug_assert!(
                    held_from.is_some() || !is_message,
                    "a gate lets no message through before it is open"
                );
            }
            State::Joining { held_from, held } => {
                let held_messages = held.iter().filter(|(_, _, is_message)| *is_message);
                let newest = held_messages.map(|(seq, ..)| *seq).max();
                held.clear();
                *held_from = (*held_from).max(newest).max(is_message.then_some(seq));
            }
        }
    }

    /// Lets it go live after a `seq` up to which it has everything.
    ///
    /// # Errors
    /// The `seq` up to which it must be given messages first, if what is held does not connect.
    pub(super) fn go_live(&mut self, at: u64) -> Result<(), u64> {
        let State::Joining { held_from, held } = &mut self.state else {
            return Ok(());
        };
        match *held_from {
            Some(from) if from > at => return Err(from),
            _ => {}
        }
        let mut at = at;
        for (seq, item, is_message) in std::mem::take(held) {
            deliver(
                &self.connection,
                self.conversation,
                &mut at,
                seq,
                &item,
                is_message,
            );
        }
        self.state = State::Live { at };
        Ok(())
    }
}

fn deliver(
    connection: &Connection,
    conversation: ConversationId,
    at: &mut u64,
    seq: u64,
    item: &Item,
    is_message: bool,
) {
    if is_message {
        if seq <= *at {
            return;
        }
        debug_assert_eq!(seq, *at + 1, "the gate lets messages through without a gap");
        *at = seq;
        connection.send_message(item, conversation, seq);
    } else if seq <= *at {
        connection.send(item, Class::Durable);
    }
}
