use messaging_domain::UserId;

/// The participants of a conversation.
const READERS_MAX: usize = 2;

/// How far each participant of a room's conversation was told to have read, so that it only grows, however often it is told.
#[derive(Debug, Default)]
pub(super) struct Reads {
    marks: Vec<(UserId, u64)>,
}

impl Reads {
    /// Notes how far someone has read; false if that is no further than what was noted before.
    pub(super) fn note(&mut self, reader: &UserId, seq: u64) -> bool {
        let known = self.marks.iter_mut().find(|(known, _)| known == reader);
        if let Some((_, last)) = known {
            let grew = seq > *last;
            *last = seq.max(*last);
            return grew;
        }
        if self.marks.len() < READERS_MAX {
            self.marks.push((reader.clone(), seq));
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_told_of_when_it_grows() {
        let mut reads = Reads::default();
        let [ada, ben, eve]: [UserId; 3] =
            ["ada", "ben", "eve"].map(|id| id.parse().expect("valid"));
        let told = [
            (&ada, 3),
            (&ben, 2),
            (&ada, 3),
            (&ada, 2),
            (&ada, 4),
            (&ben, 1),
            (&ben, 9),
        ];
        let passed = told.map(|(reader, seq)| reads.note(reader, seq));
        assert_eq!(passed, [true, true, false, false, true, false, true]);
        assert!(reads.note(&eve, 1));
        assert_eq!(reads.marks.len(), READERS_MAX);
    }
}
