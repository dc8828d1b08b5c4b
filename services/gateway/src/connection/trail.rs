use std::fmt::Write as _;

use messaging_domain::ConversationId;
use serde::{Deserialize, Serialize};

/// Conversations whose positions one offset may name before a checkpoint is due; each costs some ten bytes of every message.
const CHANGED_MAX: usize = 16;

/// Characters of a session's name that its offsets begin with.
const TAG_LENGTH: usize = 6;

/// The longest offset that is read, in bytes: more than the longest one that is written.
const OFFSET_BYTES_MAX: usize = 16 * 1024;

/// How far a connection was sent each conversation that it has joined, and the offsets that say so.
///
/// An offset is the last argument of a `new_message`: what a client of Socket.IO brings back when it wants to go on. It names the
/// positions that differ from the stored [`Places`], so both together tell where the client stands.
#[derive(Debug)]
pub(crate) struct Trail {
    tag: Box<str>,
    places: Places,
    /// The present position of each place, in the same order.
    at: Vec<u64>,
    changed: usize,
}

/// The joined conversations and where each one's position was when it was stored.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Places {
    /// Counts checkpoints: how often all positions were stored anew.
    #[serde(rename = "g")]
    generation: u32,
    /// The number that the next place gets; none is used twice.
    #[serde(rename = "n")]
    next: u32,
    #[serde(rename = "p")]
    places: Vec<Place>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Place {
    #[serde(rename = "n")]
    number: u32,
    #[serde(rename = "c")]
    conversation: ConversationId,
    /// Its position at the last checkpoint, or when it was joined after that.
    #[serde(rename = "b")]
    base: u64,
    /// Its base before the last checkpoint, for clients whose last offset is older than that.
    #[serde(rename = "o", default, skip_serializing_if = "Option::is_none")]
    old: Option<u64>,
}

impl Trail {
    /// The trail of a new session.
    pub(crate) fn new(session: &str) -> Self {
        Self {
            tag: tag(session).into(),
            places: Places::default(),
            at: Vec::new(),
            changed: 0,
        }
    }

    /// A trail that goes on from positions which [`Places::resolve`] found.
    pub(crate) fn resume(session: &str, places: Places, at: &[(ConversationId, u64)]) -> Self {
        let at = at.iter().map(|(_, at)| *at).collect();
        let mut trail = Self {
            tag: tag(session).into(),
            places,
            at,
            changed: 0,
        };
        trail.count_changed();
        trail
    }

    /// Notes that a conversation was joined by a client that has everything up to `base`.
    pub(crate) fn enter(&mut self, conversation: ConversationId, base: u64) {
        self.leave(conversation);
        let number = self.places.next;
        self.places.next += 1;
        self.places.places.push(Place {
            number,
            conversation,
            base,
            old: None,
        });
        self.at.push(base);
    }

    /// Notes that a conversation was left; true if it had been joined.
    pub(crate) fn leave(&mut self, conversation: ConversationId) -> bool {
        let Some(index) = self.find(conversation) else {
            return false;
        };
        self.places.places.remove(index);
        self.at.remove(index);
        self.count_changed();
        true
    }

    /// Notes that a message is sent, and returns the offset that goes with it; none for what was not joined.
    pub(crate) fn advance(&mut self, conversation: ConversationId, seq: u64) -> Option<String> {
        let index = self.find(conversation)?;
        if self.at[index] == self.places.places[index].base {
            self.changed += 1;
        }
        self.at[index] = seq;
        Some(self.offset())
    }

    /// Whether offsets have grown so long that the positions should be stored anew.
    pub(crate) const fn wants_checkpoint(&self) -> bool {
        self.changed > CHANGED_MAX
    }

    /// What to store, with the positions as they were.
    pub(crate) const fn places(&self) -> &Places {
        &self.places
    }

    /// What to store for a checkpoint: with the positions as they are. [`Trail::stored`] is due once it is.
    pub(crate) fn checkpoint(&self) -> Places {
        let places = self.places.places.iter().zip(&self.at);
        Places {
            generation: self.places.generation + 1,
            next: self.places.next,
            places: places
                .map(|(place, at)| Place {
                    base: *at,
                    old: Some(place.base),
                    ..place.clone()
                })
                .collect(),
        }
    }

    /// A checkpoint was stored: offsets begin from it. Places that were entered or left meanwhile stay so.
    pub(crate) fn stored(&mut self, checkpoint: &Places) {
        self.places.generation = checkpoint.generation;
        for place in &mut self.places.places {
            let stored = checkpoint
                .places
                .iter()
                .find(|stored| stored.number == place.number);
            if let Some(stored) = stored {
                place.clone_from(stored);
            }
        }
        self.count_changed();
    }

    /// The present positions.
    pub(crate) fn positions(&self) -> Vec<(ConversationId, u64)> {
        let places = self.places.places.iter().zip(&self.at);
        places
            .map(|(place, at)| (place.conversation, *at))
            .collect()
    }

    /// Where each place stands that is not at its base: `tag.generation.number-seq.number-seq…`.
    fn offset(&self) -> String {
        let mut offset = String::with_capacity(16 + 12 * self.changed);
        write!(offset, "{}.{}", self.tag, self.places.generation).expect("memory takes it");
        for (place, at) in self.places.places.iter().zip(&self.at) {
            if *at != place.base {
                write!(offset, ".{}-{at}", place.number).expect("memory takes it");
            }
        }
        offset
    }

    fn find(&self, conversation: ConversationId) -> Option<usize> {
        let mut places = self.places.places.iter();
        places.position(|place| place.conversation == conversation)
    }

    fn count_changed(&mut self) {
        let places = self.places.places.iter().zip(&self.at);
        self.changed = places.filter(|(place, at)| place.base != **at).count();
    }
}

impl Places {
    /// Where a client stands that brings this offset, or none: if no message came that had one.
    ///
    /// `None` if that cannot be told exactly, since the offset is older than what is stored.
    pub(crate) fn resolve(
        &self,
        session: &str,
        offset: Option<&str>,
    ) -> Option<Vec<(ConversationId, u64)>> {
        // An offset of another session: no message has come under this one.
        let own = match offset {
            Some(text) if text.len() > OFFSET_BYTES_MAX => return None,
            Some(text) => text
                .strip_prefix(tag(session))
                .and_then(|rest| rest.strip_prefix('.')),
            None => None,
        };
        let (generation, named) = match own {
            Some(text) => parse(text)?,
            None => (0, Vec::new()),
        };
        let is_old = match self.generation.checked_sub(generation)? {
            0 => false,
            1 => true,
            _ => return None,
        };
        let position = |place: &Place| {
            let mut named = named.iter().filter(|(number, _)| *number == place.number);
            match named.next() {
                Some((_, at)) => *at,
                None if is_old => place.old.unwrap_or(place.base),
                None => place.base,
            }
        };
        let places = self.places.iter();
        Some(
            places
                .map(|place| (place.conversation, position(place)))
                .collect(),
        )
    }
}

/// What the offsets of a session begin with, so that they are told from those of the one before it.
fn tag(session: &str) -> &str {
    session.get(..TAG_LENGTH).unwrap_or(session)
}

/// A generation and the positions that an offset names, by the numbers of their places.
type Named = (u32, Vec<(u32, u64)>);

fn parse(offset: &str) -> Option<Named> {
    let mut parts = offset.split('.');
    let generation = parts.next()?.parse().ok()?;
    let mut named = Vec::new();
    for part in parts {
        let (number, at) = part.split_once('-')?;
        named.push((number.parse().ok()?, at.parse().ok()?));
    }
    Some((generation, named))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SESSION: &str = "abcdefghijklmnopqrst";

    fn conversation(number: u8) -> ConversationId {
        ConversationId::from_bytes([number; 12])
    }

    #[test]
    fn without_an_offset_a_client_stands_where_it_joined() {
        let mut trail = Trail::new(SESSION);
        trail.enter(conversation(1), 7);
        let stored = trail.places().clone();
        let expected = Some(vec![(conversation(1), 7)]);
        assert_eq!(stored.resolve(SESSION, None), expected);
        // What the client still has of an earlier session.
        assert_eq!(stored.resolve(SESSION, Some("zzzzzz.4.0-99")), expected);
    }

    #[test]
    fn an_offset_names_what_has_changed() {
        let mut trail = Trail::new(SESSION);
        trail.enter(conversation(1), 7);
        trail.enter(conversation(2), 0);
        let offset = trail.advance(conversation(1), 8).expect("joined");
        assert_eq!(offset, "abcdef.0.0-8");
        assert_eq!(trail.advance(conversation(3), 1), None);
        let resolved = trail.places().resolve(SESSION, Some(&offset));
        assert_eq!(
            resolved,
            Some(vec![(conversation(1), 8), (conversation(2), 0)])
        );
    }

    #[test]
    fn a_conversation_that_was_left_and_joined_anew_is_another_place() {
        let mut trail = Trail::new(SESSION);
        trail.enter(conversation(1), 7);
        let offset = trail.advance(conversation(1), 8).expect("joined");
        assert!(trail.leave(conversation(1)));
        assert!(!trail.leave(conversation(1)));
        trail.enter(conversation(1), 20);
        let resolved = trail.places().resolve(SESSION, Some(&offset));
        assert_eq!(resolved, Some(vec![(conversation(1), 20)]));
    }

    #[test]
    fn what_cannot_be_told_exactly_is_not_told() {
        let mut trail = Trail::new(SESSION);
        trail.enter(conversation(1), 0);
        let offset = trail.advance(conversation(1), 1).expect("joined");
        for generation in [1_u64, 2] {
            let resolved = trail.places().resolve(SESSION, Some(&offset));
            assert!(resolved.is_some(), "{generation}");
            let checkpoint = trail.checkpoint();
            trail.stored(&checkpoint);
            trail.advance(conversation(1), 1 + generation);
        }
        let places = trail.places();
        assert_eq!(places.resolve(SESSION, Some(&offset)), None);
        assert_eq!(places.resolve(SESSION, None), None);
        for bad in [
            "abcdef.",
            "abcdef.x",
            "abcdef.2.",
            "abcdef.2.1",
            "abcdef.2.1-",
            "abcdef.2.-1",
            "abcdef.3",
            "abcdef.2.0-99999999999999999999",
        ] {
            assert_eq!(places.resolve(SESSION, Some(bad)), None, "{bad}");
        }
    }

    #[test]
    fn the_longest_offset_can_be_read() {
        let mut trail = Trail::new(SESSION);
        for number in 0..500_u32 {
            let mut id = [0; 12];
            id[..4].copy_from_slice(&number.to_be_bytes());
            trail.enter(ConversationId::from_bytes(id), 0);
        }
        for (conversation, _) in trail.positions() {
            trail.advance(conversation, 1 << 48);
        }
        assert!(trail.wants_checkpoint());
        let offset = trail.offset();
        assert!(offset.len() <= OFFSET_BYTES_MAX, "{}", offset.len());
        assert!(trail.places().resolve(SESSION, Some(&offset)).is_some());
    }

    proptest! {
        /// Whatever happens in whatever order: an offset with what is stored at any later moment gives the positions of then,
        /// or nothing; and a place that was entered later stands where it was entered.
        #[test]
        fn an_offset_and_what_is_stored_tell_the_position_or_nothing(
            steps in proptest::collection::vec((0u8..6, 0u8..4), 1..120),
        ) {
            let mut trail = Trail::new(SESSION);
            let mut next = [10u64; 6];
            // The last offset, where all places stood then, and how many checkpoints came since.
            let mut last: (Option<String>, Vec<(u32, u64)>, u32) = (None, Vec::new(), 0);
            for (which, action) in steps {
                let id = conversation(which);
                match action {
                    0 => trail.enter(id, next[usize::from(which)]),
                    1 => drop(trail.leave(id)),
                    2 => {
                        next[usize::from(which)] += 1;
                        if let Some(offset) = trail.advance(id, next[usize::from(which)]) {
                            let numbers = trail.places.places.iter().map(|place| place.number);
                            last = (Some(offset), numbers.zip(trail.at.iter().copied()).collect(), 0);
                        }
                    }
                    _ => {
                        let checkpoint = trail.checkpoint();
                        trail.stored(&checkpoint);
                        last.2 += 1;
                    }
                }
                let resolved = trail.places.resolve(SESSION, last.0.as_deref());
                prop_assert_eq!(resolved.is_some(), last.2 <= 1);
                for (place, (_, at)) in trail.places.places.iter().zip(resolved.unwrap_or_default()) {
                    if let Some((_, then)) = last.1.iter().find(|(number, _)| *number == place.number) {
                        prop_assert_eq!(at, *then);
                    }
                }
            }
        }
    }
}
