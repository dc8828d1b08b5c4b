use messaging_domain::{Content, MessageId, Parties, Timestamp, UserId};
use messaging_store::ImportedMessage;
use mongodb::bson::{Bson, Document};
use sha2::{Digest, Sha256};

use super::OldFile;
use super::text::without_controls;
use crate::old::{SORTED_BY, value};
use crate::rejects::Reason;

/// A message on its way.
#[derive(Debug)]
pub(crate) struct Draft {
    /// The message, without its attachments.
    pub(crate) message: ImportedMessage,
    pub(crate) about: About,
}

/// What is yet to be done for a message, and what is to be counted.
#[derive(Debug)]
pub(crate) struct About {
    /// Its id as the old database has it.
    pub(crate) old_id: Option<Bson>,
    /// Its attachments as the old database has them.
    pub(crate) files: Vec<OldFile>,
    /// Those of which the file is stored.
    pub(crate) uploaded: u64,
    /// Those that the text has links to.
    pub(crate) linked: u64,
    /// Whether control characters had to go.
    pub(crate) is_cleaned: bool,
    /// What the other party had to do with it.
    pub(crate) read: OldRead,
}

/// Whether the recipient had read a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OldRead {
    /// He had, and when, if that was kept.
    Read(Option<Timestamp>),
    /// He had not.
    Unread,
    /// The message does not say.
    Unknown,
}

/// A message as it is stored here.
pub(crate) fn message(document: &Document, parties: &Parties) -> Result<Draft, Reason> {
    let id = message_id(document.get("_id")).ok_or(Reason::IdInvalid)?;
    let sender: UserId = value::id_text(document.get("senderId"))
        .and_then(|id| id.parse().ok())
        .ok_or(Reason::SenderNotParty)?;
    let sender = parties.party_of(&sender).ok_or(Reason::SenderNotParty)?;
    let created_at = value::time(document.get(SORTED_BY)).ok_or(Reason::NoTime)?;
    let touched_at = value::time(document.get("updatedAt")).unwrap_or(created_at);
    let deleted_at = deleted_at(document, touched_at);
    let source_text = match document.get("content") {
        None | Some(Bson::Null) => "",
        Some(Bson::String(text)) => text,
        Some(_) => return Err(Reason::ContentInvalid),
    };
    let mut draft = Draft {
        message: ImportedMessage {
            id,
            sender,
            content: Content::parse_optional("").expect("an empty text is allowed"),
            attachments: Vec::new(),
            source_text: source_text.to_owned(),
            created_at,
            edited_at: value::time(document.get("editedAt")),
            deleted_at,
            touched_at,
        },
        about: About {
            old_id: document.get("_id").cloned(),
            files: Vec::new(),
            uploaded: 0,
            linked: 0,
            is_cleaned: false,
            read: read_by(document, parties.user(sender.other())),
        },
    };
    // Of a deleted message nothing is shown.
    if deleted_at.is_none() {
        fill(&mut draft, document)?;
    }
    Ok(draft)
}

/// The id that a message keeps. One that is no ObjectId becomes one, always the same.
///
/// An id begins with its time, by which services find what was stored lately to tell of it again. The time of one that is made
/// here is the beginning of 1970, so that it is never lately.
fn message_id(id: Option<&Bson>) -> Option<MessageId> {
    let text = value::id_text(id)?;
    Some(text.to_ascii_lowercase().parse().unwrap_or_else(|_| {
        let mut bytes = [0; 12];
        bytes[4..].copy_from_slice(&Sha256::digest(&text)[..8]);
        MessageId::from_bytes(bytes)
    }))
}

/// Puts in the text, and notes the attachments. That of these alone tells a later run of an edit, too.
fn fill(draft: &mut Draft, document: &Document) -> Result<(), Reason> {
    let Draft { message, about } = draft;
    let (text, is_cleaned) = without_controls(&message.source_text);
    about.is_cleaned = is_cleaned;
    about.files = OldFile::all(document);
    message.content = if about.files.is_empty() {
        Content::parse(&text)?
    } else {
        Content::parse_optional(&text)?
    };
    for old in &about.files {
        message.source_text.push('\0');
        message.source_text.push_str(&old.line());
    }
    Ok(())
}

fn deleted_at(document: &Document, touched_at: Timestamp) -> Option<Timestamp> {
    let at = value::time(document.get("deletedAt"));
    let is_deleted = at.is_some() || matches!(document.get_bool("isDeleted"), Ok(true));
    is_deleted.then(|| at.unwrap_or(touched_at))
}

fn read_by(document: &Document, recipient: &UserId) -> OldRead {
    let readers = document.get_array("readBy").ok();
    let reading = readers.into_iter().flatten().find_map(|entry| {
        let (user, at) = match entry {
            Bson::Document(entry) => (entry.get("userId"), value::time(entry.get("readAt"))),
            id => (Some(id), None),
        };
        (value::id_text(user)? == recipient.as_str()).then_some(at)
    });
    let at = value::time(document.get("readAt"));
    let is_read = document.get_bool("isRead").ok();
    if let Some(reading) = reading {
        OldRead::Read(reading.or(at))
    } else if is_read == Some(true) || at.is_some() {
        OldRead::Read(at)
    } else if is_read == Some(false) || readers.is_some() {
        OldRead::Unread
    } else {
        OldRead::Unknown
    }
}

#[cfg(test)]
mod tests {
    use mongodb::bson::oid::ObjectId;
    use mongodb::bson::{DateTime, doc};

    use super::*;

    fn parties() -> Parties {
        Parties {
            client: "u-1".parse().expect("valid"),
            freelancer: "u-2".parse().expect("valid"),
        }
    }

    fn convert(changes: Document) -> Result<Draft, Reason> {
        let mut document = doc! {
            "_id": ObjectId::from_bytes([1; 12]),
            "senderId": "u-1",
            "content": " hi ",
            SORTED_BY: DateTime::from_millis(5),
        };
        document.extend(changes);
        message(&document, &parties())
    }

    fn check_text(changes: Document, expected: Result<&str, Reason>) {
        let draft = convert(changes);
        let text = draft.as_ref().map(|draft| draft.message.content.as_str());
        assert_eq!(text.map_err(|reason| *reason), expected);
    }

    #[test]
    fn text_is_trimmed_and_cleaned_and_attachments_need_none() {
        check_text(doc! {}, Ok("hi"));
        check_text(doc! { "content": "a\0\tb" }, Ok("a\tb"));
        check_text(
            doc! { "attachments": ["/u/1"], "content": Bson::Null },
            Ok(""),
        );
    }

    #[test]
    fn another_attachment_is_another_source() {
        let source = |attachments: Vec<&str>| {
            let draft = convert(doc! { "attachments": attachments }).expect("valid");
            draft.message.source_text
        };
        assert_eq!(source(vec![]), " hi ");
        assert_eq!(source(vec!["/u/1"]), source(vec!["/u/1"]));
        assert_ne!(source(vec!["/u/1"]), source(vec!["/u/2"]));
    }

    #[test]
    fn what_cannot_be_a_message_is_left_out_with_its_reason() {
        check_text(doc! { "content": "" }, Err(Reason::ContentEmpty));
        check_text(doc! { "content": " \0 " }, Err(Reason::ContentEmpty));
        check_text(
            doc! { "content": "x".repeat(10_001) },
            Err(Reason::ContentTooLong),
        );
        check_text(doc! { "content": 5 }, Err(Reason::ContentInvalid));
        check_text(doc! { "senderId": "u-3" }, Err(Reason::SenderNotParty));
        check_text(doc! { "senderId": Bson::Null }, Err(Reason::SenderNotParty));
        check_text(doc! { "_id": 5 }, Err(Reason::IdInvalid));
        check_text(doc! { SORTED_BY: Bson::Null }, Err(Reason::NoTime));
    }

    #[test]
    fn a_deleted_message_keeps_its_place_and_says_nothing() {
        for deleted in [
            doc! { "isDeleted": true, "content": "x".repeat(10_001), "updatedAt": DateTime::from_millis(9) },
            doc! { "deletedAt": DateTime::from_millis(9), "attachments": ["/u/1"] },
        ] {
            let draft = convert(deleted).expect("valid");
            assert_eq!(draft.message.content.as_str(), "");
            assert_eq!(draft.message.deleted_at, Some(Timestamp::from_millis(9)));
            assert!(draft.about.files.is_empty());
        }
    }

    #[test]
    fn each_way_of_saying_that_it_was_read_is_understood() {
        let check = |changes, expected| {
            assert_eq!(convert(changes).map(|draft| draft.about.read), Ok(expected));
        };
        let at = Some(Timestamp::from_millis(7));
        check(doc! {}, OldRead::Unknown);
        check(doc! { "isRead": false }, OldRead::Unread);
        check(doc! { "isRead": true }, OldRead::Read(None));
        check(
            doc! { "isRead": true, "readAt": DateTime::from_millis(7) },
            OldRead::Read(at),
        );
        check(
            doc! { "readAt": DateTime::from_millis(7) },
            OldRead::Read(at),
        );
        check(doc! { "readBy": [] }, OldRead::Unread);
        check(doc! { "readBy": ["u-1"] }, OldRead::Unread);
        check(doc! { "readBy": ["u-1", "u-2"] }, OldRead::Read(None));
        let entry = doc! { "userId": "u-2", "readAt": DateTime::from_millis(7) };
        check(
            doc! { "readBy": [entry], "isRead": false },
            OldRead::Read(at),
        );
    }

    #[test]
    fn an_id_stays_and_another_text_always_gives_the_same() {
        let id = |text: &str| message_id(Some(&Bson::String(text.to_owned())));
        let object_id = ObjectId::from_bytes([0xab; 12]);
        let kept = message_id(Some(&Bson::ObjectId(object_id)));
        assert_eq!(kept, Some(MessageId::from_bytes([0xab; 12])));
        assert_eq!(id(&"AB".repeat(12)), kept);
        assert_eq!(id("m-1"), id("m-1"));
        assert_ne!(id("m-1"), id("m-2"));
        for text in ["m-1", "m-2", "m-3"] {
            let time = id(text).map(|id| id.bytes()[..4].to_vec());
            assert_eq!(time, Some(vec![0; 4]), "{text} was not stored lately");
        }
        assert_eq!(message_id(Some(&Bson::Int32(1))), None);
    }
}
