use axum::Json;
use axum::extract::{Path, State};
use messaging_domain::ConversationId;
use messaging_web::refusal::Refused;
use messaging_web::{OptionalJsonBody, Problem, QueryParameters};
use messaging_wire::request::ReadUpTo;
use messaging_wire::{Conversation, ConversationsPage, ReadReceipt};
use serde::Deserialize;
use utoipa::IntoParams;

use super::Http;
use super::caller::Caller;
use crate::usecase::{Fields, Refusal};

/// Which page of the conversations.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct PageQuery {
    /// How many conversations.
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<u32>,
    /// Where the page begins: the `nextCursor` of the page before; the first page without it.
    cursor: Option<String>,
}

/// Lists the caller's conversations, the latest activity first.
#[utoipa::path(
    get, path = "/messages/conversations", operation_id = "listConversations", tag = "conversations",
    params(PageQuery),
    responses(
        (status = 200, description = "A page of them.", body = ConversationsPage),
        Refused<400>,
    ),
)]
pub(super) async fn list(
    State(http): State<Http>,
    Caller(caller): Caller,
    QueryParameters(query): QueryParameters<PageQuery>,
) -> Result<Json<ConversationsPage>, Problem> {
    let page = http
        .messaging
        .list_conversations(&caller.user, query.limit, query.cursor.as_deref())
        .await;
    Ok(Json(page.map_err(Refusal::into_fault)?))
}

/// Reads a conversation as the caller sees it.
#[utoipa::path(
    get, path = "/messages/conversations/{id}", operation_id = "readConversation", tag = "conversations",
    params(("id" = ConversationId, Path, description = "The conversation.")),
    responses(
        (status = 200, description = "The conversation.", body = Conversation),
        Refused<400>, Refused<404>,
    ),
)]
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

/// Marks a conversation as read.
///
/// `readSeq` only grows, and never past `lastSeq`. The body may be left out: then all of it is read.
#[utoipa::path(
    patch, path = "/messages/conversations/{id}/read", operation_id = "markAsRead", tag = "conversations",
    params(("id" = ConversationId, Path, description = "The conversation.")),
    request_body(content = Option<ReadUpTo>, description = "How far it was read."),
    responses(
        (status = 200, description = "How far it is read now.", body = ReadReceipt),
        Refused<400>, Refused<404>, Refused<413>, Refused<415>,
    ),
)]
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
