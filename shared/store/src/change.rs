use messaging_domain::{Content, MessageId, UserId};
use messaging_wire::{Attachment, Message};
use mongodb::bson::oid::ObjectId;
use mongodb::bson::{Bson, Document, doc};
use mongodb::error::Result as DriverResult;
use mongodb::options::ReturnDocument;
use thiserror::Error;

use crate::model::{StoredMessage, date, object_id};
use crate::{ConversationKey, Store, StoreError};

/// Why a message was not changed.
#[derive(Debug, Error)]
pub enum ChangeError {
    /// The conversation has no such message.
    #[error("there is no such message")]
    NotFound,
    /// Only its sender may change a message.
    #[error("the message is somebody else's")]
    NotSender,
    /// A deleted message stays as it is.
    #[error("the message is deleted")]
    Deleted,
    /// The text may be empty only next to an attachment, and the message has none.
    #[error("the message would say nothing")]
    Empty,
    /// The database. When it is unavailable, the message may have been changed or may yet be.
    #[error("the change could not be stored")]
    Store(#[source] StoreError),
}

/// A message that was edited or deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// As it is now.
    pub message: Message,
    /// How often it has been changed: a later change has a larger one.
    pub version: u32,
}

impl Store {
    /// Gives a message another text.
    ///
    /// # Errors
    /// Each [`ChangeError`].
    pub async fn edit_message(
        &self,
        key: &ConversationKey,
        id: MessageId,
        sender: &UserId,
        content: &Content,
    ) -> Result<Changed, ChangeError> {
        let now = date(self.now());
        let change = doc! {
            "$set": { "content": content.as_str(), "editedAt": now, "changedAt": now },
            "$inc": { "changes": 1 },
        };
        let condition = if content.as_str().is_empty() {
            doc! { "attachments.0": { "$exists": true } }
        } else {
            doc! {}
        };
        self.change_message(key, id, sender, change, condition, ReturnDocument::After)
            .await
            .map(|message| Changed {
                version: message.changes,
                message: message.into_wire(key),
            })
    }

    /// Empties a message. Its place in the log stays, and so do the counts of what is unread. Nobody can read its files any
    /// more, unless another message holds them.
    ///
    /// # Errors
    /// Each [`ChangeError`] but [`ChangeError::Empty`].
    pub async fn delete_message(
        &self,
        key: &ConversationKey,
        id: MessageId,
        sender: &UserId,
    ) -> Result<Changed, ChangeError> {
        let now = date(self.now());
        let change = doc! {
            "$set": { "content": "", "deletedAt": now, "changedAt": now },
            "$unset": { "attachments": "" },
            "$inc": { "changes": 1 },
        };
        let mut before = self
            .change_message(key, id, sender, change, doc! {}, ReturnDocument::Before)
            .await?;
        let held: Vec<_> = before
            .attachments
            .drain(..)
            .map(Attachment::from)
            .map(|file| file.id)
            .collect();
        before.content.clear();
        before.deleted_at = Some(now);
        let changed = Changed {
            version: before.changes + 1,
            message: before.into_wire(key),
        };
        // The message is deleted, whatever becomes of this: what stays behind is swept later.
        if let Err(error) = self.release_attachments(&held).await {
            tracing::warn!(
                error = messaging_lifecycle::chain(&error),
                "the files of a deleted message are still there"
            );
        }
        Ok(changed)
    }

    /// The message as it is after the change, or was before it.
    async fn change_message(
        &self,
        key: &ConversationKey,
        id: MessageId,
        sender: &UserId,
        change: Document,
        condition: Document,
        which: ReturnDocument,
    ) -> Result<StoredMessage, ChangeError> {
        let changing = self.change_if_allowed(key, id, sender, change, condition, which);
        match self.mongo().fenced(changing).await {
            Ok(Change::Made(message)) => Ok(*message),
            Ok(Change::Refused(None)) => Err(ChangeError::NotFound),
            Ok(Change::Refused(Some(message))) => Err(refusal(&message, sender)),
            Err(error) => Err(ChangeError::Store(error)),
        }
    }

    /// One atomic update says whether the change is allowed; only a refused one is looked into.
    async fn change_if_allowed(
        &self,
        key: &ConversationKey,
        id: MessageId,
        sender: &UserId,
        change: Document,
        condition: Document,
        which: ReturnDocument,
    ) -> DriverResult<Change> {
        let messages = &self.mongo().collections().await?.messages;
        let place = doc! { "_id": ObjectId::from_bytes(id.bytes()), "c": object_id(key.id()) };
        let mut allowed = place.clone();
        allowed.insert("sender", sender.as_str());
        allowed.insert("deletedAt", Bson::Null);
        allowed.extend(condition);
        let changed = messages
            .find_one_and_update(allowed, change)
            .return_document(which)
            .await?;
        match changed {
            Some(message) => Ok(Change::Made(Box::new(message))),
            None => Ok(Change::Refused(
                messages.find_one(place).await?.map(Box::new),
            )),
        }
    }
}

/// What became of a change.
enum Change {
    Made(Box<StoredMessage>),
    /// With the message as it is, if there is one.
    Refused(Option<Box<StoredMessage>>),
}

fn refusal(message: &StoredMessage, sender: &UserId) -> ChangeError {
    if message.sender != *sender {
        ChangeError::NotSender
    } else if message.deleted_at.is_some() {
        ChangeError::Deleted
    } else {
        ChangeError::Empty
    }
}
