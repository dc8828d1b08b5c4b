use std::collections::HashMap;

use futures_util::TryStreamExt;
use messaging_wire::Attachment;
use mongodb::bson::oid::ObjectId;
use mongodb::bson::{Binary, Bson, DateTime, Document, doc, serialize_to_bson};
use mongodb::error::{Error as DriverError, Result as DriverResult};
use mongodb::options::ReturnDocument;
use serde::Deserialize;

use super::ImportedMessage;
use crate::model::{AttachedFile, date};
use crate::{Store, StoreError};

/// What an import looks at of a message that an earlier run has brought.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Known {
    #[serde(rename = "_id")]
    id: ObjectId,
    /// The conversation it is in.
    pub(super) c: ObjectId,
    pub(super) seq: u64,
    #[serde(default)]
    attachments: Vec<AttachedFile>,
    #[serde(default)]
    digest: Option<Binary>,
    #[serde(default)]
    deleted_at: Option<DateTime>,
    #[serde(default)]
    changed_at: Option<DateTime>,
}

/// What became of a message in the other system since an earlier run brought it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    Edited {
        at: DateTime,
        /// Whether that is when it was edited there, and not only some time after.
        is_exact: bool,
    },
    Deleted(DateTime),
}

/// What bringing a message would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It is not there.
    New,
    /// It was changed in the other system since it was brought.
    Changed {
        /// The files that it has here.
        files: Vec<Attachment>,
    },
    /// It is there and stays as it is.
    Settled,
}

impl Known {
    /// What bringing the message to a conversation would do.
    pub(super) fn standing(&self, message: &ImportedMessage, conversation: ObjectId) -> Standing {
        if self.c != conversation || self.change(message).is_none() {
            return Standing::Settled;
        }
        let files = self.attachments.iter().cloned();
        Standing::Changed {
            files: files.map(Attachment::from).collect(),
        }
    }

    /// The change to take over; none if nothing changed there, or it was changed here later.
    ///
    /// Without the time of an edit only a message that was never changed here takes its text: the time at which the other system last
    /// wrote to it may be that of a reader.
    pub(super) fn change(&self, message: &ImportedMessage) -> Option<Change> {
        if self.deleted_at.is_some() {
            return None;
        }
        if let Some(at) = message.deleted_at {
            return Some(Change::Deleted(date(at)));
        }
        let digest = Binary::from(message.digest());
        if self.digest.as_ref() == Some(&digest) {
            return None;
        }
        let edited = |at, is_exact| Some(Change::Edited { at, is_exact });
        match (self.changed_at, message.edited_at.map(date)) {
            (None, None) => edited(date(message.touched_at), false),
            (None, Some(at)) => edited(at, true),
            (Some(changed), Some(at)) if at > changed => edited(at, true),
            _ => None,
        }
    }
}

impl Store {
    /// Those of some messages that are in a log, read by majority.
    pub(super) async fn known(
        &self,
        messages: impl Iterator<Item = &ImportedMessage>,
    ) -> Result<HashMap<ObjectId, Known>, StoreError> {
        let ids: Vec<ObjectId> = messages
            .map(|message| ObjectId::from_bytes(message.id.bytes()))
            .collect();
        self.mongo()
            .fenced(async {
                let messages = &self.mongo().collections().await?.messages;
                let found = messages.clone_with_type::<Known>();
                let found = found
                    .find(doc! { "_id": { "$in": ids } })
                    .projection(doc! {
                        "c": 1, "seq": 1, "attachments": 1, "digest": 1, "deletedAt": 1, "changedAt": 1,
                    })
                    .await?;
                found.map_ok(|known| (known.id, known)).try_collect().await
            })
            .await
    }

    /// Takes a change over; whether the message was still as it was looked at.
    pub(super) async fn take_over(
        &self,
        known: &Known,
        message: &ImportedMessage,
        change: Change,
    ) -> Result<bool, StoreError> {
        let update = match change {
            Change::Edited { at, is_exact } => edited(message, at, is_exact),
            // It may have been edited here later.
            Change::Deleted(at) => Ok(doc! {
                "$set": { "content": "", "deletedAt": at },
                "$max": { "changedAt": at },
                "$unset": { "attachments": "" },
                "$inc": { "changes": 1 },
            }),
        };
        // A field that is not there equals null.
        let as_seen = doc! {
            "_id": known.id,
            "deletedAt": Bson::Null,
            "changedAt": known.changed_at,
        };
        let before = self.mongo().fenced(async {
            let messages = &self.mongo().collections().await?.messages;
            messages
                .find_one_and_update(as_seen, update?)
                .return_document(ReturnDocument::Before)
                .await
        });
        let Some(before) = before.await? else {
            return Ok(false);
        };
        if matches!(change, Change::Deleted(_)) {
            let held = before.attachments.into_iter();
            let held: Vec<_> = held
                .map(|file| messaging_domain::AttachmentId::from_bytes(file.id.bytes()))
                .collect();
            self.release_attachments(&held).await?;
        }
        Ok(true)
    }
}

fn edited(message: &ImportedMessage, at: DateTime, is_exact: bool) -> DriverResult<Document> {
    let mut set = doc! {
        "content": message.content.as_str(),
        "digest": Binary::from(message.digest()),
        "editedAt": at,
    };
    // Without it the message counts as never changed here, so that the next edit without a time is taken over as well.
    if is_exact {
        set.insert("changedAt", at);
    }
    let files: Vec<AttachedFile> = message
        .attachments
        .iter()
        .cloned()
        .map(Into::into)
        .collect();
    let mut update = doc! { "$inc": { "changes": 1 } };
    if files.is_empty() {
        update.insert("$unset", doc! { "attachments": "" });
    } else {
        set.insert(
            "attachments",
            serialize_to_bson(&files).map_err(DriverError::from)?,
        );
    }
    update.insert("$set", set);
    Ok(update)
}

#[cfg(test)]
mod tests {
    use messaging_domain::{Content, MessageId, Party, Timestamp};

    use super::*;
    use crate::model::Digest;

    fn message(text: &str, edited_at: Option<i64>, deleted_at: Option<i64>) -> ImportedMessage {
        ImportedMessage {
            id: MessageId::from_bytes([1; 12]),
            sender: Party::Client,
            content: Content::parse(text).expect("valid"),
            attachments: Vec::new(),
            source_text: text.to_owned(),
            created_at: Timestamp::from_millis(0),
            edited_at: edited_at.map(Timestamp::from_millis),
            deleted_at: deleted_at.map(Timestamp::from_millis),
            touched_at: Timestamp::from_millis(99),
        }
    }

    fn known(text: &str, changed_at: Option<i64>, deleted_at: Option<i64>) -> Known {
        Known {
            id: ObjectId::from_bytes([1; 12]),
            c: ObjectId::from_bytes([2; 12]),
            seq: 1,
            attachments: Vec::new(),
            digest: Some(Digest::of(text, std::iter::empty()).into()),
            deleted_at: deleted_at.map(DateTime::from_millis),
            changed_at: changed_at.map(DateTime::from_millis),
        }
    }

    #[test]
    fn a_change_is_taken_over_unless_it_was_changed_here_later() {
        let edited = |at, is_exact| {
            let at = DateTime::from_millis(at);
            Some(Change::Edited { at, is_exact })
        };
        let deleted = |at| Some(Change::Deleted(DateTime::from_millis(at)));
        let same = message("a", Some(5), None);
        let (new, unknown) = (message("b", Some(5), None), message("b", None, None));
        let gone = message("a", None, Some(7));

        assert_eq!(known("a", None, None).change(&same), None);
        assert_eq!(known("a", None, None).change(&new), edited(5, true));
        assert_eq!(known("a", Some(4), None).change(&new), edited(5, true));
        assert_eq!(known("a", Some(5), None).change(&new), None);
        assert_eq!(known("a", None, None).change(&unknown), edited(99, false));
        assert_eq!(known("a", Some(4), None).change(&unknown), None);
        assert_eq!(known("a", Some(9), None).change(&gone), deleted(7));
        assert_eq!(known("a", None, Some(3)).change(&gone), None);
        assert_eq!(known("a", None, Some(3)).change(&new), None);
    }
}
