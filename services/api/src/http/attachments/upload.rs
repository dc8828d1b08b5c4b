use std::time::Duration;

use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use messaging_domain::{ContractId, ConversationId, MilestoneId};
use messaging_web::Problem;
use messaging_web::refusal::Refused;
use messaging_wire::{Attachment, ErrorCode, Fault};
use tokio::time::timeout;
use utoipa::ToSchema;

use super::super::Http;
use super::super::caller::Caller;
use super::super::conversations::conversation_id;
use super::multipart::{FileSink, Place, read_parts};
use crate::usecase::{Incoming, Refusal};

/// How long an upload may take.
const UPLOAD_TIMEOUT: Duration = Duration::from_secs(15 * 60);

/// The body of an upload to a conversation.
#[derive(ToSchema)]
#[expect(
    dead_code,
    reason = "the parts are read as they come; this is how the document shows them"
)]
struct FileUpload {
    /// The file, with its name and its `Content-Type`.
    #[schema(value_type = String, format = Binary, content_media_type = "application/octet-stream")]
    file: Vec<u8>,
}

/// The body of an upload before there is a conversation. The file comes last.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(
    dead_code,
    reason = "the parts are read as they come; this is how the document shows them"
)]
struct FileUploadToContract {
    /// The contract that the message will go to.
    contract_id: ContractId,
    /// The milestone, if the message will go to one.
    #[schema(nullable = false)]
    milestone_id: Option<MilestoneId>,
    /// The file, with its name and its `Content-Type`.
    #[schema(value_type = String, format = Binary, content_media_type = "application/octet-stream")]
    file: Vec<u8>,
}

/// Uploads a file to a conversation.
///
/// The caller can then send it with messages to this conversation. A file that no message has after a day is removed. Its
/// type is what its sender says, unless its first bytes evidently say otherwise.
#[utoipa::path(
    post, path = "/messages/conversations/{id}/attachments", operation_id = "uploadToConversation", tag = "attachments",
    params(("id" = ConversationId, Path, description = "The conversation.")),
    request_body(content = FileUpload, content_type = "multipart/form-data", description = "One part `file`, in at most 16 parts."),
    responses(
        (status = 201, description = "The file was stored.", body = Attachment),
        Refused<400>, Refused<404>, Refused<413>, Refused<415>,
    ),
)]
pub(in super::super) async fn upload_to_conversation(
    State(http): State<Http>,
    Caller(caller): Caller,
    Path(id): Path<String>,
    request: Request,
) -> Result<(StatusCode, Json<Attachment>), Problem> {
    let id = conversation_id(&id)?;
    let begin = async |_| {
        http.messaging
            .upload_to_conversation(&caller.user, id)
            .await
            .map_err(Refusal::into_fault)
    };
    receive(request, begin).await
}

/// Uploads a file before there is a conversation.
///
/// The caller can then send it with the message that makes the conversation.
#[utoipa::path(
    post, path = "/messages/attachments", operation_id = "uploadToContract", tag = "attachments",
    request_body(content = FileUploadToContract, content_type = "multipart/form-data", description = "The parts in this order."),
    responses(
        (status = 201, description = "The file was stored.", body = Attachment),
        Refused<400>, Refused<404>, Refused<413>, Refused<415>,
    ),
)]
pub(in super::super) async fn upload_to_contract(
    State(http): State<Http>,
    Caller(caller): Caller,
    request: Request,
) -> Result<(StatusCode, Json<Attachment>), Problem> {
    let begin = async |place: Place| {
        let Some(contract) = place.contract else {
            return Err(Fault::invalid_field(
                "contractId",
                "must come before the file",
            ));
        };
        let milestone = place.milestone.as_deref();
        http.messaging
            .upload_to_contract(&caller.user, &contract, milestone)
            .await
            .map_err(Refusal::into_fault)
    };
    receive(request, begin).await
}

/// Reads a body with one file, which is begun with what stands before it.
async fn receive(
    request: Request,
    begin: impl AsyncFnOnce(Place) -> Result<Incoming, Fault>,
) -> Result<(StatusCode, Json<Attachment>), Problem> {
    let received = timeout(UPLOAD_TIMEOUT, read_parts(request, begin))
        .await
        .map_err(|_| {
            Fault::new(
                ErrorCode::ValidationFailed,
                "the body took too long to arrive",
            )
        })??;
    let attachment = received
        .sink
        .finish(&received.filename, received.claimed_type.as_deref())
        .await
        .map_err(Refusal::into_fault)?;
    Ok((StatusCode::CREATED, Json(attachment)))
}

impl FileSink for Incoming {
    async fn write(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        self.write(bytes).await.map_err(Refusal::into_fault)
    }
}
