use std::collections::BTreeMap;

/// The most messages that are held while an earlier one is missing, and the most changes to all of them together; what does
/// not fit is fetched with the rest of the gap.
const HELD_MAX: usize = 256;

/// Lets the messages of a conversation through in the order of `seq`, each once, and says what is missing.
///
/// It is closed until it is told where the conversation stands; till then it holds what arrives.
#[derive(Debug)]
pub(crate) struct Gate<T> {
    last: Option<u64>,
    /// The largest `seq` that is known to exist.
    head: u64,
    held: BTreeMap<u64, Held<T>>,
}

/// What is held for a `seq`: the message, and changes to it that arrived before it could be let through.
#[derive(Debug)]
struct Held<T> {
    message: Option<T>,
    changes: Vec<T>,
}

/// What is let through, in order.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Passed<T> {
    /// A message.
    Message(u64, T),
    /// A change to a message that was let through.
    Change(u64, T),
}

impl<T> Default for Gate<T> {
    fn default() -> Self {
        Self {
            last: None,
            head: 0,
            held: BTreeMap::new(),
        }
    }
}

impl<T> Gate<T> {
    /// The `seq` of the last message let through, or where the gate was opened; none while it is closed.
    pub(crate) const fn last(&self) -> Option<u64> {
        self.last
    }

    /// Opens a closed gate after a `seq`, and lets through what is held for it. An open one stays as it is.
    pub(crate) fn open(&mut self, after: u64) -> Vec<Passed<T>> {
        if self.last.is_some() {
            return Vec::new();
        }
        self.last = Some(after);
        self.head = self.head.max(after);
        let later = self.held.split_off(&(after + 1));
        let earlier = std::mem::replace(&mut self.held, later);
        // Whoever joins may have been given these messages before they were changed.
        let changes = earlier.into_iter().flat_map(|(seq, held)| {
            let changes = held.changes.into_iter();
            changes.map(move |change| Passed::Change(seq, change))
        });
        self.pass_held(changes.collect())
    }

    /// Offers a message; what is let through may be it, more that was held behind it, or nothing.
    pub(crate) fn offer(&mut self, seq: u64, message: T) -> Vec<Passed<T>> {
        self.head = self.head.max(seq);
        match self.last {
            Some(last) if seq <= last => Vec::new(),
            Some(last) if seq == last + 1 => {
                self.last = Some(seq);
                let mut passed = vec![Passed::Message(seq, message)];
                if let Some(held) = self.held.remove(&seq) {
                    passed.extend(
                        held.changes
                            .into_iter()
                            .map(|change| Passed::Change(seq, change)),
                    );
                }
                self.pass_held(passed)
            }
            _ => {
                if let Some(held) = self.hold(seq) {
                    held.message = Some(message);
                }
                Vec::new()
            }
        }
    }

    /// Offers a change to a message, which is let through once the message is.
    pub(crate) fn change(&mut self, seq: u64, change: T) -> Option<Passed<T>> {
        self.head = self.head.max(seq);
        if self.last.is_some_and(|last| seq <= last) {
            return Some(Passed::Change(seq, change));
        }
        let changes: usize = self.held.values().map(|held| held.changes.len()).sum();
        if let Some(held) = self.hold(seq) {
            if changes < HELD_MAX {
                held.changes.push(change);
            } else {
                // The message is fetched as it is by then, with this change.
                held.message = None;
                held.changes = Vec::new();
            }
        }
        None
    }

    /// Notes that messages up to a `seq` exist.
    pub(crate) fn note_head(&mut self, seq: u64) {
        self.head = self.head.max(seq);
    }

    /// Gives up on what is missing: it is taken to be none.
    pub(crate) fn forget_gap(&mut self) {
        self.head = self.last.unwrap_or(0);
        self.held.clear();
    }

    /// After which `seq` messages are missing, if any are.
    pub(crate) fn gap(&self) -> Option<u64> {
        self.last.filter(|last| *last < self.head)
    }

    fn hold(&mut self, seq: u64) -> Option<&mut Held<T>> {
        if self.held.len() >= HELD_MAX && !self.held.contains_key(&seq) {
            // The nearest ones are kept: those far ahead will be fetched after them.
            let (&farthest, _) = self.held.last_key_value()?;
            if farthest < seq {
                return None;
            }
            self.held.remove(&farthest);
        }
        Some(self.held.entry(seq).or_insert_with(|| Held {
            message: None,
            changes: Vec::new(),
        }))
    }

    fn pass_held(&mut self, mut passed: Vec<Passed<T>>) -> Vec<Passed<T>> {
        while let Some(last) = self.last
            && let Some(next) = self.held.first_entry()
            && *next.key() == last + 1
            && next.get().message.is_some()
        {
            let (seq, held) = next.remove_entry();
            passed.extend(held.message.map(|message| Passed::Message(seq, message)));
            passed.extend(
                held.changes
                    .into_iter()
                    .map(|change| Passed::Change(seq, change)),
            );
            self.last = Some(seq);
        }
        passed
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn seqs(passed: &[Passed<u64>]) -> Vec<u64> {
        passed
            .iter()
            .filter_map(|passed| match passed {
                Passed::Message(seq, _) => Some(*seq),
                Passed::Change(..) => None,
            })
            .collect()
    }

    #[test]
    fn smaller_is_dropped_next_is_delivered_later_is_held() {
        let mut gate = Gate::default();
        assert!(gate.open(5).is_empty());
        assert!(gate.offer(5, 5).is_empty());
        assert!(gate.offer(7, 7).is_empty());
        assert_eq!(gate.gap(), Some(5));
        assert_eq!(seqs(&gate.offer(6, 6)), [6, 7]);
        assert_eq!(gate.gap(), None);
    }

    #[test]
    fn a_closed_gate_holds_what_arrives() {
        let mut gate = Gate::default();
        for seq in [3, 2, 1] {
            assert!(gate.offer(seq, seq).is_empty());
        }
        assert_eq!(gate.gap(), None);
        assert_eq!(seqs(&gate.open(1)), [2, 3]);
    }

    #[test]
    fn a_change_never_overtakes_its_message() {
        let mut gate = Gate::default();
        gate.open(0);
        assert_eq!(gate.change(1, 11), None);
        assert_eq!(gate.gap(), Some(0));
        assert_eq!(
            gate.offer(1, 1),
            [Passed::Message(1, 1), Passed::Change(1, 11)]
        );
        assert_eq!(gate.change(1, 12), Some(Passed::Change(1, 12)));
    }

    #[test]
    fn opening_lets_changes_through_that_arrived_before() {
        let mut gate = Gate::default();
        gate.change(3, 33);
        gate.offer(3, 3);
        gate.offer(6, 6);
        assert_eq!(gate.open(5), [Passed::Change(3, 33), Passed::Message(6, 6)]);
    }

    #[test]
    fn a_change_that_does_not_fit_is_fetched_with_its_message() {
        let mut gate = Gate::default();
        gate.open(0);
        gate.offer(2, 2);
        gate.offer(3, 3);
        for version in 0..HELD_MAX as u64 {
            assert_eq!(gate.change(2, version), None);
        }
        assert_eq!(gate.change(3, 99), None);
        assert_eq!(seqs(&gate.offer(1, 1)), [1, 2]);
        assert_eq!(gate.gap(), Some(2), "the third is to be fetched anew");
        assert_eq!(seqs(&gate.offer(3, 3)), [3]);
    }

    proptest! {
        /// Whatever arrives in whatever order, however often: what is let through is 1, 2, 3 … and a gap is told of until it is filled.
        #[test]
        fn messages_pass_in_order_once_and_refilling_the_gap_completes_them(
            arrivals in proptest::collection::vec((1u64..600, any::<bool>()), 0..400),
            opened_at in 0u64..5,
        ) {
            let mut gate = Gate::default();
            let mut passed = seqs(&gate.open(opened_at));
            let mut head = opened_at;
            for (seq, is_change) in arrivals {
                head = head.max(seq);
                if is_change {
                    gate.change(seq, seq);
                } else {
                    passed.extend(seqs(&gate.offer(seq, seq)));
                }
                prop_assert!(gate.held.len() <= HELD_MAX);
            }
            while let Some(after) = gate.gap() {
                passed.extend(seqs(&gate.offer(after + 1, after + 1)));
            }
            prop_assert_eq!(passed, (opened_at + 1..=head).collect::<Vec<_>>());
            prop_assert_eq!(gate.last(), Some(head));
        }
    }
}
