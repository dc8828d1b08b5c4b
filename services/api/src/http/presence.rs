use axum::Json;
use axum::extract::State;
use messaging_domain::UserId;
use messaging_web::refusal::Refused;
use messaging_web::{Problem, QueryParameters};
use messaging_wire::{PresenceItem, golden};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Http;
use super::caller::Caller;
use crate::usecase::Refusal;

/// Whose presence.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(super) struct PresenceQuery {
    /// The users asked about, separated by commas.
    #[param(value_type = Vec<UserId>, style = Form, explode = false, min_items = 1, max_items = 100, example = json!(["u-1", "u-2"]))]
    user_ids: String,
}

/// The presence of some users.
#[derive(Serialize, ToSchema)]
#[schema(examples(golden::presence_list))]
pub(super) struct PresenceList {
    /// Those of the users whom the caller may know of, in the order asked.
    #[schema(max_items = 100)]
    items: Vec<PresenceItem>,
}

/// Tells who of some users is connected.
///
/// The caller himself and users who share a contract with him; others are left out.
#[utoipa::path(
    get, path = "/presence", operation_id = "readPresence", tag = "presence",
    params(PresenceQuery),
    responses(
        (status = 200, description = "Their presence.", body = PresenceList),
        Refused<400>,
    ),
)]
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
