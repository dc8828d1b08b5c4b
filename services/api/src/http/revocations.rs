use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use messaging_domain::{TokenId, UserId};
use messaging_web::refusal::Refused;
use messaging_web::{OptionalJsonBody, Problem, QueryParameters};
use messaging_wire::request::{RevokeToken, RevokeUser};
use messaging_wire::{Revocation, RevocationsPage};
use serde::Deserialize;
use utoipa::IntoParams;

use super::Http;
use super::caller::Host;
use crate::usecase::Refusal;

/// Which page of the revocations.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct PageQuery {
    /// How many revocations.
    #[param(minimum = 1, maximum = 500, default = 100)]
    limit: Option<u32>,
    /// Where the page begins: the `nextCursor` of the page before; the first page without it.
    cursor: Option<String>,
}

/// Lists the revocations in force.
///
/// For the host platform: only the role `service` may.
#[utoipa::path(
    get, path = "/revocations", operation_id = "listRevocations", tag = "revocations",
    params(PageQuery),
    responses(
        (status = 200, description = "A page of them.", body = RevocationsPage),
        Refused<400>, Refused<403>,
    ),
)]
pub(super) async fn list(
    State(http): State<Http>,
    _: Host,
    QueryParameters(query): QueryParameters<PageQuery>,
) -> Result<Json<RevocationsPage>, Problem> {
    let listed = http
        .messaging
        .list_revocations(query.limit, query.cursor.as_deref());
    Ok(Json(listed.await.map_err(Refusal::into_fault)?))
}

/// Revokes the tokens of a user.
///
/// For the host platform: only the role `service` may. All tokens of the user that were issued by now, or by `before`, are void
/// at once: calls are `unauthorized`, and connections are told `token_expired` and closed (4401), on every gateway, within a second.
/// What counts is the claim `iat` in whole seconds: a token is void if its `iat` is the second of `before` or an earlier one, so a new
/// token should be made in the next second or later. A token without `iat` counts as issued long ago, and is always void. The
/// revocation is kept for `REVOCATION_DAYS`, which must be longer than tokens hold. Doing it again is harmless: the later time counts.
#[utoipa::path(
    put, path = "/revocations/users/{userId}", operation_id = "revokeUser", tag = "revocations",
    params(("userId" = UserId, Path, description = "The user.")),
    request_body(content = Option<RevokeUser>, description = "From when on tokens hold; at most 5 minutes ahead, as clocks differ."),
    responses(
        (status = 200, description = "The revocation as it is stored.", body = Revocation),
        (status = 429, description = "Too many requests, or as many revocations as there may be (`limit_reached`).", body = ref("#/components/schemas/Problem"), content_type = "application/problem+json"),
        Refused<400>, Refused<403>, Refused<413>, Refused<415>,
    ),
)]
pub(super) async fn revoke_user(
    State(http): State<Http>,
    _: Host,
    Path(user): Path<String>,
    OptionalJsonBody(request): OptionalJsonBody<RevokeUser>,
) -> Result<Json<Revocation>, Problem> {
    let revoked = http.messaging.revoke_user(&user, &request).await;
    Ok(Json(revoked.map_err(Refusal::into_fault)?))
}

/// Lets the tokens of a user hold again.
///
/// For the host platform: only the role `service` may. Connections that were closed stay closed.
#[utoipa::path(
    delete, path = "/revocations/users/{userId}", operation_id = "liftRevocationOfUser", tag = "revocations",
    params(("userId" = UserId, Path, description = "The user.")),
    responses(
        (status = 204, description = "It is lifted."),
        Refused<400>, Refused<403>, Refused<404>,
    ),
)]
pub(super) async fn lift_user(
    State(http): State<Http>,
    _: Host,
    Path(user): Path<String>,
) -> Result<StatusCode, Problem> {
    let lifted = http.messaging.lift_of_user(&user).await;
    lifted.map_err(Refusal::into_fault)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Revokes one token.
///
/// For the host platform: only the role `service` may. The token is named by its claim `jti`, whoever's it is, and void at once, as
/// with the revocation of a user. It is known as void until `expiresAt`, which should be when it expires itself.
#[utoipa::path(
    put, path = "/revocations/tokens/{jti}", operation_id = "revokeToken", tag = "revocations",
    params(("jti" = TokenId, Path, description = "The token.")),
    request_body(content = Option<RevokeToken>, description = "When the token expires, within ten years; `REVOCATION_DAYS` from now if left out."),
    responses(
        (status = 200, description = "The revocation as it is stored.", body = Revocation),
        (status = 429, description = "Too many requests, or as many revocations as there may be (`limit_reached`).", body = ref("#/components/schemas/Problem"), content_type = "application/problem+json"),
        Refused<400>, Refused<403>, Refused<413>, Refused<415>,
    ),
)]
pub(super) async fn revoke_token(
    State(http): State<Http>,
    _: Host,
    Path(token): Path<String>,
    OptionalJsonBody(request): OptionalJsonBody<RevokeToken>,
) -> Result<Json<Revocation>, Problem> {
    let revoked = http.messaging.revoke_token(&token, &request).await;
    Ok(Json(revoked.map_err(Refusal::into_fault)?))
}

/// Lets a token hold again.
///
/// For the host platform: only the role `service` may.
#[utoipa::path(
    delete, path = "/revocations/tokens/{jti}", operation_id = "liftRevocationOfToken", tag = "revocations",
    params(("jti" = TokenId, Path, description = "The token.")),
    responses(
        (status = 204, description = "It is lifted."),
        Refused<400>, Refused<403>, Refused<404>,
    ),
)]
pub(super) async fn lift_token(
    State(http): State<Http>,
    _: Host,
    Path(token): Path<String>,
) -> Result<StatusCode, Problem> {
    let lifted = http.messaging.lift_of_token(&token).await;
    lifted.map_err(Refusal::into_fault)?;
    Ok(StatusCode::NO_CONTENT)
}
