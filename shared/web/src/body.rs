use std::time::Duration;

use axum::RequestExt;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::header;
use axum::http::request::Parts;
use bytes::Bytes;
use messaging_wire::{ErrorCode, Fault, parse_json};
use serde::de::DeserializeOwned;

use crate::{Problem, Uncollected, collect};

/// How long a client may take to send a body of JSON, which is small.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// A JSON body of a shape. What does not fit is answered with `validation_failed` and the field's path.
#[derive(Debug)]
pub struct JsonBody<T>(pub T);

/// As [`JsonBody`], but the body may be left out.
#[derive(Debug)]
pub struct OptionalJsonBody<T>(pub T);

/// The query of a shape.
#[derive(Debug)]
pub struct QueryParameters<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Problem> {
        require_json(&request)?;
        let body = read_body(request).await?;
        parse(&body).map(Self)
    }
}

impl<T: DeserializeOwned + Default, S: Send + Sync> FromRequest<S> for OptionalJsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Problem> {
        let declared = require_json(&request);
        let body = read_body(request).await?;
        if body.iter().all(u8::is_ascii_whitespace) {
            return Ok(Self(T::default()));
        }
        declared?;
        parse(&body).map(Self)
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for QueryParameters<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match axum::extract::Query::<T>::from_request_parts(parts, state).await {
            Ok(axum::extract::Query(parameters)) => Ok(Self(parameters)),
            Err(rejection) => {
                Err(Fault::new(ErrorCode::ValidationFailed, rejection.body_text()).into())
            }
        }
    }
}

fn require_json(request: &Request) -> Result<(), Problem> {
    let content_type = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let media_type = content_type
        .unwrap_or_default()
        .split(';')
        .next()
        .unwrap_or_default()
        .trim();
    let is_json = media_type.eq_ignore_ascii_case("application/json")
        || (media_type.starts_with("application/") && media_type.ends_with("+json"));
    if is_json {
        Ok(())
    } else {
        Err(Fault::new(
            ErrorCode::UnsupportedMediaType,
            "the body must be sent as Content-Type: application/json",
        )
        .into())
    }
}

async fn read_body(request: Request) -> Result<Bytes, Problem> {
    let collected = collect(request.into_limited_body(), BODY_TIMEOUT).await;
    collected.map_err(|uncollected| {
        let code = match uncollected {
            Uncollected::TooLarge => ErrorCode::PayloadTooLarge,
            Uncollected::Broken => ErrorCode::ValidationFailed,
        };
        let message = match uncollected {
            Uncollected::TooLarge => "the body is larger than the limit",
            Uncollected::Broken => "the body did not arrive whole",
        };
        Fault::new(code, message).into()
    })
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    Ok(parse_json(body, "body")?)
}
