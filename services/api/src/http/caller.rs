use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;
use messaging_auth::{Identity, Role, TokenError};
use messaging_web::Problem;
use messaging_wire::{ErrorCode, Fault};

use super::Http;
use crate::usecase::Refusal;

/// Who sends a request, by its bearer token; counted against his rate.
pub(super) struct Caller(pub(super) Identity);

impl FromRequestParts<Http> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, http: &Http) -> Result<Self, Problem> {
        let token =
            bearer_token(parts).ok_or_else(|| unauthorized("a bearer token is required"))?;
        let identity = http
            .verifier
            .verify(token)
            .await
            .map_err(|error| match error {
                TokenError::Expired => unauthorized("the token has expired"),
                TokenError::Revoked => unauthorized("the token has been revoked"),
                TokenError::Invalid => unauthorized("the token is not valid"),
                TokenError::NoKeys => Fault::unavailable().into(),
            })?;
        if let Err(wait) = http.limiter.admit(&identity.user) {
            let fault = Fault::new(ErrorCode::RateLimited, "too many requests by this user");
            return Err(Problem::from(fault).retry_after(wait.as_secs().max(1)));
        }
        Ok(Self(identity))
    }
}

/// The host platform: a caller of role `service`. Whoever is none is refused before what he sends is read.
pub(super) struct Host;

impl FromRequestParts<Http> for Host {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, http: &Http) -> Result<Self, Problem> {
        let Caller(caller) = Caller::from_request_parts(parts, http).await?;
        if caller.role == Some(Role::Service) {
            return Ok(Self);
        }
        let refusal = Refusal::Forbidden("only the role service may do this");
        Err(refusal.into_fault().into())
    }
}

fn bearer_token(parts: &Parts) -> Option<&str> {
    let value = parts.headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn unauthorized(message: &'static str) -> Problem {
    Fault::new(ErrorCode::Unauthorized, message).into()
}
