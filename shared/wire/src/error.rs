use std::fmt;

use serde::{Deserialize, Serialize};

/// What went wrong, as clients see it: the `code` of a problem document and of a refused event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum ErrorCode {
    /// No valid token.
    Unauthorized,
    /// Known and visible, but not this caller's to do.
    Forbidden,
    /// There is no such thing, or not for this caller.
    NotFound,
    /// The request itself is wrong; sending it again cannot help.
    ValidationFailed,
    /// The body or frame is over its limit.
    PayloadTooLarge,
    /// The body is of a type that the call does not take.
    UnsupportedMediaType,
    /// No byte of the asked range exists.
    RangeNotSatisfiable,
    /// Plain HTTP where a WebSocket is spoken.
    UpgradeRequired,
    /// It contradicts what is stored.
    Conflict,
    /// The path exists, not for this method.
    MethodNotAllowed,
    /// Too often; `Retry-After` says when to come back.
    RateLimited,
    /// Too many at once: connections of a user, conversations of a connection.
    LimitReached,
    /// An event that the server does not know (sockets only).
    UnknownEvent,
    /// Not now; `Retry-After` says when to come back.
    Unavailable,
    /// A fault of the service.
    Internal,
}

impl ErrorCode {
    /// The word for it on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::ValidationFailed => "validation_failed",
            Self::PayloadTooLarge => "payload_too_large",
            Self::UnsupportedMediaType => "unsupported_media_type",
            Self::RangeNotSatisfiable => "range_not_satisfiable",
            Self::UpgradeRequired => "upgrade_required",
            Self::Conflict => "conflict",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::RateLimited => "rate_limited",
            Self::LimitReached => "limit_reached",
            Self::UnknownEvent => "unknown_event",
            Self::Unavailable => "unavailable",
            Self::Internal => "internal",
        }
    }

    /// The HTTP status that carries it.
    pub const fn http_status(self) -> u16 {
        match self {
            Self::ValidationFailed | Self::UnknownEvent => 400,
            Self::Unauthorized => 401,
            Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::Conflict => 409,
            Self::PayloadTooLarge => 413,
            Self::UnsupportedMediaType => 415,
            Self::RangeNotSatisfiable => 416,
            Self::UpgradeRequired => 426,
            Self::RateLimited | Self::LimitReached => 429,
            Self::Internal => 500,
            Self::Unavailable => 503,
        }
    }

    /// A short sentence that is the same for each occurrence: the `title` of a problem document.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Unauthorized => "A valid token is required",
            Self::Forbidden => "Not allowed",
            Self::NotFound => "Not found",
            Self::ValidationFailed => "The request is not valid",
            Self::PayloadTooLarge => "The payload is too large",
            Self::UnsupportedMediaType => "The media type is not supported",
            Self::RangeNotSatisfiable => "The range cannot be satisfied",
            Self::UpgradeRequired => "A WebSocket upgrade is required",
            Self::Conflict => "It conflicts with what is stored",
            Self::MethodNotAllowed => "The method is not allowed",
            Self::RateLimited => "Too many requests",
            Self::LimitReached => "A limit is reached",
            Self::UnknownEvent => "The event is not known",
            Self::Unavailable => "The service is not available at the moment",
            Self::Internal => "The service failed",
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What is wrong with one field of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FieldError {
    /// The path of the field, such as `attachments[0].id`.
    pub field: String,
    /// What is wrong with it, as a phrase that follows the field's name.
    pub message: String,
}

/// An error as a client may see it: nothing in it tells of the inside of the service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Fault {
    /// The kind.
    pub code: ErrorCode,
    /// What to know about this occurrence.
    pub message: String,
    /// The fields at fault, of a `validation_failed`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}

impl Fault {
    /// A fault of a kind, with a message of its own.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            errors: Vec::new(),
        }
    }

    /// A request with these fields at fault.
    pub fn invalid(errors: Vec<FieldError>) -> Self {
        let message = match errors.as_slice() {
            [only] => format!("{} {}", only.field, only.message),
            several => format!("{} fields are not valid", several.len()),
        };
        Self {
            code: ErrorCode::ValidationFailed,
            message,
            errors,
        }
    }

    /// A request with one field at fault.
    pub fn invalid_field(field: impl Into<String>, message: impl fmt::Display) -> Self {
        Self::invalid(vec![FieldError {
            field: field.into(),
            message: message.to_string(),
        }])
    }

    /// The answer to whoever asks for what does not exist, and to a stranger.
    pub fn not_found() -> Self {
        Self::new(
            ErrorCode::NotFound,
            "there is no such thing, or not for this user",
        )
    }

    /// The answer while a part of the service is out of reach or overloaded.
    pub fn unavailable() -> Self {
        Self::new(
            ErrorCode::Unavailable,
            "the service cannot do this right now; try again",
        )
    }

    /// The answer to a fault of our own, which the log explains and the client need not know.
    pub fn internal() -> Self {
        Self::new(ErrorCode::Internal, "the service failed to do this")
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for Fault {}
