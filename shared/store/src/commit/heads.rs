use messaging_domain::ConversationId;
use moka::sync::Cache;

use crate::model::Head;

/// What this replica knows of the heads of conversations, all of it majority-committed.
///
/// A head here is right until another replica writes to the same conversation. Then the next insert collides, which costs the rest
/// of its batch a round trip; so a conversation that others write to is looked up before each insert, until it has been
/// this replica's alone for a while. The same goes for senders that repeat themselves.
///
/// One batch at a time has a conversation, so reading and then writing an entry is no race.
pub(crate) struct Heads(Cache<ConversationId, Known>);

#[derive(Debug, Clone, Copy)]
struct Known {
    head: Option<Head>,
    /// Look-ups in a row that found nobody else's message.
    alone: u8,
    /// Look-ups in a row that found no repeated message.
    fresh: u8,
}

const HEADS_MAX: u64 = 100_000;
/// How many look-ups it takes to be trusted again.
const TRUSTED: u8 = 8;

impl Known {
    const NEW: Self = Self {
        head: None,
        alone: TRUSTED,
        fresh: TRUSTED,
    };
}

impl Heads {
    pub(crate) fn new() -> Self {
        Self(Cache::new(HEADS_MAX))
    }

    /// The head, if a number can be built on it without a look-up.
    pub(super) fn trusted(&self, id: ConversationId) -> Option<Head> {
        let known = self.0.get(&id)?;
        known.head.filter(|_| known.alone >= TRUSTED)
    }

    /// Whether repeated messages are to be looked for before they collide.
    pub(super) fn expects_repeats(&self, id: ConversationId) -> bool {
        self.0.get(&id).is_some_and(|known| known.fresh < TRUSTED)
    }

    /// Takes note of what the summary or the log has, and returns the furthest head known.
    pub(super) fn looked_up(&self, id: ConversationId, found: Head) -> Head {
        let mut known = self.known(id);
        let head = match known.head {
            Some(head) if head.seq >= found.seq => {
                known.alone = known.alone.saturating_add(1).min(TRUSTED);
                head
            }
            Some(_) => {
                known.alone = 0;
                found
            }
            None => found,
        };
        known.head = Some(head);
        self.0.insert(id, known);
        head
    }

    /// Takes note of one's own acknowledged write.
    pub(super) fn committed(&self, id: ConversationId, head: Head) {
        let known = self.known(id);
        self.0.insert(
            id,
            Known {
                head: Some(head),
                ..known
            },
        );
    }

    /// Takes note of a collision with another replica's message.
    pub(super) fn overtaken(&self, id: ConversationId, head: Head) {
        let known = self.known(id);
        let furthest = known
            .head
            .filter(|known| known.seq > head.seq)
            .unwrap_or(head);
        self.0.insert(
            id,
            Known {
                head: Some(furthest),
                alone: 0,
                ..known
            },
        );
    }

    pub(super) fn found_repeats(&self, id: ConversationId) {
        let known = self.known(id);
        self.0.insert(id, Known { fresh: 0, ..known });
    }

    pub(super) fn found_no_repeats(&self, id: ConversationId) {
        let mut known = self.known(id);
        known.fresh = known.fresh.saturating_add(1).min(TRUSTED);
        self.0.insert(id, known);
    }

    /// Forgets a head after a write with an unknown outcome, whose senders will probably repeat themselves.
    pub(super) fn forget(&self, id: ConversationId) {
        self.0.insert(
            id,
            Known {
                head: None,
                alone: TRUSTED,
                fresh: 0,
            },
        );
    }

    fn known(&self, id: ConversationId) -> Known {
        self.0.get(&id).unwrap_or(Known::NEW)
    }
}

#[cfg(test)]
mod tests {
    use messaging_domain::{Counts, Timestamp};

    use super::*;

    const ID: ConversationId = ConversationId::from_bytes([1; 12]);

    fn head(seq: u64) -> Head {
        let counts = Counts {
            client: seq,
            freelancer: 0,
        };
        Head {
            seq,
            counts,
            at: Timestamp::from_millis(0),
        }
    }

    #[test]
    fn a_head_is_trusted_until_somebody_else_writes_and_again_after_a_while_alone() {
        let heads = Heads::new();
        assert_eq!(heads.trusted(ID), None);
        assert_eq!(heads.looked_up(ID, head(3)), head(3));
        assert_eq!(heads.trusted(ID), Some(head(3)));
        heads.overtaken(ID, head(5));
        for seq in 6..6 + u64::from(TRUSTED) {
            assert_eq!(heads.trusted(ID), None);
            heads.committed(ID, head(seq));
            // A summary that lags does not take the acknowledged head back.
            assert_eq!(heads.looked_up(ID, head(seq - 1)), head(seq));
        }
        assert!(heads.trusted(ID).is_some());
        assert_eq!(heads.looked_up(ID, head(99)), head(99));
        assert_eq!(heads.trusted(ID), None);
    }

    #[test]
    fn after_an_unknown_outcome_nothing_is_trusted_and_repeats_are_expected() {
        let heads = Heads::new();
        heads.committed(ID, head(7));
        assert!(!heads.expects_repeats(ID));
        heads.forget(ID);
        assert_eq!(heads.trusted(ID), None);
        assert!(heads.expects_repeats(ID));
        assert_eq!(heads.looked_up(ID, head(4)), head(4));
        (0..TRUSTED).for_each(|_| heads.found_no_repeats(ID));
        assert!(!heads.expects_repeats(ID));
    }
}
