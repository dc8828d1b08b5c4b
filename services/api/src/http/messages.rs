use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use messaging_domain::{ConversationId, MessageId};
use messaging_web::{JsonBody, Problem, QueryParameters};
use messaging_wire::Message;
use messaging_wire::request::{CreateMessage, Draft, EditContent};
use serde::Serialize;

use super::Http;
use super::caller::Caller;
use super::conversations::conversation_id;
use crate::usecase::{Fields, HistoryQuery, Refusal, Search, Sent};

/// A page of messages.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct HistoryPage {
    items: Vec<Message>,
    has_more: bool,
}

/// Messages that were found.
#[derive(Serialize)]
pub(super) struct SearchResults {
    items: Vec<Message>,
}

/// `POST /api/messages`.
pub(super) async fn create(
    State(http): State<Http>,
    Caller(caller): Caller,
    JsonBody(request): JsonBody<CreateMessage>,
) -> Result<(StatusCode, Json<Message>), Problem> {
    answer(http.messaging.create_message(&caller.user, request).await)
}

/// `POST /api/messages/conversations/{id}/messages`.
pub(super) async fn send(
    State(http): State<Http>,
    Caller(caller): Caller,
    Path(id): Path<String>,
    JsonBody(draft): JsonBody<Draft>,
) -> Result<(StatusCode, Json<Message>), Problem> {
    conversation_id(&id)?;
    answer(http.messaging.send_message(&caller.user, &id, &draft).await)
}

/// `GET /api/messages/conversations/{id}/messages`.
pub(super) async fn history(
    State(http): State<Http>,
    Caller(caller): Caller,
    Path(id): Path<String>,
    QueryParameters(query): QueryParameters<HistoryQuery>,
) -> Result<Json<HistoryPage>, Problem> {
    let id = conversation_id(&id)?;
    let history = http
        .messaging
        .read_history(&caller.user, id, query)
        .await
        .map_err(Refusal::into_fault)?;
    Ok(Json(HistoryPage {
        items: history.items,
        has_more: history.has_more,
    }))
}

/// `GET /api/messages/conversations/{id}/search`.
pub(super) async fn search(
    State(http): State<Http>,
    Caller(caller): Caller,
    Path(id): Path<String>,
    QueryParameters(search): QueryParameters<Search>,
) -> Result<Json<SearchResults>, Problem> {
    let id = conversation_id(&id)?;
    let found = http
        .messaging
        .search_messages(&caller.user, id, &search)
        .await;
    let items = found.map_err(Refusal::into_fault)?;
    Ok(Json(SearchResults { items }))
}

/// `PATCH /api/messages/conversations/{id}/messages/{messageId}`.
pub(super) async fn edit(
    State(http): State<Http>,
    Caller(caller): Caller,
    Path((id, message)): Path<(String, String)>,
    JsonBody(request): JsonBody<EditContent>,
) -> Result<Json<Message>, Problem> {
    let (id, message) = message_place(&id, &message)?;
    let edited = http
        .messaging
        .edit_message(&caller.user, id, message, &request.content)
        .await;
    Ok(Json(edited.map_err(Refusal::into_fault)?))
}

/// `DELETE /api/messages/conversations/{id}/messages/{messageId}`.
pub(super) async fn delete(
    State(http): State<Http>,
    Caller(caller): Caller,
    Path((id, message)): Path<(String, String)>,
) -> Result<Json<Message>, Problem> {
    let (id, message) = message_place(&id, &message)?;
    let deleted = http
        .messaging
        .delete_message(&caller.user, id, message)
        .await;
    Ok(Json(deleted.map_err(Refusal::into_fault)?))
}

fn message_place(id: &str, message: &str) -> Result<(ConversationId, MessageId), Problem> {
    let mut fields = Fields::new();
    let id = fields.parse("id", id);
    let message = fields.parse("messageId", message);
    Ok(fields
        .finish(id.zip(message))
        .map_err(Refusal::into_fault)?)
}

fn answer(sent: Result<Sent, Refusal>) -> Result<(StatusCode, Json<Message>), Problem> {
    let sent = sent.map_err(Refusal::into_fault)?;
    Ok((
        if sent.duplicate {
            StatusCode::OK
        } else {
            StatusCode::CREATED
        },
        Json(sent.message),
    ))
}
