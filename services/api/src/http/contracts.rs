use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use messaging_auth::Role;
use messaging_web::{JsonBody, Problem};
use messaging_wire::Contract;
use messaging_wire::request::PutContract;

use super::Http;
use super::caller::Caller;
use crate::usecase::Refusal;

/// `PUT /api/contracts/{id}`.
pub(super) async fn put(
    State(http): State<Http>,
    Caller(caller): Caller,
    Path(id): Path<String>,
    JsonBody(request): JsonBody<PutContract>,
) -> Result<(StatusCode, Json<Contract>), Problem> {
    if !caller.role.is_some_and(Role::manages_contracts) {
        return Err(
            Refusal::Forbidden("only the roles service and admin put contracts")
                .into_fault()
                .into(),
        );
    }
    let put = http
        .messaging
        .put_contract(&id, &request)
        .await
        .map_err(Refusal::into_fault)?;
    Ok((
        if put.created {
            StatusCode::CREATED
        } else {
            StatusCode::OK
        },
        Json(put.contract),
    ))
}

/// `GET /api/contracts/{id}`.
pub(super) async fn read(
    State(http): State<Http>,
    Caller(caller): Caller,
    Path(id): Path<String>,
) -> Result<Json<Contract>, Problem> {
    Ok(Json(
        http.messaging
            .read_contract(&caller, &id)
            .await
            .map_err(Refusal::into_fault)?,
    ))
}
