use std::collections::HashMap;
use std::time::Duration;

use messaging_bus::TypingSignal;
use messaging_domain::UserId;
use tokio::time::Instant;

/// How long a user is taken to be typing after he said so.
pub(crate) const TYPING_LAPSE: Duration = Duration::from_secs(5);

/// The most connections of one room that are remembered as typing: a conversation has two users with a few devices.
const TYPING_MAX: usize = 64;

/// Who types in a room, by connection: a user has stopped only when each of his devices has.
#[derive(Debug, Default)]
pub(super) struct TypingBoard {
    until: HashMap<(UserId, String), Instant>,
}

impl TypingBoard {
    /// Notes a signal; returns what to tell the others: that the user types, or that he has stopped.
    pub(super) fn note(&mut self, signal: &TypingSignal, now: Instant) -> Option<bool> {
        let key = (signal.user_id.clone(), signal.connection_id.clone());
        if signal.is_typing {
            if self.until.len() < TYPING_MAX || self.until.contains_key(&key) {
                self.until.insert(key, now + TYPING_LAPSE);
            }
            return Some(true);
        }
        let was_typing = self.until.remove(&key).is_some();
        (was_typing && !self.types(&signal.user_id)).then_some(false)
    }

    /// Forgets who has not renewed in time; returns the users who have stopped by that.
    pub(super) fn lapse(&mut self, now: Instant) -> Vec<UserId> {
        let lapsed: Vec<_> = self
            .until
            .extract_if(|_, until| *until <= now)
            .map(|((user, _), _)| user)
            .collect();
        let mut stopped: Vec<UserId> = lapsed
            .into_iter()
            .filter(|user| !self.types(user))
            .collect();
        stopped.sort();
        stopped.dedup();
        stopped
    }

    /// Whether nobody types.
    pub(super) fn is_empty(&self) -> bool {
        self.until.is_empty()
    }

    fn types(&self, user: &UserId) -> bool {
        self.until.keys().any(|(typing, _)| typing == user)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signal(connection: &str, is_typing: bool) -> TypingSignal {
        TypingSignal {
            user_id: "u-1".parse().expect("valid"),
            connection_id: connection.to_owned(),
            is_typing,
        }
    }

    #[test]
    fn a_user_has_stopped_when_each_of_his_devices_has() {
        let (mut board, now) = (TypingBoard::default(), Instant::now());
        assert_eq!(board.note(&signal("a", true), now), Some(true));
        assert_eq!(board.note(&signal("b", true), now), Some(true));
        assert_eq!(board.note(&signal("a", false), now), None);
        assert_eq!(board.note(&signal("b", false), now), Some(false));
        assert_eq!(board.note(&signal("b", false), now), None);
        assert!(board.is_empty());
    }

    #[test]
    fn typing_that_is_not_renewed_lapses_once() {
        let (mut board, now) = (TypingBoard::default(), Instant::now());
        board.note(&signal("a", true), now);
        assert!(board.lapse(now + TYPING_LAPSE / 2).is_empty());
        board.note(&signal("a", true), now + TYPING_LAPSE / 2);
        assert!(board.lapse(now + TYPING_LAPSE).is_empty());
        assert_eq!(board.lapse(now + TYPING_LAPSE * 2).len(), 1);
        assert!(board.lapse(now + TYPING_LAPSE * 3).is_empty());
    }
}
