use messaging_domain::{Content, MessageId, UserId};
use messaging_wire::Message;
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
    ) -> Result<Message, ChangeError> {
        let change = doc! { "$set": { "content": content.as_str(), "editedAt": date(self.now()) } };
        let condition = if content.as_str().is_empty() {
            doc! { "attachments.0": { "$exists": true } }
        } else {
            doc! {}
        };
        self.change_message(key, id, sender, change, condition)
            .await
    }

    /// Empties a message. Its place in the log stays, and so do the counts of what is unread.
    ///
    /// # Errors
    /// Each [`ChangeError`] but [`ChangeError::Empty`].
    pub async fn delete_message(
        &self,
        key: &ConversationKey,
        id: MessageId,
        sender: &UserId,
    ) -> Result<Message, ChangeError> {
        let change = doc! {
            "$set": { "content": "", "deletedAt": date(self.now()) },
            "$unset": { "attachments": "" },
        };
        self.change_message(key, id, sender, change, doc! {}).await
    }

    async fn change_message(
        &self,
        key: &ConversationKey,
        id: MessageId,
        sender: &UserId,
        change: Document,
        condition: Document,
    ) -> Result<Message, ChangeError> {
        let changing = self.change_if_allowed(key, id, sender, change, condition);
        let changed = self.mongo().fenced(changing).await;
        match changed.map_err(ChangeError::Store)? {
            Change::Made(message) => Ok(message.into_wire(key)),
            Change::Refused(None) => Err(ChangeError::NotFound),
            Change::Refused(Some(message)) => Err(refusal(&message, sender)),
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
    ) -> DriverResult<Change> {
        let messages = &self.mongo().collections().await?.messages;
        let place = doc! { "_id": ObjectId::from_bytes(id.bytes()), "c": object_id(key.id()) };
        let mut allowed = place.clone();
        allowed.insert("sender", sender.as_str());
        allowed.insert("deletedAt", Bson::Null);
        allowed.extend(condition);
        let changed = messages
            .find_one_and_update(allowed, change)
            .return_document(ReturnDocument::After)
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
