use messaging_domain::{AttachmentId, ClientMessageId, Content, Party, unread_count};
use messaging_telemetry::trace_span;
use messaging_wire::{Attachment, Message};
use mongodb::bson::doc;
use mongodb::error::Result as DriverResult;
use thiserror::Error;
use tokio::time::Instant;
use tracing::Instrument;

use crate::commit::{Draft, Stored};
use crate::error::Trouble;
use crate::head::last_message;
use crate::model::{Digest, Head, StoredMessage, object_id};
use crate::{ConversationKey, Store, StoreError};

/// A message to be stored. Its attachments are the sender's and belong to the conversation: the caller has checked that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMessage {
    /// Its text.
    pub content: Content,
    /// Its files.
    pub attachments: Vec<Attachment>,
    /// The sender's name for it; with one, a repeated send stores nothing twice.
    pub client_message_id: Option<ClientMessageId>,
}

/// A message that is majority-committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appended {
    /// The message; of a duplicate, in its present state.
    pub message: Message,
    /// Whether it had been stored before; the hook is not called for it again.
    pub duplicate: bool,
    /// What the recipient has not read, this message included; of a duplicate, as of now.
    pub recipient_unread: u64,
}

/// Why a message was not stored, or not known to be.
#[derive(Debug, Clone, Error)]
pub enum AppendError {
    /// The sender stored another message under the same name in this conversation.
    #[error("the client message id belongs to another message")]
    ClientMessageIdConflict,
    /// Too much waits already; this message was not taken in.
    #[error("too many messages wait to be stored")]
    Overloaded,
    /// The database. When it is unavailable, the message may have been stored or may yet be.
    #[error(transparent)]
    Store(StoreError),
}

impl Store {
    /// Appends a message to a conversation and waits until it is majority-committed and handed to the hook.
    ///
    /// `seq` is the next one of the conversation, whichever replicas append to it. `createdAt` is the clock's time, but never
    /// before that of the message in front. A caller that drops the future may withdraw a message that has not been sent to
    /// MongoDB yet, and no other.
    ///
    /// # Errors
    /// Each [`AppendError`], within the operation timeout.
    pub async fn append(
        &self,
        key: &ConversationKey,
        sender: Party,
        message: NewMessage,
    ) -> Result<Appended, AppendError> {
        let deadline = Instant::now() + self.mongo().deadline();
        let late = |_| StoreError::unavailable(Trouble::Deadline(self.mongo().deadline()));
        let appended = self
            .append_by(deadline, key, sender, message)
            .instrument(trace_span!("insert"));
        tokio::time::timeout_at(deadline, appended)
            .await
            .map_err(late)
            .map_err(AppendError::Store)?
    }

    async fn append_by(
        &self,
        deadline: Instant,
        key: &ConversationKey,
        sender: Party,
        message: NewMessage,
    ) -> Result<Appended, AppendError> {
        if !self.shared.prepared.initialized() {
            self.prepare().await.map_err(AppendError::Store)?;
        }
        let answer = self
            .intake
            .submit(key.clone(), Draft::new(sender, message), deadline)?;
        let dropped = |_| {
            // What is past its deadline is dropped without an answer.
            let trouble = if Instant::now() >= deadline {
                Trouble::Deadline(self.mongo().deadline())
            } else {
                Trouble::CommitterEnded
            };
            AppendError::Store(StoreError::unavailable(trouble))
        };
        let stored = answer.await.map_err(dropped)??;
        match stored {
            Stored::New {
                message,
                recipient_unread,
            } => Ok(Appended {
                message,
                duplicate: false,
                recipient_unread,
            }),
            Stored::Before(stored) => self.appended_before(key, sender, *stored).await,
        }
    }

    /// The message that a sender stored before under a name, if these are its text and its files; none if there is no message of
    /// that name. For sends whose files are gone because the message was deleted meanwhile.
    ///
    /// # Errors
    /// [`AppendError::ClientMessageIdConflict`] and [`AppendError::Store`].
    pub async fn find_appended(
        &self,
        key: &ConversationKey,
        sender: Party,
        client_message_id: &ClientMessageId,
        content: &Content,
        attachments: &[AttachmentId],
    ) -> Result<Option<Appended>, AppendError> {
        let found = self.mongo().fenced(async {
            let messages = &self.mongo().collections().await?.messages;
            let name = doc! {
                "c": object_id(key.id()),
                "sender": key.parties().user(sender).as_str(),
                "cmid": client_message_id.as_str(),
            };
            messages.find_one(name).await
        });
        let Some(stored) = found.await.map_err(AppendError::Store)? else {
            return Ok(None);
        };
        let digest = Digest::of(content.as_str(), attachments.iter().copied());
        if !stored.is_what_was_sent(digest) {
            return Err(AppendError::ClientMessageIdConflict);
        }
        self.appended_before(key, sender, stored).await.map(Some)
    }

    async fn appended_before(
        &self,
        key: &ConversationKey,
        sender: Party,
        stored: StoredMessage,
    ) -> Result<Appended, AppendError> {
        let unread = self.unread_now(key, sender.other());
        let unread = self.mongo().fenced(unread).await;
        Ok(Appended {
            message: stored.into_wire(key),
            duplicate: true,
            recipient_unread: unread.map_err(AppendError::Store)?,
        })
    }

    async fn unread_now(&self, key: &ConversationKey, reader: Party) -> DriverResult<u64> {
        let mark = self.stored_conversation(key).await?.mark(reader);
        // By the log: the replica that stored the message first may still be at its summary.
        let head = last_message(self.mongo(), key.id())
            .await?
            .map_or(Head::NONE, |last| last.head());
        Ok(unread_count(head.counts, reader, mark))
    }
}
