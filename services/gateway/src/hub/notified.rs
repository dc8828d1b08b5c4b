use std::collections::VecDeque;

use messaging_domain::{ConversationId, Timestamp, UserId};

/// Conversations that are remembered for a user; of those that were quiet the longest a repeat is delivered once more.
const CONVERSATIONS_MAX: usize = 64;

/// Others whose last change of presence is remembered for a user; likewise.
const OTHERS_MAX: usize = 64;

/// Which messages a user was notified of lately, how far he read, and who came and went, so that what is told of twice is delivered
/// once.
///
/// For each conversation it is the last `seq` and, as a bit each, the 64 before it, since two API replicas may tell of their
/// messages in another order than they stored them.
#[derive(Debug, Default)]
pub(super) struct Notified {
    windows: VecDeque<Window>,
    /// Of the last others who came or went: when that was found, the latest at the end.
    others: VecDeque<(UserId, Timestamp)>,
}

#[derive(Debug)]
struct Window {
    conversation: ConversationId,
    last: u64,
    before: u64,
    /// How far the user has read.
    read: u64,
}

impl Notified {
    /// Notes a notification; false if it was noted before, or is older than what is remembered.
    pub(super) fn note(&mut self, conversation: ConversationId, seq: u64) -> bool {
        self.latest(conversation).note(seq)
    }

    /// Notes how far the user has read; false if that is no further than what was noted before.
    pub(super) fn note_read(&mut self, conversation: ConversationId, seq: u64) -> bool {
        let window = self.latest(conversation);
        let grew = seq > window.read;
        window.read = seq.max(window.read);
        grew
    }

    /// Notes that another user came or went; false if just that was noted before, or, of what is told of again, anything later.
    ///
    /// What is told of for the first time passes by whatever clock: it is what is known of him last.
    pub(super) fn note_presence(&mut self, of: &UserId, at: Timestamp, is_repeat: bool) -> bool {
        let known = self.others.iter().position(|(other, _)| other == of);
        if let Some(index) = known {
            let last = self.others[index].1;
            if at == last || (is_repeat && at < last) {
                return false;
            }
            self.others.remove(index);
        } else if self.others.len() >= OTHERS_MAX {
            self.others.pop_front();
        }
        self.others.push_back((of.clone(), at));
        true
    }

    /// The window of a conversation, which is now the latest one.
    fn latest(&mut self, conversation: ConversationId) -> &mut Window {
        let mut windows = self.windows.iter();
        let known = windows.position(|window| window.conversation == conversation);
        let window = known
            .and_then(|index| self.windows.remove(index))
            .unwrap_or(Window {
                conversation,
                last: 0,
                before: 0,
                read: 0,
            });
        if self.windows.len() >= CONVERSATIONS_MAX {
            self.windows.pop_front();
        }
        self.windows.push_back(window);
        let last = self.windows.len() - 1;
        &mut self.windows[last]
    }
}

impl Window {
    fn note(&mut self, seq: u64) -> bool {
        if seq > self.last {
            let shift = seq - self.last;
            self.before = self
                .before
                .checked_shl(u32::try_from(shift).unwrap_or(u32::MAX))
                .unwrap_or(0);
            if self.last > 0
                && let Some(bit) = 1u64.checked_shl(u32::try_from(shift - 1).unwrap_or(u32::MAX))
            {
                self.before |= bit;
            }
            self.last = seq;
            return true;
        }
        if seq == self.last {
            return false;
        }
        let Some(bit) = 1u64.checked_shl(u32::try_from(self.last - seq - 1).unwrap_or(u32::MAX))
        else {
            return false;
        };
        let is_new = self.before & bit == 0;
        self.before |= bit;
        is_new
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn each_notification_passes_once_in_whatever_order_within_the_window(jumps in proptest::collection::vec(-40i64..40, 1..300)) {
            let mut notified = Notified::default();
            let conversation = ConversationId::from_bytes([1; 12]);
            let (mut seen, mut at, mut head) = (HashSet::new(), 1i64, 0i64);
            for jump in jumps {
                at = (at + jump).max(head - 60).max(1);
                head = head.max(at);
                prop_assert_eq!(notified.note(conversation, at as u64), seen.insert(at), "{}", at);
            }
        }
    }

    #[test]
    fn what_is_older_than_the_window_is_taken_for_known() {
        let mut notified = Notified::default();
        let conversation = ConversationId::from_bytes([1; 12]);
        assert!(notified.note(conversation, 100));
        assert!(notified.note(conversation, 36));
        assert!(!notified.note(conversation, 35));
        assert!(notified.note(conversation, u64::MAX));
    }

    #[test]
    fn a_read_mark_passes_when_it_grows() {
        let mut notified = Notified::default();
        let [one, other] = [1, 2].map(|number| ConversationId::from_bytes([number; 12]));
        let told = [(one, 3), (other, 1), (one, 3), (one, 2), (one, 4)];
        let passed = told.map(|(conversation, seq)| notified.note_read(conversation, seq));
        assert_eq!(passed, [true, true, false, false, true]);
        assert!(notified.note(one, 3));
    }

    #[test]
    fn a_change_of_presence_passes_once_and_a_repeat_not_behind_a_later_one() {
        let mut notified = Notified::default();
        let [ada, ben] = ["ada", "ben"].map(|name| name.parse().expect("a valid id"));
        let at = |millis| Timestamp::from_millis(millis);
        let told = [
            (&ada, 10, false),
            (&ada, 10, true),
            (&ben, 10, true),
            (&ben, 10, false),
            (&ada, 20, true),
            (&ada, 10, true),
            (&ada, 15, false),
            (&ada, 15, true),
        ];
        let passed = told.map(|(of, millis, again)| notified.note_presence(of, at(millis), again));
        let expected = [true, false, true, false, true, false, true, false];
        assert_eq!(passed, expected);
    }

    #[test]
    fn only_so_many_others_are_remembered() {
        let mut notified = Notified::default();
        let at = Timestamp::from_millis(1);
        for number in 0..200 {
            let other = format!("u-{number}").parse().expect("a valid id");
            assert!(notified.note_presence(&other, at, false));
            assert!(notified.others.len() <= OTHERS_MAX);
        }
    }

    #[test]
    fn only_so_many_conversations_are_remembered() {
        let mut notified = Notified::default();
        for number in 0..200u8 {
            assert!(notified.note(ConversationId::from_bytes([number; 12]), 1));
            assert!(notified.windows.len() <= CONVERSATIONS_MAX);
        }
    }
}
