use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use messaging_bus::TypingSignal;
use messaging_domain::{ConversationId, Timestamp, UserId};
use messaging_lifecycle::now;
use parking_lot::Mutex;
use tokio::time::Instant;

use super::left::Left;
use super::room::Room;
use super::{Item, Joining, Member};
use crate::connection::Connection;

/// Locks that the rooms are spread over; a power of two well above the number of cores.
const SHARD_COUNT: usize = 64;

/// The rooms of this gateway. No lock is held while anyone waits.
#[derive(Debug)]
pub(crate) struct Rooms {
    shards: Box<[Mutex<HashMap<ConversationId, Room>>]>,
    hasher: RandomState,
    /// Rooms in which someone types, to be looked at when typing may lapse.
    typing: Mutex<Vec<ConversationId>>,
    /// Locked under the lock of a room.
    left: Mutex<Left>,
}

/// How far a connection has come with joining.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JoinStep {
    /// It receives live events.
    Live,
    /// It must be given the messages up to this `seq` first.
    Behind(u64),
    /// It is not joining: it has left in between.
    Gone,
}

impl Rooms {
    pub(crate) fn new() -> Self {
        let shards = (0..SHARD_COUNT).map(|_| Mutex::default()).collect();
        Self {
            shards,
            hasher: RandomState::new(),
            typing: Mutex::default(),
            left: Mutex::default(),
        }
    }

    /// Begins to join: events are held for the connection from now on. False if it has joined already.
    pub(crate) fn begin_join(
        &self,
        conversation: ConversationId,
        connection: &Arc<Connection>,
        user: &UserId,
        joining: Joining,
    ) -> bool {
        let mut shard = self.shard(conversation).lock();
        let room = shard
            .entry(conversation)
            .or_insert_with(|| Room::new(now()));
        if room.member(connection).is_some() {
            return false;
        }
        let gate_at = room.gate.last();
        room.members.push(Member::joining(
            Arc::clone(connection),
            user.clone(),
            conversation,
            joining,
            gate_at,
        ));
        true
    }

    /// Ends joining: from here on the connection gets live events, provided that it has everything up to `at`.
    pub(crate) fn end_join(
        &self,
        conversation: ConversationId,
        connection: &Arc<Connection>,
        at: u64,
    ) -> JoinStep {
        let mut shard = self.shard(conversation).lock();
        let Some(room) = shard.get_mut(&conversation) else {
            return JoinStep::Gone;
        };
        room.open(at);
        match room.member(connection).map(|member| member.go_live(at)) {
            None => JoinStep::Gone,
            Some(Ok(())) => JoinStep::Live,
            Some(Err(up_to)) => JoinStep::Behind(up_to),
        }
    }

    /// Takes a connection out of a room, and the room away with its last one. Returns up to which `seq` it was given each
    /// message, if it was live.
    pub(crate) fn leave(
        &self,
        conversation: ConversationId,
        connection: &Arc<Connection>,
    ) -> Option<u64> {
        let mut shard = self.shard(conversation).lock();
        let Entry::Occupied(mut entry) = shard.entry(conversation) else {
            return None;
        };
        let room = entry.get_mut();
        let received = room.member(connection).and_then(|member| member.at());
        if let Some(at) = received.filter(|_| !connection.closed()) {
            self.left.lock().note(conversation, connection, at);
        }
        room.members
            .retain(|member| !Arc::ptr_eq(&member.connection, connection));
        if room.members.is_empty() {
            entry.remove();
        }
        received
    }

    /// Whether a connection receives what happens in a conversation.
    pub(crate) fn has_joined(
        &self,
        conversation: ConversationId,
        connection: &Arc<Connection>,
    ) -> bool {
        let mut shard = self.shard(conversation).lock();
        shard
            .get_mut(&conversation)
            .and_then(|room| room.member(connection))
            .is_some_and(|member| member.has_joined())
    }

    /// Whether a connection receives a message by itself, or did before it left, and needs no notification of it.
    pub(crate) fn delivers(
        &self,
        conversation: ConversationId,
        connection: &Arc<Connection>,
        seq: u64,
    ) -> bool {
        let mut shard = self.shard(conversation).lock();
        let room = shard.get_mut(&conversation);
        let has_joined = room
            .and_then(|room| room.member(connection))
            .is_some_and(|member| member.has_joined());
        has_joined || self.left.lock().had(conversation, connection, seq)
    }

    /// Takes a message. True if some are missing before it and nobody fetches them yet: the caller shall.
    pub(crate) fn message(&self, conversation: ConversationId, seq: u64, item: Item) -> bool {
        self.with(conversation, |room| {
            let passed = room.gate.offer(seq, item);
            room.deliver(passed);
            claim_refill(room)
        })
    }

    /// Takes a change to a message, with its `seq` and version. True as for [`Rooms::message`].
    pub(crate) fn change(
        &self,
        conversation: ConversationId,
        (seq, version): (u64, u32),
        item: Item,
    ) -> bool {
        self.with(conversation, |room| {
            if !room.changes.note(seq, version) {
                return false;
            }
            let passed = room.gate.change(seq, item);
            room.deliver(passed);
            claim_refill(room)
        })
    }

    /// Claims to fetch what may be missing though no gap shows. False if someone does already, or there is no such open room.
    pub(crate) fn begin_check(&self, conversation: ConversationId) -> bool {
        self.with(conversation, |room| {
            let may = room.gate.last().is_some() && !room.is_refilling;
            room.check_again |= room.is_refilling;
            room.is_refilling |= may;
            may
        })
    }

    /// Where the one who fetches shall go on; none if the room is gone.
    pub(crate) fn position(&self, conversation: ConversationId) -> Option<u64> {
        self.shard(conversation)
            .lock()
            .get(&conversation)?
            .gate
            .last()
    }

    /// Whether messages are missing.
    pub(crate) fn has_gap(&self, conversation: ConversationId) -> bool {
        self.with(conversation, |room| room.gate.gap().is_some())
    }

    /// Whether the one who fetches was asked to look once more, which this forgets.
    pub(crate) fn take_check_again(&self, conversation: ConversationId) -> bool {
        self.with(conversation, |room| std::mem::take(&mut room.check_again))
    }

    /// Gives up the claim to fetch. True if messages are missing again, or one was asked to look again: the claim stays then.
    pub(crate) fn end_refill(&self, conversation: ConversationId) -> bool {
        self.with(conversation, |room| {
            room.is_refilling = room.gate.gap().is_some() || room.check_again;
            room.is_refilling
        })
    }

    /// Notes that messages up to a `seq` exist. True as for [`Rooms::message`].
    pub(crate) fn note_head(&self, conversation: ConversationId, seq: u64) -> bool {
        self.with(conversation, |room| {
            room.gate.note_head(seq);
            claim_refill(room)
        })
    }

    /// Gives up on what is missing, and on the claim to fetch it. Returns the connections that will not get it.
    pub(crate) fn abandon(&self, conversation: ConversationId) -> Vec<Arc<Connection>> {
        let mut shard = self.shard(conversation).lock();
        let Some(room) = shard.get_mut(&conversation) else {
            return Vec::new();
        };
        room.gate.forget_gap();
        room.is_refilling = false;
        room.members
            .iter()
            .map(|member| Arc::clone(&member.connection))
            .collect()
    }

    /// Takes how far a participant has read; `repeat_of` is when he did, if that is told of once more.
    pub(crate) fn read(
        &self,
        conversation: ConversationId,
        mark: (&UserId, u64),
        repeat_of: Option<Timestamp>,
        item: &Item,
    ) {
        self.with(conversation, |room| {
            room.read(mark, repeat_of, item);
            false
        });
    }

    /// Takes an event that is in no order.
    pub(crate) fn broadcast(&self, conversation: ConversationId, item: &Item) {
        self.with(conversation, |room| {
            room.broadcast(item);
            false
        });
    }

    /// Takes a typing signal.
    pub(crate) fn typing(&self, conversation: ConversationId, signal: &TypingSignal) {
        if self.with(conversation, |room| {
            room.typing(conversation, signal, Instant::now())
        }) {
            let mut typing = self.typing.lock();
            if !typing.contains(&conversation) {
                typing.push(conversation);
            }
        }
    }

    /// Tells of typing that has lapsed.
    pub(crate) fn lapse_typing(&self) {
        let now = Instant::now();
        let watched = std::mem::take(&mut *self.typing.lock());
        let still: Vec<_> = watched
            .into_iter()
            .filter(|conversation| {
                self.with(*conversation, |room| room.lapse_typing(*conversation, now))
            })
            .collect();
        let mut typing = self.typing.lock();
        for conversation in still {
            if !typing.contains(&conversation) {
                typing.push(conversation);
            }
        }
    }

    /// The conversations that have a room.
    pub(crate) fn conversations(&self) -> Vec<ConversationId> {
        self.shards
            .iter()
            .flat_map(|shard| shard.lock().keys().copied().collect::<Vec<_>>())
            .collect()
    }

    /// Does something with a room; false if there is none.
    fn with(&self, conversation: ConversationId, act: impl FnOnce(&mut Room) -> bool) -> bool {
        self.shard(conversation)
            .lock()
            .get_mut(&conversation)
            .is_some_and(act)
    }

    fn shard(&self, conversation: ConversationId) -> &Mutex<HashMap<ConversationId, Room>> {
        &self.shards[self.hasher.hash_one(conversation) as usize % SHARD_COUNT]
    }
}

fn claim_refill(room: &mut Room) -> bool {
    let is_mine = room.gate.gap().is_some() && !room.is_refilling;
    room.is_refilling |= is_mine;
    is_mine
}

#[cfg(test)]
mod tests {
    use prometheus::Registry;

    use super::super::left::DEPARTURES_MAX;
    use super::*;
    use crate::connection::{Dialect, EventFrame, Link, LinkLimits, SocketMetrics};

    const CONVERSATION: ConversationId = ConversationId::from_bytes([7; 12]);

    fn connection() -> Arc<Connection> {
        let metrics = SocketMetrics::register(&Registry::new()).expect("an empty registry");
        let limits = LinkLimits {
            outbox_bytes_max: 1 << 20,
        };
        let link = Link::new(limits, Arc::new(metrics));
        Connection::new("a-connection".into(), Dialect::Plain, link)
    }

    fn join(rooms: &Rooms, connection: &Arc<Connection>, at: u64) {
        let user = "u-1".parse().expect("valid");
        assert!(rooms.begin_join(CONVERSATION, connection, &user, Joining::New));
        assert_eq!(rooms.end_join(CONVERSATION, connection, at), JoinStep::Live);
    }

    #[test]
    fn a_message_that_came_before_a_connection_left_needs_no_notification() {
        let (rooms, leaving, staying) = (Rooms::new(), connection(), connection());
        join(&rooms, &leaving, 4);
        join(&rooms, &staying, 4);
        rooms.message(
            CONVERSATION,
            5,
            Arc::new(EventFrame::new("new_message", "{}")),
        );
        rooms.leave(CONVERSATION, &leaving);
        rooms.message(
            CONVERSATION,
            6,
            Arc::new(EventFrame::new("new_message", "{}")),
        );
        let delivers =
            |connection: &Arc<Connection>, seq| rooms.delivers(CONVERSATION, connection, seq);
        assert_eq!([5, 6].map(|seq| delivers(&leaving, seq)), [true, false]);
        assert_eq!([5, 6].map(|seq| delivers(&staying, seq)), [true, true]);
        assert!(!delivers(&connection(), 5));
        rooms.leave(CONVERSATION, &staying);
        assert!(delivers(&staying, 6));
        assert!(!delivers(&staying, 7));
    }

    #[test]
    fn only_so_many_departures_are_remembered_and_then_a_notification_comes_twice_rather_than_never()
     {
        let (rooms, first) = (Rooms::new(), connection());
        join(&rooms, &first, 4);
        rooms.leave(CONVERSATION, &first);
        for left in 0..DEPARTURES_MAX {
            assert!(rooms.delivers(CONVERSATION, &first, 4), "after {left} more");
            let other = connection();
            join(&rooms, &other, 4);
            rooms.leave(CONVERSATION, &other);
        }
        assert!(!rooms.delivers(CONVERSATION, &first, 4));
    }
}
