//! The formula of `docs/capacity.md`, which this is the one implementation of.

use super::crowd::Kind;

const KIB: u64 = 1024;

/// The settings that bound what a connection can make a gateway hold.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    /// `FRAME_BYTES_MAX`.
    pub(super) frame_bytes_max: u64,
    /// `OUTBOX_BYTES_MAX`.
    pub(super) outbox_bytes_max: u64,
    /// Conversations that a connection has joined: at most `CONVERSATIONS_PER_CONNECTION_MAX`.
    pub(super) joined: u64,
}

/// A connection that speaks HTTP and does nothing: hyper's two buffers, the tasks and timers.
const HTTP: u64 = 24 * KIB;

/// The head of a request is read into a buffer that doubles until it has 64 KiB, and an old one is copied into the new one.
const HEAD: u64 = 2 * 64 * KIB;

/// A link, its session, its tasks and timers, and the tokens of its request.
const SESSION: u64 = 16 * KIB;

/// The first buffer of a WebSocket's reader.
const READER: u64 = 8 * KIB;

/// A place in a room, in a trail and in a record.
const JOINED: u64 = KIB / 2;

/// The largest message as JSON: 10,000 characters of four bytes and ten attachments.
const MESSAGE: u64 = 48 * KIB;

/// A room and its subscription, and a user and his.
const ROOM: u64 = 12 * KIB;
const USER: u64 = 8 * KIB;

impl Limits {
    /// What one connection of a kind can make a gateway hold at most, without what the kernel holds for it.
    pub(super) const fn of(&self, kind: Kind) -> u64 {
        match kind {
            Kind::Silent | Kind::Refused => HTTP,
            Kind::SlowHead | Kind::LongHead => HTTP + HEAD,
            Kind::SlowBody | Kind::SlowCall => HTTP + HEAD + SESSION + self.body(),
            Kind::UnreadAnswer => HTTP + HEAD + self.payload(),
            Kind::PollingUnengaged => HTTP + SESSION,
            Kind::SocketUnengaged => SESSION + READER,
            Kind::HalfFrame => SESSION + self.reader(),
            Kind::UnreadPongs => SESSION + self.reader() + self.outbox(),
            Kind::SlowSocketIo | Kind::SlowPlain => self.joined() + READER + self.outbox(),
            Kind::SlowPolling => HTTP + HEAD + self.joined() + self.outbox() + self.payload(),
            Kind::FloodOfEvents
            | Kind::FloodOfFragments
            | Kind::FloodOfPings
            | Kind::FloodOfOversize => self.joined() + self.reader() + self.inbox() + self.outbox(),
        }
    }

    /// What a room takes, as long as somebody has joined and no message is missing.
    pub(super) const fn room() -> u64 {
        ROOM
    }

    /// What a user can take, whatever his connections do.
    pub(super) const fn user() -> u64 {
        USER
    }

    /// A body is copied as it comes, into a buffer that doubles.
    const fn body(&self) -> u64 {
        2 * self.frame_bytes_max
    }

    /// A frame that is being read, what came before it of its message, in a buffer that doubles, and the whole message.
    const fn reader(&self) -> u64 {
        READER + 3 * self.frame_bytes_max
    }

    /// Its events that wait, the one that there is no room for, and the one that is in work: its data, as a command, on its way.
    const fn inbox(&self) -> u64 {
        2 * self.frame_bytes_max + self.frame_bytes_max + 3 * self.frame_bytes_max
    }

    /// Unsent bytes, and the entries that they are in. One entry fits in any case.
    const fn outbox(&self) -> u64 {
        let bytes = if self.outbox_bytes_max < MESSAGE {
            MESSAGE
        } else {
            self.outbox_bytes_max
        };
        bytes + self.outbox_bytes_max
    }

    /// What a poll brings: so much of the outbox, or one message, as it was and as it is written.
    const fn payload(&self) -> u64 {
        2 * if self.frame_bytes_max < MESSAGE {
            MESSAGE
        } else {
            self.frame_bytes_max
        }
    }

    const fn joined(&self) -> u64 {
        SESSION + JOINED * self.joined
    }
}

/// The bound of a gateway: what it takes without clients, and a quarter more than what they can make it hold, for what the
/// allocator rounds up and has not given back yet.
pub(super) const fn bound(base: u64, held: u64) -> u64 {
    base + held + held / 4
}
