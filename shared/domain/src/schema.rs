//! What documents of the service say about these types. Only with the feature `openapi`.

use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type};
use utoipa::openapi::{Object, RefOr};
use utoipa::{PartialSchema, ToSchema};

use crate::limits::{
    CONTENT_SCALARS_MAX, FILENAME_SCALARS_MAX, OPAQUE_ID_LENGTH_MAX, PREVIEW_SCALARS_MAX,
    TITLE_SCALARS_MAX, TOKEN_ID_LENGTH_MAX,
};
use crate::{
    AttachmentId, ClientMessageId, Content, ContractId, ConversationId, Filename, MessageId,
    MilestoneId, Timestamp, TokenId, UserId,
};

/// The title of a contract or milestone, which is plain text everywhere else.
#[derive(Debug)]
pub struct Title;

/// The beginning of a message's text, likewise.
#[derive(Debug)]
pub struct Preview;

/// Text without control characters but for tab, line feed and carriage return.
const PLAIN: &str = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*$";

/// Gives a type the schema of the text that it is on the wire.
macro_rules! is_text {
    ($type:ty, $text:expr) => {
        impl PartialSchema for $type {
            fn schema() -> RefOr<Schema> {
                $text.into()
            }
        }

        impl ToSchema for $type {}
    };
}

is_text!(
    UserId,
    opaque_id("A user's id, given by the host platform.", "u-1")
);
is_text!(
    ContractId,
    opaque_id("A contract's id, given by the host platform.", "c-1")
);
is_text!(
    MilestoneId,
    opaque_id("A milestone's id, given by the host platform.", "m-1")
);
is_text!(
    ClientMessageId,
    opaque_id("A sender's own name for a message.", "a1b2")
);
is_text!(
    ConversationId,
    hex_id("A conversation's id.", "5d41402abc4b2a76b9719d91")
);
is_text!(
    MessageId,
    hex_id("A message's id.", "0192f0c1d2e3f4a5b6c7d8e9")
);
is_text!(
    AttachmentId,
    hex_id("An uploaded file's id.", "7d793037a0760186574b0282")
);
is_text!(TokenId, token_id());
is_text!(Timestamp, time());
is_text!(
    Content,
    text(
        "A message's text. It is stored without white space at its ends, and its length counts Unicode scalar values without \
         those. Control characters other than line feed, carriage return and tab are refused.",
        CONTENT_SCALARS_MAX,
        "Hello!",
    )
);
is_text!(
    Filename,
    text("A file's name.", FILENAME_SCALARS_MAX, "brief.pdf")
);
is_text!(
    Title,
    text(
        "A title. It is stored without white space at its ends; an empty one is none.",
        TITLE_SCALARS_MAX,
        "First draft",
    )
);
is_text!(
    Preview,
    text(
        "The beginning of a message's text.",
        PREVIEW_SCALARS_MAX,
        "Hello!"
    )
);

fn opaque_id(description: &str, example: &str) -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some(description))
        .min_length(Some(1))
        .max_length(Some(OPAQUE_ID_LENGTH_MAX))
        .pattern(Some("^[A-Za-z0-9_-]+$"))
        .examples([example])
        .build()
}

fn hex_id(description: &str, example: &str) -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some(description))
        .min_length(Some(24))
        .max_length(Some(24))
        .pattern(Some("^[0-9a-f]{24}$"))
        .examples([example])
        .build()
}

fn token_id() -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some(
            "A token's own id, the claim `jti`. In a path its special characters are percent-encoded.",
        ))
        .min_length(Some(1))
        .max_length(Some(TOKEN_ID_LENGTH_MAX))
        .pattern(Some("^[!-~]+$"))
        .examples(["6ba7b810-9dad-11d1"])
        .build()
}

fn time() -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some("A time in UTC, RFC 3339 with milliseconds."))
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
        .pattern(Some(
            r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$",
        ))
        .examples(["2026-11-22T19:30:00.123Z"])
        .build()
}

fn text(description: &str, scalars_max: usize, example: &str) -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some(description))
        .max_length(Some(scalars_max))
        .pattern(Some(PLAIN))
        .examples([example])
        .build()
}
