use axum::Json;
use axum::extract::{Path, State};
use messaging_domain::ConversationId;
use messaging_web::{OptionalJsonBody, Problem, QueryParameters};
use messaging_wire::request::ReadUpTo;
use messaging_wire::{Conversation, Page, ReadReceipt};
use serde::Deserialize;

use super::Http;
use super::caller::Caller;
use crate::usecase::{Fields, Refusal};

/// Which page of the conversations.
#[derive(Debug, Deserialize)]
pub(super) struct PageQuery {
    limit: Option<u32>,
    cursor: Option<String>,
}

/// `GET /api/messages/conversations`.
pub(super) async fn list(
    State(http): State<Http>,
    Caller(caller): Caller,
    QueryParameters(query): QueryParameters<PageQuery>,
) -> Result<Json<Page<Conversation>>, Problem> {
    let page = http
        .messaging
        .list_conversations(&caller.user, query.limit, query.cursor.as_deref())
        .await;
    Ok(Json(page.map_err(Refusal::into_fault)?))
}

/// `GET /api/messages/conversations/{id}`.
pub(super) async fn read(
    State(http): State<Http>,
    Caller(caller): Caller,
    Path(id): Path<String>,
) -> Result<Json<Conversation>, Problem> {
    let id = conversation_id(&id)?;
    Ok(Json(
        http.messaging
            .read_conversation(&caller.user, id)
            .await
            .map_err(Refusal::into_fault)?,
    ))
}

/// `PATCH /api/messages/conversations/{id}/read`.
pub(super) async fn mark_as_read(
    State(http): State<Http>,
    Caller(caller): Caller,
    Path(id): Path<String>,
    OptionalJsonBody(request): OptionalJsonBody<ReadUpTo>,
) -> Result<Json<ReadReceipt>, Problem> {
    let id = conversation_id(&id)?;
    let receipt = http
        .messaging
        .mark_as_read(&caller.user, id, request.up_to_seq)
        .await;
    Ok(Json(receipt.map_err(Refusal::into_fault)?))
}

/// The id in a path.
pub(super) fn conversation_id(text: &str) -> Result<ConversationId, Problem> {
    let mut fields = Fields::new();
    let id = fields.parse("id", text);
    Ok(fields.finish(id).map_err(Refusal::into_fault)?)
}
