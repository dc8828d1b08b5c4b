//! Group commit: what waits goes into one insert.
//!
//! One committer owns a *lane* per conversation that has something to store. As long as fewer than the allowed number of
//! batches are in flight, it takes what has piled up in the lanes that are free and sends it off as a batch; there is no timer, so
//! a lone message waits for nobody. A lane is free again when what was taken from it is decided and published.

mod batch;
mod committer;
mod duplicate;
mod heads;
mod intake;
mod lane;
mod plan;
mod portion;
mod repair;
mod settle;

use std::sync::Arc;

use futures_util::future::BoxFuture;
use messaging_domain::{ClientMessageId, Parties, Party, Timestamp};
use messaging_telemetry::TraceParent;
use messaging_wire::{Attachment, Message};
use tokio::sync::oneshot;
use tokio::time::Instant;

pub(crate) use committer::Committer;
pub(crate) use heads::Heads;
pub(crate) use intake::Intake;
pub(crate) use repair::{RepairList, repair};

use crate::model::{Digest, StoredMessage};
use crate::{AppendError, ConversationKey, NewMessage};
use intake::Slot;

/// Publishes what was committed, before the senders are answered.
///
/// One call gets each conversation's messages by ascending `seq`, and the next call for a conversation comes after the one before
/// has ended or was dropped after 250 ms; so it should hand the messages on rather than wait for anybody. A message whose outcome was
/// unknown for a while may come late, after its successors, or again.
pub type CommitHook = Arc<dyn Fn(Vec<Committed>) -> BoxFuture<'static, ()> + Send + Sync>;

/// A message that is majority-committed, with what publishing it takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// The message.
    pub message: Message,
    /// The participants of its conversation.
    pub parties: Parties,
    /// What the recipient had not read when it was stored, this message included.
    pub recipient_unread: u64,
    /// When it was found to be committed; unknown of one that was found in the log.
    pub committed_at: Option<Timestamp>,
    /// The sender's trace.
    pub trace: Option<TraceParent>,
}

/// A message that has no number yet.
pub(crate) struct Draft {
    sender: Party,
    content: String,
    attachments: Vec<Attachment>,
    cmid: Option<ClientMessageId>,
    digest: Option<Digest>,
    trace: Option<TraceParent>,
}

/// A draft, until when it matters, and who waits for it.
struct Job {
    draft: Draft,
    deadline: Instant,
    answer: oneshot::Sender<Answer>,
    slot: Slot,
}

/// A job and where it belongs.
pub(crate) struct Submission {
    key: ConversationKey,
    job: Job,
}

/// What became of a draft.
pub(crate) enum Stored {
    /// It was stored.
    New {
        message: Message,
        recipient_unread: u64,
    },
    /// It had been stored before, as this.
    Before(Box<StoredMessage>),
}

pub(crate) type Answer = Result<Stored, AppendError>;

/// Beyond its text, a message takes about this much.
const ENVELOPE_BYTES: usize = 512;

impl Draft {
    pub(crate) fn new(sender: Party, message: NewMessage) -> Self {
        let NewMessage {
            content,
            attachments,
            client_message_id: cmid,
        } = message;
        let content = content.into_string();
        let ids = attachments.iter().map(|attachment| attachment.id);
        let digest = cmid.is_some().then(|| Digest::of(&content, ids));
        Self {
            sender,
            content,
            attachments,
            cmid,
            digest,
            trace: TraceParent::current(),
        }
    }

    fn bytes(&self) -> usize {
        let of_file = |file: &Attachment| {
            ENVELOPE_BYTES + file.filename.len() + file.content_type.len() + file.url.len()
        };
        ENVELOPE_BYTES + self.content.len() + self.attachments.iter().map(of_file).sum::<usize>()
    }
}

impl Job {
    /// Whether somebody still waits for it.
    fn is_wanted(&self, now: Instant) -> bool {
        now < self.deadline && !self.answer.is_closed()
    }

    fn answer(self, answer: Answer) {
        // A sender that has given up needs no answer.
        let _given_up = self.answer.send(answer);
    }
}
