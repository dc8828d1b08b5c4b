use std::collections::VecDeque;

use messaging_domain::Timestamp;
use messaging_store::ImportedRead;

use crate::convert::OldRead;

/// How far one party had read, gathered from the messages of the other as they come by.
///
/// A message that says nothing counts as read if a later one was. Where none says anything, the old counter of unread messages
/// decides; without one, nothing counts as read.
#[derive(Debug)]
pub(crate) struct ReadState {
    /// What the old conversation counted as unread.
    counted: Option<u64>,
    /// The last messages, as many as were counted.
    last: VecDeque<u64>,
    unread_from: Option<u64>,
    /// The first one that says nothing since one that was read.
    unknown_from: Option<u64>,
    is_told: bool,
    at: Option<Timestamp>,
}

impl ReadState {
    pub(crate) const fn new(counted: Option<u64>) -> Self {
        Self {
            counted,
            last: VecDeque::new(),
            unread_from: None,
            unknown_from: None,
            is_told: false,
            at: None,
        }
    }

    /// Takes note of a message by the other party.
    pub(crate) fn note(&mut self, seq: u64, read: OldRead) {
        match read {
            OldRead::Read(at) => {
                self.is_told = true;
                self.unknown_from = None;
                self.at = self.at.max(at);
            }
            OldRead::Unread => {
                self.is_told = true;
                self.unread_from = earlier(self.unread_from, seq);
            }
            OldRead::Unknown => self.unknown_from = earlier(self.unknown_from, seq),
        }
        if let Some(counted) = self.counted.filter(|_| !self.is_told) {
            self.last.push_back(seq);
            if self.last.len() as u64 > counted {
                self.last.pop_front();
            }
        }
    }

    /// What it comes to.
    pub(crate) fn finish(self) -> ImportedRead {
        let unread_from = match self.counted {
            Some(_) if !self.is_told => self.last.front().copied(),
            _ => self.unread_from.into_iter().chain(self.unknown_from).min(),
        };
        ImportedRead {
            unread_from,
            at: self.at,
        }
    }
}

fn earlier(known: Option<u64>, seq: u64) -> Option<u64> {
    Some(known.map_or(seq, |known| known.min(seq)))
}

#[cfg(test)]
mod tests {
    use super::OldRead::{Read, Unknown, Unread};
    use super::*;

    fn check(counted: Option<u64>, readings: &[OldRead], unread_from: Option<u64>) {
        let mut state = ReadState::new(counted);
        for (reading, seq) in readings.iter().zip(1..) {
            state.note(seq, *reading);
        }
        assert_eq!(state.finish().unread_from, unread_from, "{readings:?}");
    }

    #[test]
    fn the_first_unread_message_stops_the_mark() {
        check(None, &[Read(None), Unread, Read(None), Unread], Some(2));
        check(None, &[Read(None), Read(None)], None);
        check(None, &[], None);
    }

    #[test]
    fn what_says_nothing_is_read_if_a_later_one_was() {
        check(None, &[Unknown, Unknown, Read(None), Unknown], Some(4));
        check(None, &[Unknown, Unread, Read(None)], Some(2));
        check(None, &[Unknown, Unknown], Some(1));
    }

    #[test]
    fn the_counter_decides_where_no_message_says_anything() {
        check(Some(2), &[Unknown; 5], Some(4));
        check(Some(0), &[Unknown; 5], None);
        check(Some(9), &[Unknown; 5], Some(1));
        check(
            Some(2),
            &[Unknown, Read(None), Unknown, Unknown, Unknown],
            Some(3),
        );
    }

    #[test]
    fn the_last_reading_is_the_time_of_the_mark() {
        let at = |millis| Some(Timestamp::from_millis(millis));
        let mut state = ReadState::new(None);
        for (seq, at) in [(1, at(5)), (2, at(9)), (3, at(7)), (4, None)] {
            state.note(seq, Read(at));
        }
        assert_eq!(
            state.finish(),
            ImportedRead {
                unread_from: None,
                at: at(9)
            }
        );
    }
}
