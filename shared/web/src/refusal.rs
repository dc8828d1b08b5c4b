//! How each refusal looks, for the document that describes the service. Only with the feature `openapi`.

use std::collections::BTreeMap;

use messaging_wire::{ErrorCode, Fault, FieldError};
use serde_json::{Value, json};
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::response::{Response, ResponseBuilder};
use utoipa::openapi::schema::{AllOfBuilder, ObjectBuilder, Schema, Type};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{IntoResponses, PartialSchema, ToSchema};

use crate::RETRY_AFTER_SECONDS;
use crate::problem::Document;

/// The codes with which requests are refused, one for each status.
const CODES: [ErrorCode; 11] = [
    ErrorCode::ValidationFailed,
    ErrorCode::Unauthorized,
    ErrorCode::Forbidden,
    ErrorCode::NotFound,
    ErrorCode::Conflict,
    ErrorCode::PayloadTooLarge,
    ErrorCode::UnsupportedMediaType,
    ErrorCode::RangeNotSatisfiable,
    ErrorCode::RateLimited,
    ErrorCode::Internal,
    ErrorCode::Unavailable,
];

/// That an operation may be refused with a status, as [`responses`] describes it.
#[derive(Debug)]
pub struct Refused<const STATUS: u16>;

impl<const STATUS: u16> IntoResponses for Refused<STATUS> {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let code = CODES
            .into_iter()
            .find(|code| code.http_status() == STATUS)
            .expect("an operation names statuses of CODES only, which a test of the document sees");
        let reference = Ref::from_response_name(code.as_str());
        BTreeMap::from([(STATUS.to_string(), RefOr::Ref(reference))])
    }
}

/// All refusals by the names that [`Refused`] refers to.
pub fn responses() -> impl Iterator<Item = (&'static str, Response)> {
    CODES
        .into_iter()
        .map(|code| (code.as_str(), response(code)))
}

/// The schemas that [`responses`] refer to.
pub fn schemas() -> Vec<(String, RefOr<Schema>)> {
    let mut schemas = vec![("Problem".to_owned(), Document::schema())];
    Document::schemas(&mut schemas);
    schemas
}

fn response(code: ErrorCode) -> Response {
    let narrowed = ObjectBuilder::new()
        .property(
            "status",
            ObjectBuilder::new()
                .schema_type(Type::Integer)
                .enum_values(Some([code.http_status()])),
        )
        .property(
            "code",
            ObjectBuilder::new()
                .schema_type(Type::String)
                .enum_values(Some([code.as_str()])),
        );
    let schema = AllOfBuilder::new()
        .item(Ref::from_schema_name("Problem"))
        .item(narrowed);
    let content = ContentBuilder::new()
        .schema(Some(Schema::from(schema.build())))
        .example(Some(example(code)))
        .build();
    let response = ResponseBuilder::new()
        .description(description(code))
        .content("application/problem+json", content);
    match header(code) {
        Some((name, schema, text)) => {
            let header = HeaderBuilder::new()
                .schema(schema)
                .description(Some(text))
                .build();
            response.header(name, header).build()
        }
        None => response.build(),
    }
}

fn description(code: ErrorCode) -> String {
    let more = match code {
        ErrorCode::ValidationFailed => "`errors` names the fields at fault.",
        ErrorCode::Unauthorized => "The token is missing, has expired or does not hold.",
        ErrorCode::Forbidden => "Known and visible, but not this caller's to do.",
        ErrorCode::NotFound => "There is no such thing, or not for this caller.",
        ErrorCode::Conflict => "What is stored does not allow it.",
        ErrorCode::PayloadTooLarge => "The body or the file is over its limit.",
        ErrorCode::UnsupportedMediaType => {
            "The call does not take a body of this type, or a file is not of the type that it claims."
        }
        ErrorCode::RangeNotSatisfiable => "No byte of the asked range exists.",
        ErrorCode::RateLimited => "The caller sends too many requests.",
        ErrorCode::Internal => "A fault of the service, which its log explains.",
        ErrorCode::Unavailable => {
            "MongoDB or NATS is out of reach, too much waits, or the replica is about to end. What became of a send is told by \
             a retry with the same `clientMessageId`."
        }
        ErrorCode::UpgradeRequired
        | ErrorCode::MethodNotAllowed
        | ErrorCode::LimitReached
        | ErrorCode::UnknownEvent => "",
    };
    format!("{}. {more}", code.title())
}

fn header(code: ErrorCode) -> Option<(&'static str, ObjectBuilder, &'static str)> {
    let text = ObjectBuilder::new().schema_type(Type::String);
    match code {
        ErrorCode::RateLimited | ErrorCode::Unavailable => {
            let seconds = ObjectBuilder::new()
                .schema_type(Type::Integer)
                .minimum(Some(RETRY_AFTER_SECONDS));
            Some(("Retry-After", seconds, "When to try again, in seconds."))
        }
        ErrorCode::Unauthorized => Some((
            "WWW-Authenticate",
            text.pattern(Some("^Bearer$")),
            "How to authenticate.",
        )),
        ErrorCode::RangeNotSatisfiable => Some((
            "Content-Range",
            text.pattern(Some("^bytes \\*/[0-9]+$")),
            "How many bytes there are.",
        )),
        _ => None,
    }
}

fn example(code: ErrorCode) -> Value {
    let fault = match code {
        ErrorCode::ValidationFailed => Fault::invalid(vec![FieldError {
            field: "content".to_owned(),
            message: "must not be empty".to_owned(),
        }]),
        ErrorCode::NotFound => Fault::not_found(),
        ErrorCode::Unavailable => Fault::unavailable(),
        ErrorCode::Internal => Fault::internal(),
        ErrorCode::Unauthorized => Fault::new(code, "the token has expired"),
        ErrorCode::Forbidden => Fault::new(code, "only its sender may change a message"),
        ErrorCode::Conflict => Fault::new(code, "the message is deleted"),
        ErrorCode::PayloadTooLarge => Fault::new(code, "the body is larger than the limit"),
        ErrorCode::UnsupportedMediaType => Fault::new(
            code,
            "the body must be sent as Content-Type: application/json",
        ),
        ErrorCode::RangeNotSatisfiable => Fault::new(code, "the file has 48213 bytes"),
        ErrorCode::RateLimited => Fault::new(code, "too many requests by this user"),
        _ => Fault::new(code, code.title()),
    };
    json!(Document::from(&fault))
}
