use crate::{Party, Timestamp};

/// How many messages each party has sent in a conversation, up to and including one message.
///
/// Each message stores its own, so that what is unread is a subtraction of two immutable numbers and no counter can drift.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Messages by the client.
    pub client: u64,
    /// Messages by the freelancer.
    pub freelancer: u64,
}

impl Counts {
    /// How many a party has sent.
    pub const fn of(self, party: Party) -> u64 {
        match party {
            Party::Client => self.client,
            Party::Freelancer => self.freelancer,
        }
    }

    /// The counts at the next message, sent by a party.
    #[must_use]
    pub const fn after_message_by(mut self, party: Party) -> Self {
        match party {
            Party::Client => self.client += 1,
            Party::Freelancer => self.freelancer += 1,
        }
        self
    }
}

/// How far a participant has read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReadMark {
    /// The last message that counts as read; 0 before the first.
    pub seq: u64,
    /// How many messages the *other* party had sent up to `seq`.
    pub other_count: u64,
    /// When `seq` last grew.
    pub at: Option<Timestamp>,
}

/// How many messages of the other party a reader has not read, given the counts at the conversation's head.
///
/// It is 0, not a wrap, when the head is older than the mark, as it may be while the summary catches up with the log.
pub const fn unread_count(head: Counts, reader: Party, mark: ReadMark) -> u64 {
    head.of(reader.other()).saturating_sub(mark.other_count)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn unread_is_the_number_of_later_messages_by_the_other_party(
            senders in proptest::collection::vec(prop_oneof![Just(Party::Client), Just(Party::Freelancer)], 0..60),
            read_to in 0usize..60,
        ) {
            let read_to = read_to.min(senders.len());
            let counts_at = |end: usize| {
                senders[..end].iter().fold(Counts::default(), |counts, sender| counts.after_message_by(*sender))
            };
            for reader in [Party::Client, Party::Freelancer] {
                let other_count = counts_at(read_to).of(reader.other());
                let mark = ReadMark { seq: read_to as u64, other_count, at: None };
                let expected = senders[read_to..].iter().filter(|sender| **sender != reader).count();
                prop_assert_eq!(unread_count(counts_at(senders.len()), reader, mark), expected as u64);
            }
        }
    }
}
