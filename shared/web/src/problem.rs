use std::any::Any;

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use axum::response::IntoResponse;
use messaging_wire::{ErrorCode, Fault, FieldError};
use serde::Serialize;

/// When to try again after an `unavailable`, in seconds, where nobody knows better.
pub const RETRY_AFTER_SECONDS: u64 = 1;

/// A fault as the answer to a request: a problem document (RFC 9457) with the code's status.
#[derive(Debug)]
pub struct Problem {
    fault: Fault,
    retry_after_seconds: Option<u64>,
}

#[derive(Serialize)]
struct Document<'a> {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    detail: &'a str,
    code: ErrorCode,
    #[serde(skip_serializing_if = "<[FieldError]>::is_empty")]
    errors: &'a [FieldError],
}

impl Problem {
    /// Says when to try again.
    #[must_use]
    pub const fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after_seconds = Some(seconds);
        self
    }
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        let retry_after_seconds = match fault.code {
            ErrorCode::Unavailable | ErrorCode::RateLimited => Some(RETRY_AFTER_SECONDS),
            _ => None,
        };
        Self {
            fault,
            retry_after_seconds,
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> axum::response::Response {
        let Fault {
            code,
            message,
            errors,
        } = &self.fault;
        let document = Document {
            r#type: "about:blank",
            title: code.title(),
            status: code.http_status(),
            detail: message,
            code: *code,
            errors,
        };
        let body = serde_json::to_vec(&document).expect("texts and numbers");
        let mut response = Response::new(Body::from(body));
        *response.status_mut() =
            StatusCode::from_u16(code.http_status()).expect("each code has a valid status");
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if let Some(seconds) = self.retry_after_seconds {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if *code == ErrorCode::Unauthorized {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// Answers a path that is none of ours.
pub async fn no_such_path() -> Problem {
    Fault::new(ErrorCode::NotFound, "there is nothing at this path").into()
}

/// Answers a path of ours for another method.
pub async fn method_not_allowed() -> Problem {
    Fault::new(
        ErrorCode::MethodNotAllowed,
        "this path is not for this method",
    )
    .into()
}

/// Answers a request whose handler panicked: a bug, which is logged here.
pub fn panicked(_: Box<dyn Any + Send + 'static>) -> axum::response::Response {
    tracing::error!("a request's handler panicked");
    Problem::from(Fault::internal()).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_told_as_a_fault_of_the_service_and_nothing_else() {
        let answer = panicked(Box::new("the inside of a panic"));
        assert_eq!(answer.status(), 500);
        let body = axum::body::to_bytes(answer.into_body(), 4096).await;
        let body: serde_json::Value = serde_json::from_slice(&body.expect("a body")).expect("JSON");
        assert_eq!(
            (&body["code"], &body["status"]),
            (&"internal".into(), &500.into())
        );
        assert!(!body.to_string().contains("inside"), "{body}");
    }
}
