use std::collections::VecDeque;

/// Changed messages that are remembered for a room; a change to another one that is told of twice is delivered twice.
const MESSAGES_MAX: usize = 64;

/// Which changes a room was told of lately, so that one that is told of once more is delivered once, and none after a later one.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// The last version of each message, the one that was changed last at the end.
    versions: VecDeque<(u64, u32)>,
}

impl Changes {
    /// Notes a change; false if it, or a later one, was noted before.
    pub(super) fn note(&mut self, seq: u64, version: u32) -> bool {
        let mut versions = self.versions.iter();
        if let Some(index) = versions.position(|(known, _)| *known == seq) {
            let last = self.versions[index].1;
            if version <= last {
                return false;
            }
            self.versions.remove(index);
        } else if self.versions.len() >= MESSAGES_MAX {
            self.versions.pop_front();
        }
        self.versions.push_back((seq, version));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_passes_once_and_none_passes_after_a_later_one() {
        let mut changes = Changes::default();
        let told = [(1, 1), (2, 1), (1, 1), (1, 3), (1, 2), (2, 2), (2, 2)];
        let passed = told.map(|(seq, version)| changes.note(seq, version));
        assert_eq!(passed, [true, true, false, true, false, true, false]);
    }

    #[test]
    fn only_so_many_messages_are_remembered() {
        let mut changes = Changes::default();
        for seq in 0..200 {
            assert!(changes.note(seq, 1));
            assert!(changes.versions.len() <= MESSAGES_MAX);
        }
        assert!(!changes.note(199, 1));
        assert!(changes.note(0, 1));
    }
}
