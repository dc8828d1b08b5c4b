use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use messaging_web::{JsonBody, Problem, QueryParameters};
use messaging_wire::Message;
use messaging_wire::request::{CreateMessage, Draft, SendMessage};
use serde::Serialize;

use super::Http;
use super::caller::Caller;
use super::conversations::conversation_id;
use crate::usecase::{HistoryQuery, Refusal, Sent};

/// A page of messages.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct HistoryPage {
    items: Vec<Message>,
    has_more: bool,
}

/// `POST /api/messages`.
pub(super) async fn create(
    State(http): State<Http>,
    Caller(caller): Caller,
    JsonBody(request): JsonBody<CreateMessage>,
) -> Result<(StatusCode, Json<Message>), Problem> {
    answer(http.messaging.create_message(&caller.user, &request).await)
}

/// `POST /api/messages/conversations/{id}/messages`.
pub(super) async fn send(
    State(http): State<Http>,
    Caller(caller): Caller,
    Path(id): Path<String>,
    JsonBody(draft): JsonBody<Draft>,
) -> Result<(StatusCode, Json<Message>), Problem> {
    conversation_id(&id)?;
    let request = SendMessage {
        conversation_id: id,
        draft,
    };
    answer(http.messaging.send_message(&caller.user, &request).await)
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
