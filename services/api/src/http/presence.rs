use axum::Json;
use axum::extract::State;
use messaging_web::{Problem, QueryParameters};
use messaging_wire::PresenceItem;
use serde::{Deserialize, Serialize};

use super::Http;
use super::caller::Caller;
use crate::usecase::Refusal;

/// Whose presence.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PresenceQuery {
    user_ids: String,
}

/// The presence of some users.
#[derive(Serialize)]
pub(super) struct PresenceList {
    items: Vec<PresenceItem>,
}

/// `GET /api/presence`.
pub(super) async fn query(
    State(http): State<Http>,
    Caller(caller): Caller,
    QueryParameters(query): QueryParameters<PresenceQuery>,
) -> Result<Json<PresenceList>, Problem> {
    let users: Vec<String> = query.user_ids.split(',').map(str::to_owned).collect();
    let items = http
        .messaging
        .query_presence(&caller.user, &users)
        .await
        .map_err(Refusal::into_fault)?;
    Ok(Json(PresenceList { items }))
}
