use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use messaging_auth::Role;
use messaging_domain::ContractId;
use messaging_web::refusal::Refused;
use messaging_web::{JsonBody, Problem};
use messaging_wire::Contract;
use messaging_wire::request::PutContract;

use super::Http;
use super::caller::Caller;
use crate::usecase::Refusal;

/// Makes a contract, or replaces it whole.
///
/// For the host platform: only the roles `service` and `admin` may. Changing a party once a conversation exists, or dropping
/// a milestone that has one, is a `conflict`.
#[utoipa::path(
    put, path = "/contracts/{id}", operation_id = "putContract", tag = "contracts",
    params(("id" = ContractId, Path, description = "The contract.")),
    request_body(content = PutContract, description = "The contract. Ids of milestones are unique within it, and its two users differ."),
    responses(
        (status = 201, description = "It was made.", body = Contract),
        (status = 200, description = "It was replaced.", body = Contract),
        Refused<400>, Refused<403>, Refused<409>, Refused<413>, Refused<415>,
    ),
)]
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

/// Reads a contract.
///
/// For its two users and the roles `service` and `admin`.
#[utoipa::path(
    get, path = "/contracts/{id}", operation_id = "readContract", tag = "contracts",
    params(("id" = ContractId, Path, description = "The contract.")),
    responses(
        (status = 200, description = "The contract.", body = Contract),
        Refused<400>, Refused<404>,
    ),
)]
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
