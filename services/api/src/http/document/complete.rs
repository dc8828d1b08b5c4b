use messaging_domain::TokenId;
use messaging_web::refusal;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::schema::Schema;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::tag::{Tag, TagBuilder};
use utoipa::openapi::{
    ComponentsBuilder, Info, InfoBuilder, LicenseBuilder, OpenApi, Ref, RefOr, ServerBuilder,
};
use utoipa::{PartialSchema, ToSchema};

/// The name of the one way to authenticate.
const TOKEN: &str = "token";

/// Refusals that every call can have.
const OF_EVERY_CALL: [(u16, &str); 2] = [(500, "internal"), (503, "unavailable")];

/// Refusals that a call with a token can have besides.
const OF_CALLS_WITH_TOKEN: [(u16, &str); 2] = [(401, "unauthorized"), (429, "rate_limited")];

/// The limits that are settings, as they are in force.
pub(in super::super) struct Limits {
    pub(in super::super) body_bytes_max: usize,
    pub(in super::super) attachment_bytes_max: usize,
}

/// Adds to a document what is the same for all of its operations.
pub(super) fn complete(mut document: OpenApi, limits: &Limits) -> OpenApi {
    for (path, item) in &mut document.paths.paths {
        for operation in operations(item) {
            add_refusals(path, operation);
            forbid_null_body(operation);
        }
    }
    let components = document
        .components
        .get_or_insert_with(|| ComponentsBuilder::new().build());
    for (name, schema) in refusal::schemas() {
        components.schemas.entry(name).or_insert(schema);
    }
    // What is met in paths alone is not gathered from the calls.
    components
        .schemas
        .insert(TokenId::name().into_owned(), TokenId::schema());
    for (name, response) in refusal::responses() {
        components
            .responses
            .insert(name.to_owned(), RefOr::T(response));
    }
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("JWT")
        .description(Some(
            "Claims: `sub` (the user's id), `exp`, and optionally `role` (`client`, `freelancer`, `admin` or `service`), `name`, and \
             `iat` and `jti`, by which tokens can be revoked.",
        ));
    components.add_security_scheme(TOKEN, SecurityScheme::Http(bearer.build()));
    document.security = Some(vec![SecurityRequirement::new(TOKEN, [""; 0])]);
    document.info = info(limits);
    document.servers = Some(vec![
        ServerBuilder::new()
            .url("/")
            .description(Some("Where this document comes from."))
            .build(),
    ]);
    document.tags = Some(tags());
    document
}

fn info(limits: &Limits) -> Info {
    let Limits {
        body_bytes_max,
        attachment_bytes_max,
    } = limits;
    let description = format!(
        "Clients and freelancers talk inside contracts, and inside milestones of contracts. Only the two users of a contract see \
         its conversations; to all others they do not exist (`not_found`).\n\n\
         **Bodies** are JSON in UTF-8 and have at most {body_bytes_max} bytes, files at most {attachment_bytes_max}. Unknown \
         fields of a request are ignored, and clients ignore those of a response. Times are RFC 3339 in UTC with milliseconds.\n\n\
         **Refusals** are problem documents (RFC 9457) with a `code`. A method that a path does not have is \
         `method_not_allowed` (405), a path that is none of these `not_found` (404).\n\n\
         **Rate**: each user may send 50 requests a second and 300 at once to each replica, unless an operator has changed that; \
         then it is `rate_limited` (429), and `Retry-After` says when to come back.\n\n\
         What happens in conversations is told live by Socket.IO and WebSocket, which `docs/asyncapi.yaml` describes."
    );
    InfoBuilder::new()
        .title("FreelanceHub Messaging")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(description))
        .license(Some(
            LicenseBuilder::new()
                .name(env!("CARGO_PKG_LICENSE"))
                .identifier(Some(env!("CARGO_PKG_LICENSE")))
                .build(),
        ))
        .build()
}

fn tags() -> Vec<Tag> {
    [
        (
            "messages",
            "Sending, reading, changing and finding messages.",
        ),
        ("conversations", "Conversations as the caller sees them."),
        ("attachments", "Files, uploaded before they are sent."),
        ("presence", "Who is connected."),
        (
            "contracts",
            "What the host platform tells of its contracts.",
        ),
        (
            "revocations",
            "Tokens that shall hold no more although they have not expired.",
        ),
        ("operation", "For load balancers and monitoring."),
        ("documents", "This document."),
    ]
    .into_iter()
    .map(|(name, description)| {
        TagBuilder::new()
            .name(name)
            .description(Some(description))
            .build()
    })
    .collect()
}

/// All operations of a path.
fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let PathItem {
        get,
        put,
        post,
        delete,
        patch,
        ..
    } = item;
    [get, put, post, delete, patch].into_iter().flatten()
}

/// The health of a process is told by its status alone, whatever else is wrong.
fn add_refusals(path: &str, operation: &mut Operation) {
    if !path.starts_with("/api/") {
        return;
    }
    let needs_token = operation.security.is_none();
    let with_token = OF_CALLS_WITH_TOKEN.iter().filter(|_| needs_token);
    for (status, name) in OF_EVERY_CALL.iter().chain(with_token) {
        operation
            .responses
            .responses
            .entry(status.to_string())
            .or_insert_with(|| RefOr::Ref(Ref::from_response_name(*name)));
    }
}

/// An optional body may be left out, which the macro describes as one that may be `null`, too.
fn forbid_null_body(operation: &mut Operation) {
    let contents = operation.request_body.iter_mut();
    for content in contents.flat_map(|body| body.content.values_mut()) {
        if let Some(RefOr::T(Schema::OneOf(choice))) = &content.schema {
            content.schema = choice.items.last().cloned();
        }
    }
}
