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

/// What went wrong (RFC 9457).
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = Problem))]
pub(crate) struct Document<'a> {
    /// Always `about:blank`: the `code` says more.
    #[cfg_attr(feature = "openapi", schema(value_type = String, pattern = "^about:blank$"))]
    r#type: &'static str,
    /// A short sentence, the same for each occurrence of a `code`.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    title: &'static str,
    /// The status of the response.
    #[cfg_attr(feature = "openapi", schema(minimum = 400, maximum = 599))]
    status: u16,
    /// What to know about this occurrence.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    detail: &'a str,
    /// What went wrong, for programs.
    code: ErrorCode,
    /// The fields at fault, of a `validation_failed`.
    #[serde(skip_serializing_if = "<[FieldError]>::is_empty")]
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<FieldError>, required = false, min_items = 1))]
    errors: &'a [FieldError],
}

impl<'a> From<&'a Fault> for Document<'a> {
    fn from(fault: &'a Fault) -> Self {
        Self {
            r#type: "about:blank",
            title: fault.code.title(),
            status: fault.code.http_status(),
            detail: &fault.message,
            code: fault.code,
            errors: &fault.errors,
        }
    }
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
        let code = self.fault.code;
        let document = Document::from(&self.fault);
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
        if code == ErrorCode::Unauthorized {
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
