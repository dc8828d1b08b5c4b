use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use messaging_domain::{Revocation, RevocationNews, Revoked, TokenId, TokenMark, UserId};
use parking_lot::RwLock;
use prometheus::{IntGauge, Registry};
use tokio::sync::watch;

/// The revocations that this process knows. A clone is another handle.
///
/// It forgets none by itself: whoever brings them says when one is lifted or over. So a process that hears nothing for a while
/// refuses what it refused before.
#[derive(Clone)]
pub struct Revocations(Arc<Inner>);

struct Inner {
    known: RwLock<Known>,
    /// Counts the changes by which a token may have become void.
    changes: watch::Sender<u64>,
    size: IntGauge,
}

#[derive(Default)]
struct Known {
    users: HashMap<UserId, OfUser>,
    tokens: HashMap<TokenId, Round>,
    round: Round,
    /// What was lifted while pages are being read, and so may be in one that is on its way.
    lifted: Option<HashSet<Revoked>>,
}

struct OfUser {
    /// In whole seconds since 1970.
    before: i64,
    noted: Round,
}

/// One reading of all revocations from beginning to end. What is not met in it is no longer there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Round(u64);

impl Revocations {
    pub(crate) fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let size = IntGauge::new(
            "fh_auth_revocations",
            "Revoked users and tokens that this process knows.",
        )?;
        registry.register(Box::new(size.clone()))?;
        Ok(Self(Arc::new(Inner {
            known: RwLock::default(),
            changes: watch::Sender::new(0),
            size,
        })))
    }

    /// Whether a token of a user is void.
    pub fn void(&self, user: &UserId, mark: &TokenMark) -> bool {
        let known = self.0.known.read();
        let is_old = |of: &OfUser| mark.issued_at.is_none_or(|at| at <= of.before);
        known.users.get(user).is_some_and(is_old)
            || mark
                .id
                .as_ref()
                .is_some_and(|id| known.tokens.contains_key(id))
    }

    /// Resolves for each receiver after a change by which tokens that were good may be void.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.0.changes.subscribe()
    }

    /// Notes a revocation as it is made. Of two for the same user the later time counts.
    pub fn note(&self, revocation: &Revocation) {
        self.change(|known| {
            if let Some(lifted) = &mut known.lifted {
                lifted.remove(&revocation.of);
            }
            known.note(revocation)
        });
    }

    /// Notes revocations that were read a moment ago, but for those that were lifted since.
    pub fn note_read<'a>(&self, read: impl IntoIterator<Item = &'a Revocation>) {
        self.change(|known| {
            let mut is_news = false;
            for revocation in read {
                let lifted = known.lifted.as_ref();
                if !lifted.is_some_and(|lifted| lifted.contains(&revocation.of)) {
                    is_news |= known.note(revocation);
                }
            }
            is_news
        });
    }

    /// Forgets a revocation as it is lifted.
    pub fn lift(&self, of: &Revoked) {
        self.change(|known| {
            if let Some(lifted) = &mut known.lifted {
                lifted.insert(of.clone());
            }
            known.remove(of);
            false
        });
    }

    /// Begins to read all of them, page by page.
    pub fn begin_round(&self) -> Round {
        let mut known = self.0.known.write();
        known.lifted = Some(HashSet::new());
        known.next_round()
    }

    /// All were read: forgets those that have not been noted since, and names them.
    pub fn end_round(&self, round: Round) -> Vec<Revoked> {
        let mut gone = Vec::new();
        self.change(|known| {
            let users = known.users.extract_if(|_, of| of.noted < round);
            gone.extend(users.map(|(user, _)| Revoked::User(user)));
            let tokens = known.tokens.extract_if(|_, noted| *noted < round);
            gone.extend(tokens.map(|(id, _)| Revoked::Token(id)));
            known.lifted = None;
            false
        });
        gone
    }

    /// Heeds what is told of single ones, where somebody else knows all of them.
    pub fn news_listener(&self) -> impl FnMut(RevocationNews) + Send + 'static {
        let known = self.clone();
        move |news| match news {
            RevocationNews::Noted(revocation) => known.note(&revocation),
            RevocationNews::Lifted(of) => known.lift(&of),
            RevocationNews::Begun | RevocationNews::AllTold => {}
        }
    }

    /// Heeds what is told of them, and forgets what was not among all of them.
    pub fn listener(&self) -> impl FnMut(RevocationNews) + Send + 'static {
        let known = self.clone();
        let mut round = Round::default();
        move |news| match news {
            RevocationNews::Begun => round = known.0.known.write().next_round(),
            RevocationNews::Noted(revocation) => known.note(&revocation),
            RevocationNews::Lifted(of) => known.lift(&of),
            RevocationNews::AllTold => drop(known.end_round(round)),
        }
    }

    fn change(&self, change: impl FnOnce(&mut Known) -> bool) {
        let mut known = self.0.known.write();
        let is_news = change(&mut known);
        let size = known.users.len() + known.tokens.len();
        drop(known);
        self.0.size.set(i64::try_from(size).unwrap_or(i64::MAX));
        if is_news {
            self.0.changes.send_modify(|count| *count += 1);
        }
    }
}

impl Known {
    const fn next_round(&mut self) -> Round {
        self.round.0 += 1;
        self.round
    }

    /// Returns whether a token may have become void by it.
    fn note(&mut self, revocation: &Revocation) -> bool {
        let noted = self.round;
        match &revocation.of {
            Revoked::User(user) => {
                let before = revocation.before.millis().div_euclid(1_000);
                let Some(known) = self.users.get_mut(user) else {
                    self.users.insert(user.clone(), OfUser { before, noted });
                    return true;
                };
                known.noted = noted;
                let is_later = known.before < before;
                known.before = known.before.max(before);
                is_later
            }
            Revoked::Token(id) => self.tokens.insert(id.clone(), noted).is_none(),
        }
    }

    fn remove(&mut self, of: &Revoked) {
        match of {
            Revoked::User(user) => {
                self.users.remove(user);
            }
            Revoked::Token(id) => {
                self.tokens.remove(id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use messaging_domain::Timestamp;

    use super::*;

    fn known() -> Revocations {
        Revocations::register(&Registry::new()).expect("registered once")
    }

    fn revocation(name: &str, before_ms: i64) -> Revocation {
        Revocation {
            of: name.parse().expect("a name"),
            before: Timestamp::from_millis(before_ms),
            expires_at: Timestamp::from_millis(i64::MAX),
        }
    }

    fn user(name: &str) -> UserId {
        name.parse().expect("an id")
    }

    fn issued(at: Option<i64>) -> TokenMark {
        TokenMark {
            issued_at: at,
            id: None,
        }
    }

    #[test]
    fn a_token_of_the_same_second_is_void_and_one_of_the_next_is_not() {
        let known = known();
        known.note(&revocation("user.u-1", 10_999));
        let void = |at| known.void(&user("u-1"), &issued(at));
        assert_eq!(
            [Some(9), Some(10), Some(11), None].map(void),
            [true, true, false, true]
        );
        assert!(!known.void(&user("u-2"), &issued(None)));
    }

    #[test]
    fn of_two_times_the_later_counts_and_the_other_is_no_news() {
        let known = known();
        let changes = known.changes();
        for (before, count) in [(10_000, 1), (5_000, 1), (20_000, 2)] {
            known.note(&revocation("user.u-1", before));
            assert_eq!(*changes.borrow(), count, "{before}");
        }
        assert!(known.void(&user("u-1"), &issued(Some(20))));
        known.lift(&Revoked::User(user("u-1")));
        assert!(!known.void(&user("u-1"), &issued(Some(1))));
        assert_eq!(known.0.size.get(), 0);
    }

    #[test]
    fn a_token_is_void_by_its_own_id() {
        let known = known();
        let token = revocation("token.YQ", 0);
        known.note(&token);
        let mark = |id: &str| TokenMark {
            issued_at: Some(i64::MAX),
            id: Some(id.parse().expect("an id")),
        };
        assert!(known.void(&user("u-1"), &mark("a")));
        assert!(!known.void(&user("u-1"), &mark("b")));
        known.lift(&token.of);
        assert!(!known.void(&user("u-1"), &mark("a")));
    }

    #[test]
    fn a_round_forgets_what_is_not_met_in_it_and_nothing_newer() {
        let known = known();
        for name in ["user.kept", "user.gone", "token.YQ"] {
            known.note(&revocation(name, 1_000));
        }
        let round = known.begin_round();
        known.note_read(&[revocation("user.kept", 1_000)]);
        known.note(&revocation("user.new", 1_000));
        let gone = known.end_round(round);
        assert_eq!(gone.len(), 2, "{gone:?}");
        for (name, is_void) in [("kept", true), ("new", true), ("gone", false)] {
            assert_eq!(known.void(&user(name), &issued(None)), is_void, "{name}");
        }
    }

    #[test]
    fn what_is_lifted_while_a_page_is_on_its_way_does_not_come_back_with_it() {
        let known = known();
        let old = revocation("user.u-1", 1_000);
        known.note(&old);
        known.begin_round();
        known.lift(&old.of);
        known.note_read([&old]);
        assert!(!known.void(&user("u-1"), &issued(None)));
        known.note(&old);
        assert!(known.void(&user("u-1"), &issued(None)), "it was made anew");
    }

    #[test]
    fn who_listens_keeps_what_it_knows_until_all_is_told() {
        let known = known();
        let mut hear = known.listener();
        let note = |name| RevocationNews::Noted(revocation(name, 1_000));
        let void = |name| known.void(&user(name), &issued(None));
        hear(RevocationNews::Begun);
        hear(note("user.u-1"));
        hear(RevocationNews::AllTold);
        // As from a bucket that came back empty, and is filled again.
        hear(RevocationNews::Begun);
        assert!(void("u-1"));
        hear(note("user.u-2"));
        assert!(void("u-1") && void("u-2"));
        hear(RevocationNews::AllTold);
        assert!(!void("u-1") && void("u-2"));
        hear(RevocationNews::Lifted("user.u-2".parse().expect("a name")));
        assert!(!void("u-2"));
    }
}
