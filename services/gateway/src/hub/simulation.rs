//! A seeded simulation of one room: messages arrive late, twice, never and in any order, connections come and go at any moment,
//! and each of them must see exactly the messages after the point from which it joined.

use std::collections::HashMap;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use messaging_domain::ConversationId;
use prometheus::Registry;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};

use super::{Item, JoinStep, Joining, Rooms};
use crate::connection::{
    Class, Connection, Dialect, EventFrame, Link, LinkLimits, SocketMetrics, Taken,
};

const CONVERSATION: ConversationId = ConversationId::from_bytes([7; 12]);
const SEEDS: u64 = 400;
const STEPS: usize = 300;

/// A connection under test, and how far its joining has come.
struct Guest {
    connection: Arc<Connection>,
    /// All messages after this one are its to see.
    since: u64,
    stage: Stage,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// It subscribed and asked nothing yet.
    Holding,
    /// It was told of this head, and given the log up to it.
    Told(u64),
    Live,
}

struct World {
    rng: StdRng,
    rooms: Rooms,
    metrics: Arc<SocketMetrics>,
    /// The log holds the messages 1 to this.
    head: u64,
    /// Events on their way, in no order.
    on_the_way: Vec<u64>,
    guests: Vec<Guest>,
    refilling: bool,
}

impl World {
    fn new(seed: u64) -> Self {
        Self {
            rng: StdRng::seed_from_u64(seed),
            rooms: Rooms::new(),
            metrics: Arc::new(
                SocketMetrics::register(&Registry::new()).expect("an empty registry"),
            ),
            head: 0,
            on_the_way: Vec::new(),
            guests: Vec::new(),
            refilling: false,
        }
    }

    fn step(&mut self) {
        match self.rng.random_range(0..10) {
            0..=2 => self.store(),
            3..=5 => self.deliver(),
            6 => self.come(),
            7 => self.advance_joining(),
            8 if self.refilling => self.refill(),
            8 if self.rng.random_bool(0.1) => self.go(),
            _ => self.advance_joining(),
        }
    }

    /// A message is stored; its event gets lost, or is on its way once or twice.
    fn store(&mut self) {
        self.head += 1;
        for _ in 0..self.rng.random_range(0..=2) {
            self.on_the_way.push(self.head);
        }
    }

    fn deliver(&mut self) {
        self.on_the_way.shuffle(&mut self.rng);
        if let Some(seq) = self.on_the_way.pop() {
            self.refilling |= self.rooms.message(CONVERSATION, seq, item(seq));
        }
    }

    fn come(&mut self) {
        let limits = LinkLimits {
            outbox_bytes_max: 1 << 20,
        };
        let link = Link::new(limits, Arc::clone(&self.metrics));
        let connection = Connection::new("a-connection".into(), Dialect::Plain, link);
        assert!(self.rooms.begin_join(
            CONVERSATION,
            &connection,
            &"u-1".parse().expect("valid"),
            Joining::New
        ));
        self.guests.push(Guest {
            connection,
            since: u64::MAX,
            stage: Stage::Holding,
        });
    }

    fn go(&mut self) {
        if self.guests.is_empty() {
            return;
        }
        let index = self.rng.random_range(0..self.guests.len());
        let guest = self.guests.swap_remove(index);
        self.rooms.leave(CONVERSATION, &guest.connection);
        check(&guest, None);
        if self.guests.is_empty() {
            self.refilling = false;
        }
    }

    /// One joining guest does its next step: it is told a head, which may be an old one, or it goes live.
    fn advance_joining(&mut self) {
        let Some(guest) = self
            .guests
            .iter_mut()
            .find(|guest| guest.stage != Stage::Live)
        else {
            return;
        };
        match guest.stage {
            Stage::Holding => {
                let told = self.head.saturating_sub(self.rng.random_range(0..3));
                guest.since = self.rng.random_range(0..=told);
                replay(&guest.connection, guest.since, told);
                guest.stage = Stage::Told(told);
            }
            Stage::Told(at) => match self.rooms.end_join(CONVERSATION, &guest.connection, at) {
                JoinStep::Live => {
                    guest.stage = Stage::Live;
                    self.refilling |= self.rooms.note_head(CONVERSATION, at);
                }
                JoinStep::Behind(up_to) => {
                    assert!(
                        up_to <= self.head,
                        "nobody can be behind what was not stored"
                    );
                    replay(&guest.connection, at, up_to);
                    guest.stage = Stage::Told(up_to);
                }
                JoinStep::Gone => unreachable!("it has not left"),
            },
            Stage::Live => unreachable!("it was looked for"),
        }
    }

    /// Fetches some of what is missing from the log.
    fn refill(&mut self) {
        if let Some(after) = self.rooms.position(CONVERSATION) {
            let up_to = self.head.min(after + self.rng.random_range(1..5));
            for seq in after + 1..=up_to {
                self.rooms.message(CONVERSATION, seq, item(seq));
            }
        }
        self.refilling = self.rooms.end_refill(CONVERSATION);
    }

    /// Everybody goes live, and the room is compared with the log, as after a reconnect.
    fn settle(&mut self) {
        while self.guests.iter().any(|guest| guest.stage != Stage::Live) {
            self.advance_joining();
        }
        self.rooms.begin_check(CONVERSATION);
        self.rooms.note_head(CONVERSATION, self.head);
        while self.rooms.has_gap(CONVERSATION) {
            self.refill();
        }
        for guest in &self.guests {
            check(guest, Some(self.head));
        }
    }
}

fn item(seq: u64) -> Item {
    Arc::new(EventFrame::new("new_message", seq.to_string()))
}

fn replay(connection: &Connection, after: u64, up_to: u64) {
    for seq in after + 1..=up_to {
        connection.send(
            &EventFrame::new("new_message", seq.to_string()),
            Class::Durable,
        );
    }
}

/// What a guest saw is exactly what follows the point from which it joined, up to `head` if that is given.
fn check(guest: &Guest, head: Option<u64>) {
    let seen = seen(&guest.connection);
    let expected: Vec<u64> = (guest.since.saturating_add(1)..).take(seen.len()).collect();
    assert_eq!(seen, expected, "each once, in order, without a gap");
    if let Some(head) = head {
        assert_eq!(
            guest.since + seen.len() as u64,
            head,
            "nothing is left out at the end"
        );
    }
}

fn seen(connection: &Connection) -> Vec<u64> {
    let context = Context::from_waker(Waker::noop());
    let mut text = Vec::new();
    while let Poll::Ready(Taken::Frames(frames)) = connection.link().poll_take(&context, 1 << 20) {
        // Each has a header of two bytes, being short.
        frames
            .iter()
            .for_each(|frame| text.extend_from_slice(&frame[2..]));
    }
    let text = String::from_utf8(text).expect("JSON");
    text.split(r#"{"event":"new_message","data":"#)
        .filter_map(|part| part.trim_end_matches('}').parse().ok())
        .collect()
}

#[test]
fn every_member_sees_exactly_what_follows_its_own_start_whatever_arrives_and_whenever_it_joins() {
    let mut joins: HashMap<usize, u32> = HashMap::new();
    for seed in 0..SEEDS {
        let mut world = World::new(seed);
        world.come();
        for _ in 0..STEPS {
            world.step();
        }
        world.settle();
        *joins.entry(world.guests.len().min(3)).or_default() += 1;
    }
    assert!(
        joins.get(&3).is_some_and(|count| *count > 100),
        "most worlds must have several guests: {joins:?}"
    );
}

#[test]
fn what_overflows_while_joining_is_fetched_again_even_if_the_last_straw_is_a_change() {
    let mut world = World::new(0);
    world.come();
    assert_eq!(
        world
            .rooms
            .end_join(CONVERSATION, &world.guests[0].connection, 0),
        JoinStep::Live
    );
    world.come();
    for seq in 1..=512 {
        world.rooms.message(CONVERSATION, seq, item(seq));
    }
    world.rooms.change(CONVERSATION, (1, 1), item(1));
    world.rooms.message(CONVERSATION, 513, item(513));
    let connection = &world.guests[1].connection;
    let step = world.rooms.end_join(CONVERSATION, connection, 0);
    assert_eq!(step, JoinStep::Behind(512));
    replay(connection, 0, 512);
    assert_eq!(
        world.rooms.end_join(CONVERSATION, connection, 512),
        JoinStep::Live
    );
    assert_eq!(seen(connection), (1..=513).collect::<Vec<_>>());
}
