use std::time::Duration;

use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use messaging_web::Problem;
use messaging_wire::{Attachment, ErrorCode, Fault};
use tokio::time::timeout;

use super::super::Http;
use super::super::caller::Caller;
use super::super::conversations::conversation_id;
use super::multipart::{FileSink, Place, read_parts};
use crate::usecase::{Incoming, Refusal};

/// How long an upload may take.
const UPLOAD_TIMEOUT: Duration = Duration::from_secs(15 * 60);

/// `POST /api/messages/conversations/{id}/attachments`.
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

/// `POST /api/messages/attachments`.
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
