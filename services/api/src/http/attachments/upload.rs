use std::time::Duration;

use axum::Json;
use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{FromRequest, Multipart, Path, Request, State};
use axum::http::StatusCode;
use messaging_domain::limits::OPAQUE_ID_LENGTH_MAX;
use messaging_domain::{ContractId, ConversationId, MilestoneId};
use messaging_web::Problem;
use messaging_web::refusal::Refused;
use messaging_wire::{Attachment, ErrorCode, Fault};
use tokio::time::timeout;
use utoipa::ToSchema;

use super::super::Http;
use super::super::caller::Caller;
use super::super::conversations::conversation_id;
use crate::usecase::{Incoming, Refusal};

/// How long a client may take for the next bytes of its body.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// How long an upload may take.
const UPLOAD_TIMEOUT: Duration = Duration::from_secs(15 * 60);

/// Parts of a body, known or not.
const PARTS_MAX: usize = 16;

/// The longest value of a text part, in bytes.
const TEXT_BYTES_MAX: usize = 4 * OPAQUE_ID_LENGTH_MAX;

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
            return Err(Refusal::invalid_field(
                "contractId",
                "must come before the file",
            ));
        };
        let milestone = place.milestone.as_deref();
        http.messaging
            .upload_to_contract(&caller.user, &contract, milestone)
            .await
    };
    receive(request, begin).await
}

/// The conversation that an upload is for, as the parts before the file name it.
#[derive(Default)]
struct Place {
    contract: Option<String>,
    milestone: Option<String>,
}

/// A file whose bytes have been taken, to be made known once the body has turned out to be whole.
struct Received {
    incoming: Incoming,
    filename: String,
    claimed_type: Option<String>,
}

/// Reads a body with one file, which is begun with what stands before it.
async fn receive(
    request: Request,
    begin: impl AsyncFnOnce(Place) -> Result<Incoming, Refusal>,
) -> Result<(StatusCode, Json<Attachment>), Problem> {
    let parts = Multipart::from_request(request, &()).await.map_err(|_| {
        Fault::new(
            ErrorCode::UnsupportedMediaType,
            "the body must be sent as Content-Type: multipart/form-data",
        )
    })?;
    let received = timeout(UPLOAD_TIMEOUT, read_parts(parts, begin))
        .await
        .map_err(|_| {
            Fault::new(
                ErrorCode::ValidationFailed,
                "the body took too long to arrive",
            )
        })??;
    let attachment = received
        .incoming
        .finish(&received.filename, received.claimed_type.as_deref())
        .await
        .map_err(Refusal::into_fault)?;
    Ok((StatusCode::CREATED, Json(attachment)))
}

/// Reads the body to its end: one that breaks off after the file is not one that the client meant to send.
async fn read_parts(
    mut parts: Multipart,
    begin: impl AsyncFnOnce(Place) -> Result<Incoming, Refusal>,
) -> Result<Received, Problem> {
    let (mut place, mut begin, mut received) = (Place::default(), Some(begin), None);
    for _ in 0..PARTS_MAX {
        let Some(part) = within_idle_time(parts.next_field()).await? else {
            return received.ok_or_else(|| invalid("file", "is missing"));
        };
        match part.name() {
            Some("file") => {
                let begin = begin
                    .take()
                    .ok_or_else(|| invalid("file", "must be one file"))?;
                let incoming = begin(std::mem::take(&mut place)).await;
                received = Some(read_file(part, incoming).await?);
            }
            Some("contractId") => place.contract = Some(text("contractId", part).await?),
            Some("milestoneId") => place.milestone = Some(text("milestoneId", part).await?),
            _ => {}
        }
    }
    Err(invalid(
        "body",
        format!("must have at most {PARTS_MAX} parts"),
    ))
}

async fn text(name: &str, mut part: Field<'_>) -> Result<String, Problem> {
    let mut bytes = Vec::new();
    while let Some(chunk) = within_idle_time(part.chunk()).await? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > TEXT_BYTES_MAX {
            return Err(invalid(name, "is too long"));
        }
    }
    String::from_utf8(bytes).map_err(|_| invalid(name, "must be UTF-8"))
}

/// Takes the bytes of a file.
///
/// Of a file that is refused the rest is read, too, as far as the bound of the body goes: a client that is not heard out may
/// never read the answer.
async fn read_file(
    mut file: Field<'_>,
    incoming: Result<Incoming, Refusal>,
) -> Result<Received, Problem> {
    let filename = unescaped(file.file_name().unwrap_or_default());
    let claimed_type = file.content_type().map(str::to_owned);
    let mut incoming = incoming;
    while let Some(chunk) = within_idle_time(file.chunk()).await? {
        if let Ok(taking) = &mut incoming
            && let Err(refusal) = taking.write(&chunk).await
        {
            incoming = Err(refusal);
        }
    }
    Ok(Received {
        incoming: incoming.map_err(Refusal::into_fault)?,
        filename,
        claimed_type,
    })
}

/// A filename as the user knows it: browsers write these three characters so (the HTML standard, "multipart form data").
fn unescaped(filename: &str) -> String {
    filename
        .replace("%22", "\"")
        .replace("%0D", "\r")
        .replace("%0A", "\n")
}

async fn within_idle_time<T>(
    read: impl Future<Output = Result<T, MultipartError>>,
) -> Result<T, Problem> {
    match timeout(IDLE_TIMEOUT, read).await {
        Ok(Ok(read)) => Ok(read),
        Ok(Err(error)) if error.status() == StatusCode::PAYLOAD_TOO_LARGE => Err(Fault::new(
            ErrorCode::PayloadTooLarge,
            "the body is larger than the limit",
        )
        .into()),
        Ok(Err(_)) => Err(Fault::new(
            ErrorCode::ValidationFailed,
            "the body is not well-formed multipart/form-data, or did not arrive whole",
        )
        .into()),
        Err(_) => {
            Err(Fault::new(ErrorCode::ValidationFailed, "the body did not arrive whole").into())
        }
    }
}

fn invalid(field: &str, message: impl std::fmt::Display) -> Problem {
    Refusal::invalid_field(field, message).into_fault().into()
}
