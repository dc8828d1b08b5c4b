//! Whether what happened is what the contract promises. Pure: it is given everything that is known of a run.

mod attempts;
mod delivery;
mod fate;
mod storage;
mod summary;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, fmt};

use crate::{
    history::Entry,
    plan::Plan,
    rest::{Conversation, Message},
};

/// Everything that is known of a run when all is quiet again.
#[derive(Debug, Clone, Default)]
pub(crate) struct Evidence {
    pub(crate) plan: Plan,
    pub(crate) history: Vec<Entry>,
    /// By conversation.
    pub(crate) logs: BTreeMap<String, Vec<Message>>,
    /// By user: his conversations in the order in which he is given them.
    pub(crate) lists: BTreeMap<String, Vec<Conversation>>,
    /// By user: whether he is told of as online.
    pub(crate) presence: BTreeMap<String, bool>,
    /// How many attempts to connect may fail.
    pub(crate) attempts: Attempts,
    /// What was not finished within all bounds.
    pub(crate) unfinished: Vec<String>,
}

/// What is promised of attempts to connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Attempts {
    /// Nothing: any number may fail.
    #[default]
    Any,
    /// So many for each client, and one more for each return of its own accord, but never two in a row.
    Most(usize),
}

/// What a promise is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// Acked and not stored, or stored and not delivered.
    Lost,
    /// Stored or delivered twice.
    Doubled,
    /// Delivered after a later one, or stored in another order than it was sent in.
    Swapped,
    /// Delivered to who had not joined, or stored and sent by nobody, or with another content.
    Strange,
    /// A hole in the log.
    Hole,
    /// A read mark, an unread count, the summary of a conversation or the order of a list.
    Summary,
    Presence,
    /// Refused though no fault explains it, or not finished.
    Stuck,
    /// More failed attempts to connect than a client may see.
    Attempts,
    /// An edit or a deletion that a living connection was not told of.
    ChangeMissed,
}

/// A promise that was not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Violation {
    pub(crate) kind: Kind,
    pub(crate) what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}: {}", self.kind, self.what)
    }
}

/// The violations that were found so far.
#[derive(Debug, Default)]
struct Findings(Vec<Violation>);

impl Findings {
    fn add(&mut self, kind: Kind, what: impl Into<String>) {
        let what = what.into();
        self.0.push(Violation { kind, what });
    }
}

/// Finds each promise that was not kept.
pub(crate) fn judge(evidence: &Evidence) -> Vec<Violation> {
    let mut findings = Findings::default();
    let fates = fate::of(evidence);
    storage::judge(evidence, &fates, &mut findings);
    delivery::judge(evidence, &fates, &mut findings);
    summary::judge(evidence, &mut findings);
    if let Attempts::Most(most) = evidence.attempts {
        attempts::judge(evidence, most, &mut findings);
    }
    for what in &evidence.unfinished {
        findings.add(Kind::Stuck, what.clone());
    }
    findings.0
}
