use std::sync::Arc;

use messaging_domain::{ContractId, ConversationId, Filename, MilestoneId, UserId};
use messaging_store::{Upload, Uploaded};
use messaging_wire::Attachment;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::media_type::{self, HEAD_BYTES};
use super::{Fields, Messaging, Refusal};

/// Uploads that one replica takes at a time. Each holds up to half a MiB.
const UPLOADS_MAX: usize = 64;

/// What bounds the uploads of a replica. A clone shares it.
#[derive(Debug, Clone)]
pub(crate) struct UploadLimits {
    bytes_max: u64,
    slots: Arc<Semaphore>,
}

/// A file that is being uploaded. Dropped before its end, it leaves nothing.
pub(crate) struct Incoming {
    upload: Upload,
    head: Vec<u8>,
    bytes_max: u64,
    _slot: OwnedSemaphorePermit,
}

impl UploadLimits {
    /// Limits by which no file is larger than so many bytes.
    pub(crate) fn new(bytes_max: u64) -> Self {
        Self {
            bytes_max,
            slots: Arc::new(Semaphore::new(UPLOADS_MAX)),
        }
    }
}

impl Messaging {
    /// Begins an upload to a conversation of the user's.
    ///
    /// # Errors
    /// [`Refusal`].
    #[tracing::instrument(target = "messaging_trace", level = "trace", skip_all)]
    pub(crate) async fn upload_to_conversation(
        &self,
        user: &UserId,
        conversation: ConversationId,
    ) -> Result<Incoming, Refusal> {
        self.conversation_of(user, conversation).await?;
        self.begin_upload(user, conversation).await
    }

    /// Begins an upload to the conversation that a contract of the user's, or a milestone of it, leads to, existing or not.
    ///
    /// # Errors
    /// [`Refusal`].
    #[tracing::instrument(target = "messaging_trace", level = "trace", skip_all)]
    pub(crate) async fn upload_to_contract(
        &self,
        user: &UserId,
        contract: &str,
        milestone: Option<&str>,
    ) -> Result<Incoming, Refusal> {
        let mut fields = Fields::new();
        let contract: Option<ContractId> = fields.parse("contractId", contract);
        let milestone: Option<MilestoneId> = fields.parse_optional("milestoneId", milestone);
        let contract = fields.finish(contract)?;
        let conversation = self
            .store
            .conversation_to_be(&contract, milestone.as_ref(), user)
            .await?;
        self.begin_upload(user, conversation).await
    }

    async fn begin_upload(
        &self,
        user: &UserId,
        conversation: ConversationId,
    ) -> Result<Incoming, Refusal> {
        let slots = Arc::clone(&self.uploads.slots);
        let slot = slots.try_acquire_owned().map_err(|_| Refusal::Overloaded)?;
        Ok(Incoming {
            upload: self.store.begin_upload(conversation, user).await?,
            head: Vec::with_capacity(HEAD_BYTES),
            bytes_max: self.uploads.bytes_max,
            _slot: slot,
        })
    }
}

impl Incoming {
    /// Takes the next bytes.
    ///
    /// # Errors
    /// [`Refusal::TooLarge`] when they are too many, and nothing more is taken; [`Refusal::Store`].
    pub(crate) async fn write(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        if self.upload.size() + bytes.len() as u64 > self.bytes_max {
            return Err(Refusal::TooLarge(self.bytes_max));
        }
        let missing = HEAD_BYTES.saturating_sub(self.head.len());
        self.head.extend(bytes.iter().take(missing));
        Ok(self.upload.write(bytes).await?)
    }

    /// Makes the file known by its name.
    ///
    /// # Errors
    /// [`Refusal::MediaType`] when the bytes are evidently not what their sender says; [`Refusal::Store`].
    pub(crate) async fn finish(
        self,
        filename: &str,
        claimed_type: Option<&str>,
    ) -> Result<Attachment, Refusal> {
        let content_type = media_type::settle(claimed_type, &self.head)
            .map_err(|contradiction| Refusal::MediaType(contradiction.sniffed))?;
        let uploaded = Uploaded {
            filename: Filename::clean(filename).into_string(),
            content_type,
        };
        Ok(self.upload.finish(uploaded).await?)
    }
}
