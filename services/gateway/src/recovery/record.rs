use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use messaging_bus::presence::Instance;
use messaging_domain::UserId;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::connection::Places;

/// The form that this release writes; another one is not read.
const VERSION: u8 = 1;

/// What is kept of a session in the bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    /// Whose it is.
    pub(crate) user: UserId,
    /// Who serves it, and alone may write this.
    pub(crate) gateway: Instance,
    /// How often it was taken over, which tells one turn of a gateway from a later one of the same gateway.
    pub(crate) turn: u32,
    /// The connection's id.
    pub(crate) connection_id: Box<str>,
    /// What it has joined.
    pub(crate) places: Places,
}

/// As it is written. The names are short since there is one for each connection.
#[derive(Serialize, Deserialize)]
struct Written<'a> {
    v: u8,
    u: UserId,
    w: &'a str,
    #[serde(default, skip_serializing_if = "is_first")]
    t: u32,
    c: &'a str,
    p: Places,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks like this")]
const fn is_first(turn: &u32) -> bool {
    *turn == 0
}

impl Record {
    pub(crate) fn encode(&self) -> Bytes {
        let written = Written {
            v: VERSION,
            u: self.user.clone(),
            w: &self.gateway.to_string(),
            t: self.turn,
            c: &self.connection_id,
            p: self.places.clone(),
        };
        serde_json::to_vec(&written)
            .expect("its fields are plain")
            .into()
    }

    /// Whether it may take the place of one that is there, without having seen it: one of the same gateway, and not of a later turn.
    ///
    /// A release that does not know of turns writes each one as the first, so the turn alone says nothing of another gateway's.
    pub(super) fn replaces(&self, there: &Self) -> bool {
        there.gateway == self.gateway && there.turn <= self.turn
    }

    /// `None` for what another release wrote.
    pub(crate) fn decode(value: &[u8]) -> Option<Self> {
        let written: Written<'_> = serde_json::from_slice(value).ok()?;
        if written.v != VERSION {
            return None;
        }
        Some(Self {
            user: written.u,
            gateway: written.w.parse().ok()?,
            turn: written.t,
            connection_id: written.c.into(),
            places: written.p,
        })
    }
}

/// How far the record of a client here is written.
#[derive(Debug)]
pub(crate) struct Stored {
    /// The last write of the record; held while the next one is made.
    pub(crate) revision: Mutex<u64>,
    /// The turn in which it is written.
    pub(super) turn: u32,
    is_stale: AtomicBool,
    is_finished: AtomicBool,
    is_void: AtomicBool,
    written_at: parking_lot::Mutex<Instant>,
}

impl Stored {
    /// It was just written.
    pub(crate) fn new(revision: u64, turn: u32) -> Self {
        Self {
            revision: Mutex::new(revision),
            turn,
            is_stale: AtomicBool::new(false),
            is_finished: AtomicBool::new(false),
            is_void: AtomicBool::new(false),
            written_at: parking_lot::Mutex::new(Instant::now()),
        }
    }

    /// Whether the record may lack something, so that nobody must rely on it.
    pub(crate) fn is_stale(&self) -> bool {
        self.is_stale.load(Ordering::Acquire)
    }

    pub(super) fn written(&self) {
        self.is_stale.store(false, Ordering::Release);
        *self.written_at.lock() = Instant::now();
    }

    pub(super) fn failed(&self) {
        self.is_stale.store(true, Ordering::Release);
    }

    /// The connection has ended, or goes on elsewhere: its record is not renewed from here on. True if it was before.
    pub(crate) fn finish(&self) -> bool {
        self.is_finished.swap(true, Ordering::AcqRel)
    }

    pub(super) fn is_finished(&self) -> bool {
        self.is_finished.load(Ordering::Acquire)
    }

    /// Nobody shall go on from here: the log has not what the client says that it has.
    pub(crate) fn void(&self) {
        self.is_void.store(true, Ordering::Release);
    }

    pub(super) fn is_void(&self) -> bool {
        self.is_void.load(Ordering::Acquire)
    }

    pub(super) fn written_at(&self) -> Instant {
        *self.written_at.lock()
    }
}

#[cfg(test)]
mod tests {
    use messaging_domain::ConversationId;

    use super::*;
    use crate::connection::Trail;

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let mut trail = Trail::new("abcdefghijklmnopqrst");
        trail.enter(ConversationId::from_bytes([1; 12]), 7);
        let record = Record {
            user: "u-1".parse().expect("valid"),
            gateway: "gateway-1".parse().expect("valid"),
            turn: 0,
            connection_id: "an-id".into(),
            places: trail.checkpoint(),
        };
        let written = record.encode();
        assert_eq!(Record::decode(&written).as_ref(), Some(&record));
        assert_eq!(
            &written[..],
            br#"{"v":1,"u":"u-1","w":"gateway-1","c":"an-id","p":{"g":1,"n":1,"p":[{"n":0,"c":"010101010101010101010101","b":7,"o":7}]}}"#
        );
    }

    #[test]
    fn a_record_gives_way_to_its_own_gateway_unless_it_was_taken_over_since() {
        let record = |gateway: &str, turn| Record {
            user: "u-1".parse().expect("valid"),
            gateway: gateway.parse().expect("valid"),
            turn,
            connection_id: "an-id".into(),
            places: Places::default(),
        };
        let (first, elsewhere, again) = (record("one", 0), record("two", 1), record("one", 2));
        assert_eq!(Record::decode(&again.encode()).as_ref(), Some(&again));
        for (writer, there, replaces) in [
            (&first, &first, true),
            (&elsewhere, &first, false),
            (&again, &first, true),
            (&first, &elsewhere, false),
            // The same gateway has another connection of the session by now.
            (&first, &again, false),
            (&record("two", 2), &again, false),
        ] {
            assert_eq!(writer.replaces(there), replaces, "{writer:?} {there:?}");
        }
    }

    #[test]
    fn what_another_release_wrote_is_nothing() {
        for other in [
            "",
            "{}",
            "[1]",
            r#"{"v":2,"u":"u","w":"g","c":"i","p":{"g":0,"n":0,"p":[]}}"#,
        ] {
            assert_eq!(Record::decode(other.as_bytes()), None, "{other}");
        }
    }
}
