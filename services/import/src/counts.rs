use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use messaging_store::{Brought, ContractImport, Finished};
use parking_lot::Mutex;
use serde::{Serialize, Serializer};

use crate::convert::About;
use crate::rejects::{Kind, Reason};

/// A number that only grows.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn add(&self, number: u64) {
        self.0.fetch_add(number, Ordering::Relaxed);
    }

    pub(crate) fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Serialize for Count {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.value())
    }
}

/// What a run has come by and what became of it; in a dry run, what would.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Counts {
    pub(crate) contracts: Contracts,
    pub(crate) conversations: Conversations,
    pub(crate) messages: Messages,
    pub(crate) attachments: Attachments,
    /// By kind and reason.
    #[serde(serialize_with = "by_reason")]
    rejected: Mutex<BTreeMap<(Kind, Reason), u64>>,
}

/// Contracts of the old database.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Contracts {
    pub(crate) read: Count,
    created: Count,
    updated: Count,
    unchanged: Count,
    rejected: Count,
}

/// Conversations of the old database.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Conversations {
    pub(crate) read: Count,
    /// Those that had an older one about the same.
    pub(crate) merged: Count,
    /// Those that are not there because nobody said anything in them.
    pub(crate) without_messages: Count,
    rejected: Count,
    /// Summaries that were brought up to their log.
    summaries_written: Count,
    pub(crate) read_marks_moved: Count,
}

/// Messages of the old database.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Messages {
    pub(crate) read: Count,
    imported: Count,
    /// Those that were edited or deleted there since an earlier run.
    changed: Count,
    unchanged: Count,
    rejected: Count,
    /// Of the imported ones, those that stand behind one that was sent later.
    late: Count,
    /// Of the imported ones, those that lost control characters.
    cleaned: Count,
}

/// Files of imported messages.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Attachments {
    uploaded: Count,
    linked: Count,
}

impl Counts {
    /// Takes note of a contract.
    pub(crate) fn contract(&self, outcome: ContractImport) {
        let count = match outcome {
            ContractImport::Created => &self.contracts.created,
            ContractImport::Updated => &self.contracts.updated,
            ContractImport::Unchanged => &self.contracts.unchanged,
        };
        count.add(1);
    }

    /// Takes note of what became of a message that could be imported.
    pub(crate) fn message(&self, brought: Brought, about: &About) {
        match brought {
            Brought::New { is_late, .. } => {
                self.messages.imported.add(1);
                self.messages.late.add(u64::from(is_late));
                self.messages.cleaned.add(u64::from(about.is_cleaned));
                self.attachments.uploaded.add(about.uploaded);
                self.attachments.linked.add(about.linked);
            }
            Brought::Changed { .. } => self.messages.changed.add(1),
            Brought::Known { .. } => self.messages.unchanged.add(1),
            // It is counted as rejected.
            Brought::Elsewhere => {}
        }
    }

    /// Takes note of what was written at the end of a conversation.
    pub(crate) fn finished(&self, finished: Finished) {
        let summary = u64::from(finished.summary_written);
        self.conversations.summaries_written.add(summary);
        self.conversations
            .read_marks_moved
            .add(finished.marks_moved);
    }

    /// Takes note of what is left out.
    pub(crate) fn rejected(&self, kind: Kind, reason: Reason) {
        let count = match kind {
            Kind::Contract => &self.contracts.rejected,
            Kind::Conversation => &self.conversations.rejected,
            Kind::Message => &self.messages.rejected,
        };
        count.add(1);
        *self.rejected.lock().entry((kind, reason)).or_default() += 1;
    }

    /// How much was left out.
    pub(crate) fn rejected_total(&self) -> u64 {
        self.rejected.lock().values().sum()
    }

    /// Whether anything was written, or would be.
    pub(crate) fn has_changes(&self) -> bool {
        let written = [
            &self.contracts.created,
            &self.contracts.updated,
            &self.messages.imported,
            &self.messages.changed,
            &self.conversations.summaries_written,
            &self.conversations.read_marks_moved,
        ];
        written.iter().any(|count| count.value() > 0)
    }

    /// Messages that were put behind one that was sent later.
    pub(crate) fn late(&self) -> u64 {
        self.messages.late.value()
    }
}

fn by_reason<S: Serializer>(
    rejected: &Mutex<BTreeMap<(Kind, Reason), u64>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut kinds: BTreeMap<Kind, BTreeMap<Reason, u64>> = BTreeMap::new();
    for ((kind, reason), number) in rejected.lock().iter() {
        kinds.entry(*kind).or_default().insert(*reason, *number);
    }
    kinds.serialize(serializer)
}
