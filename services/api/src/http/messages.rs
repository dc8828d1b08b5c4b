use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use messaging_domain::{ConversationId, MessageId};
use messaging_web::refusal::Refused;
use messaging_web::{JsonBody, Problem, QueryParameters};
use messaging_wire::request::{CreateMessage, Draft, EditContent};
use messaging_wire::{Message, golden};
use serde::Serialize;
use utoipa::ToSchema;

use super::Http;
use super::caller::Caller;
use super::conversations::conversation_id;
use crate::usecase::{Fields, HistoryQuery, Refusal, Search, Sent};

/// A page of messages.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(examples(golden::history_page))]
pub(super) struct HistoryPage {
    /// The messages, by ascending `seq`.
    #[schema(max_items = 100)]
    items: Vec<Message>,
    /// Whether there are more on the side on which the page was cut off.
    has_more: bool,
}

/// Messages that were found.
#[derive(Serialize, ToSchema)]
#[schema(examples(golden::search_results))]
pub(super) struct SearchResults {
    /// The messages, the newest first.
    #[schema(max_items = 50)]
    items: Vec<Message>,
}

/// Sends a message to a contract or milestone.
///
/// The first message creates the conversation, of which there is one for each contract and one for each of its milestones,
/// however many senders race. A retry with the same `clientMessageId` stores nothing and gets the first message back.
#[utoipa::path(
    post, path = "/messages", operation_id = "createMessage", tag = "messages",
    request_body(content = CreateMessage, description = "The message and where it goes."),
    responses(
        (status = 201, description = "The message was stored by a majority.", body = Message),
        (status = 200, description = "It had been stored before, under the same `clientMessageId`.", body = Message),
        Refused<400>, Refused<404>, Refused<409>, Refused<413>, Refused<415>,
    ),
)]
pub(super) async fn create(
    State(http): State<Http>,
    Caller(caller): Caller,
    JsonBody(request): JsonBody<CreateMessage>,
) -> Result<(StatusCode, Json<Message>), Problem> {
    answer(http.messaging.create_message(&caller.user, request).await)
}

/// Sends a message to a conversation.
///
/// A retry with the same `clientMessageId` stores nothing and gets the first message back. Sending marks nothing as read.
#[utoipa::path(
    post, path = "/messages/conversations/{id}/messages", operation_id = "sendMessage", tag = "messages",
    params(("id" = ConversationId, Path, description = "The conversation.")),
    request_body(content = Draft, description = "The message."),
    responses(
        (status = 201, description = "The message was stored by a majority.", body = Message),
        (status = 200, description = "It had been stored before, under the same `clientMessageId`.", body = Message),
        Refused<400>, Refused<404>, Refused<409>, Refused<413>, Refused<415>,
    ),
)]
pub(super) async fn send(
    State(http): State<Http>,
    Caller(caller): Caller,
    Path(id): Path<String>,
    JsonBody(draft): JsonBody<Draft>,
) -> Result<(StatusCode, Json<Message>), Problem> {
    conversation_id(&id)?;
    answer(http.messaging.send_message(&caller.user, &id, &draft).await)
}

/// Reads a page of a conversation's messages.
///
/// With neither `before` nor `after`: the newest ones. Giving both is `validation_failed`.
#[utoipa::path(
    get, path = "/messages/conversations/{id}/messages", operation_id = "readHistory", tag = "messages",
    params(("id" = ConversationId, Path, description = "The conversation."), HistoryQuery),
    responses(
        (status = 200, description = "The page.", body = HistoryPage),
        Refused<400>, Refused<404>,
    ),
)]
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

/// Searches a conversation by words.
///
/// A message is found if it has every word of `q`, case and diacritics aside; deleted ones are left out. What was just sent
/// is found at once.
#[utoipa::path(
    get, path = "/messages/conversations/{id}/search", operation_id = "searchMessages", tag = "messages",
    params(("id" = ConversationId, Path, description = "The conversation."), Search),
    responses(
        (status = 200, description = "What was found.", body = SearchResults),
        Refused<400>, Refused<404>,
    ),
)]
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

/// Changes a message's text.
///
/// Only its sender may. The text may be empty if the message has attachments. A deleted message is a `conflict`.
#[utoipa::path(
    patch, path = "/messages/conversations/{id}/messages/{messageId}", operation_id = "editMessage", tag = "messages",
    params(("id" = ConversationId, Path, description = "The conversation."), ("messageId" = MessageId, Path, description = "The message.")),
    request_body(content = EditContent, description = "The new text."),
    responses(
        (status = 200, description = "The message with `editedAt`.", body = Message),
        Refused<400>, Refused<403>, Refused<404>, Refused<409>, Refused<413>, Refused<415>,
    ),
)]
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

/// Deletes a message.
///
/// Only its sender may. Its text and its files go; its `seq` stays. A deleted message is a `conflict`.
#[utoipa::path(
    delete, path = "/messages/conversations/{id}/messages/{messageId}", operation_id = "deleteMessage", tag = "messages",
    params(("id" = ConversationId, Path, description = "The conversation."), ("messageId" = MessageId, Path, description = "The message.")),
    responses(
        (status = 200, description = "The message with `deletedAt`, without text and files.", body = Message),
        Refused<400>, Refused<403>, Refused<404>, Refused<409>,
    ),
)]
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
