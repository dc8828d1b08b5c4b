//! The attachments of messages that are about to be imported: files that are stored first, and links below the text.

use std::collections::{HashMap, HashSet};

use messaging_domain::limits::ATTACHMENTS_MAX;
use messaging_domain::{AttachmentId, Content, MessageId, Parties};
use messaging_store::{ImportLog, ImportMode, ImportUpload, Standing};
use messaging_wire::Attachment;
use sha2::{Digest, Sha256};
use tokio::fs::File;
use tokio::io::AsyncReadExt;

use crate::convert::{Draft, OldFile};
use crate::files::{Files, Found};
use crate::rejects::{Kind, Reason};
use crate::run::{Import, ImportError};

/// Bytes of a file in memory.
const BUFFER_BYTES: usize = 256 << 10;

/// What becomes of an old attachment.
#[derive(Debug, PartialEq, Eq)]
enum Place {
    /// The message that is here has it already.
    Kept(Attachment),
    /// Its file is there, and is to be stored under this id.
    Found(AttachmentId, Found),
    /// Its link stands below the text.
    Linked(String),
}

impl Import {
    /// Gives those messages that are new, or changed, their attachments, and stores the files; leaves out what gets too long by links.
    pub(crate) async fn settle_attachments(
        &self,
        log: &ImportLog,
        parties: &Parties,
        drafts: Vec<Draft>,
    ) -> Result<Vec<Draft>, ImportError> {
        if drafts.iter().all(|draft| draft.about.files.is_empty()) {
            return Ok(drafts);
        }
        let messages = drafts.iter().map(|draft| &draft.message);
        let standings = log.standings(messages).await?;
        let mut settled = Vec::with_capacity(drafts.len());
        for (mut draft, standing) in drafts.into_iter().zip(standings) {
            let outcome = match standing {
                Standing::New => self.settle(log, parties, &mut draft, Vec::new()).await?,
                Standing::Changed { files } => self.settle(log, parties, &mut draft, files).await?,
                Standing::Settled => Ok(()),
            };
            match outcome {
                Ok(()) => settled.push(draft),
                Err(reason) => {
                    let id = draft.about.old_id.as_ref();
                    self.reject(Kind::Message, id, reason, None)?;
                }
            }
        }
        Ok(settled)
    }

    async fn settle(
        &self,
        log: &ImportLog,
        parties: &Parties,
        draft: &mut Draft,
        stored: Vec<Attachment>,
    ) -> Result<Result<(), Reason>, ImportError> {
        let Draft { message, about } = draft;
        if about.files.is_empty() {
            return Ok(Ok(()));
        }
        let places = places(&about.files, message.id, stored, &self.files);
        message.content = match with_links(&message.content, &places) {
            Ok(content) => content,
            Err(reason) => return Ok(Err(reason)),
        };
        for place in places {
            match place {
                Place::Kept(attachment) => message.attachments.push(attachment),
                Place::Linked(_) => about.linked += 1,
                Place::Found(id, found) => {
                    about.uploaded += 1;
                    if self.mode == ImportMode::Look {
                        continue;
                    }
                    let uploader = parties.user(message.sender);
                    let begun = self.store.import_upload(id, log.id(), uploader).await?;
                    message.attachments.push(match begun {
                        ImportUpload::Stored(attachment) => attachment,
                        ImportUpload::Begun(upload) => write(*upload, &found).await?,
                    });
                }
            }
        }
        Ok(Ok(()))
    }
}

/// What becomes of each attachment of a message. A link that comes again leads to the same file.
fn places(
    olds: &[OldFile],
    message: MessageId,
    stored: Vec<Attachment>,
    files: &Files,
) -> Vec<Place> {
    let ids: Vec<AttachmentId> = olds
        .iter()
        .map(|old| attachment_id(message, &old.url))
        .collect();
    let stored = stored.into_iter().filter(|file| ids.contains(&file.id));
    let mut stored: HashMap<AttachmentId, Attachment> =
        stored.map(|file| (file.id, file)).collect();
    let mut room = ATTACHMENTS_MAX.saturating_sub(stored.len());
    let mut held = HashSet::new();
    let mut places = Vec::with_capacity(olds.len());
    for (old, id) in olds.iter().zip(ids) {
        if held.contains(&id) {
            continue;
        }
        let found = || files.find(old).filter(|_| room > 0);
        let place = if let Some(attachment) = stored.remove(&id) {
            Place::Kept(attachment)
        } else if let Some(found) = found() {
            room -= 1;
            Place::Found(id, found)
        } else {
            Place::Linked(old.line())
        };
        if !matches!(place, Place::Linked(_)) {
            held.insert(id);
        }
        places.push(place);
    }
    places
}

/// A text with a line below it for each attachment that has no file.
fn with_links(text: &Content, places: &[Place]) -> Result<Content, Reason> {
    let text = text.as_str();
    let lines = places.iter().filter_map(|place| match place {
        Place::Linked(line) => Some(line.as_str()),
        _ => None,
    });
    let text = Some(text).filter(|text| !text.is_empty());
    let lines: Vec<&str> = text.into_iter().chain(lines).collect();
    Ok(Content::parse_optional(&lines.join("\n"))?)
}

async fn write(
    mut upload: messaging_store::Upload,
    found: &Found,
) -> Result<Attachment, ImportError> {
    let unreadable = || Import::unreadable(found.path.clone());
    let mut file = File::open(&found.path).await.map_err(unreadable())?;
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let length = file.read(&mut buffer).await.map_err(unreadable())?;
        if length == 0 {
            return Ok(upload.finish(found.uploaded.clone()).await?);
        }
        upload.write(&buffer[..length]).await?;
    }
}

/// The id of a message's file, the same in each run, whichever other files the message has or had.
fn attachment_id(message: MessageId, url: &str) -> AttachmentId {
    let mut hash = Sha256::new();
    hash.update(message.bytes());
    hash.update(url);
    let mut bytes = [0; 12];
    bytes.copy_from_slice(&hash.finalize()[..12]);
    AttachmentId::from_bytes(bytes)
}
