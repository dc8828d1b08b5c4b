//! The files of messages that are about to be imported.

use messaging_domain::{AttachmentId, MessageId, Parties};
use messaging_store::{ImportLog, ImportMode, ImportUpload, ImportedMessage};
use messaging_wire::Attachment;
use sha2::{Digest, Sha256};
use tokio::fs::File;
use tokio::io::AsyncReadExt;

use crate::convert::About;
use crate::files::Found;
use crate::run::{Import, ImportError};

/// Bytes of a file in memory.
const BUFFER_BYTES: usize = 256 << 10;

impl Import {
    /// Stores the files of those messages that are new, or changed, and puts them into these.
    pub(crate) async fn upload_files(
        &self,
        log: &ImportLog,
        parties: &Parties,
        messages: &mut [ImportedMessage],
        about: &[About],
    ) -> Result<(), ImportError> {
        let has_files = about.iter().any(|about| !about.files.is_empty());
        if self.mode == ImportMode::Look || !has_files {
            return Ok(());
        }
        let due = log.due(messages).await?;
        let with_files = messages.iter_mut().zip(about).zip(due);
        for ((message, about), _) in with_files.filter(|(_, is_due)| *is_due) {
            let uploader = parties.user(message.sender);
            for (found, number) in about.files.iter().zip(0..) {
                let id = attachment_id(message.id, number);
                let begun = self.store.import_upload(id, log.id(), uploader).await?;
                let attachment = match begun {
                    ImportUpload::Stored(attachment) => attachment,
                    ImportUpload::Begun(upload) => write(*upload, found).await?,
                };
                message.attachments.push(attachment);
            }
        }
        Ok(())
    }
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

/// The id of a message's file, the same in each run.
fn attachment_id(message: MessageId, number: u8) -> AttachmentId {
    let mut hash = Sha256::new();
    hash.update(message.bytes());
    hash.update([number]);
    let mut bytes = [0; 12];
    bytes.copy_from_slice(&hash.finalize()[..12]);
    AttachmentId::from_bytes(bytes)
}
