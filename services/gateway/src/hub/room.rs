use std::sync::Arc;

use messaging_bus::TypingSignal;
use messaging_domain::{ConversationId, Timestamp, UserId};
use messaging_wire::event::{USER_TYPING, UserTyping};
use tokio::time::Instant;

use super::changes::Changes;
use super::gate::Passed;
use super::reads::Reads;
use super::typing::TypingBoard;
use super::{Gate, Item, Member};
use crate::connection::{Class, Connection, EventFrame};

/// A conversation that local connections have joined.
#[derive(Debug)]
pub(super) struct Room {
    since: Timestamp,
    pub(super) gate: Gate<Item>,
    pub(super) members: Vec<Member>,
    pub(super) changes: Changes,
    reads: Reads,
    typing: TypingBoard,
    /// Whether someone fetches what is missing.
    pub(super) is_refilling: bool,
    /// Whether he shall look once more when he is done.
    pub(super) check_again: bool,
}

impl Room {
    pub(super) fn new(since: Timestamp) -> Self {
        Self {
            since,
            gate: Gate::default(),
            members: Vec::new(),
            changes: Changes::default(),
            reads: Reads::default(),
            typing: TypingBoard::default(),
            is_refilling: false,
            check_again: false,
        }
    }

    pub(super) fn member(&mut self, connection: &Arc<Connection>) -> Option<&mut Member> {
        self.members
            .iter_mut()
            .find(|member| Arc::ptr_eq(&member.connection, connection))
    }

    /// Opens the gate unless it is open.
    pub(super) fn open(&mut self, after: u64) {
        if self.gate.last().is_some() {
            return;
        }
        let passed = self.gate.open(after);
        self.members
            .iter_mut()
            .for_each(|member| member.gate_opened(after));
        self.deliver(passed);
    }

    /// Gives what was let through to each member.
    pub(super) fn deliver(&mut self, passed: impl IntoIterator<Item = Passed<Item>>) {
        for passed in passed {
            self.members
                .iter_mut()
                .for_each(|member| member.take(&passed));
        }
    }

    /// Tells how far someone has read, if that is further than before. What is told of again, and happened before anyone was here,
    /// is known to all who came: they were given the marks as they joined.
    pub(super) fn read(
        &mut self,
        (reader, seq): (&UserId, u64),
        repeat_of: Option<Timestamp>,
        item: &Item,
    ) {
        let was_here = repeat_of.is_none_or(|read_at| self.since <= read_at);
        if was_here && self.reads.note(reader, seq) {
            self.broadcast(item);
        }
    }

    /// Sends an event that is in no order to each member; one that is joining gets it when it is live.
    pub(super) fn broadcast(&mut self, item: &Item) {
        // A change to what came before the first message: every position is beyond it.
        let passed = Passed::Change(0, Arc::clone(item));
        self.members
            .iter_mut()
            .for_each(|member| member.take(&passed));
    }

    /// Takes a typing signal, and tells the others if there is something to tell. Returns whether someone types.
    pub(super) fn typing(
        &mut self,
        conversation: ConversationId,
        signal: &TypingSignal,
        now: Instant,
    ) -> bool {
        if let Some(is_typing) = self.typing.note(signal, now) {
            self.tell_typing(conversation, &signal.user_id, is_typing);
        }
        !self.typing.is_empty()
    }

    /// Tells of those whose typing has lapsed. Returns whether someone types still.
    pub(super) fn lapse_typing(&mut self, conversation: ConversationId, now: Instant) -> bool {
        for user in self.typing.lapse(now) {
            self.tell_typing(conversation, &user, false);
        }
        !self.typing.is_empty()
    }

    fn tell_typing(&self, conversation_id: ConversationId, user: &UserId, is_typing: bool) {
        let mut others = self
            .members
            .iter()
            .filter(|member| member.is_live() && member.user != *user)
            .peekable();
        if others.peek().is_none() {
            return;
        }
        let data = UserTyping {
            conversation_id,
            user_id: user.clone(),
            is_typing,
        };
        let json = serde_json::to_string(&data).expect("its fields are plain");
        let frame = EventFrame::new(USER_TYPING, json);
        others.for_each(|member| member.connection.send(&frame, Class::Droppable));
    }
}
