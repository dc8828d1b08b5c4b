use std::sync::LazyLock;

use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use messaging_web::Problem;
use messaging_web::refusal::Refused;
use messaging_wire::Fault;

use super::archive::gzip_of;

/// The page and what it loads come from here, and from nowhere else; but for the icons of Swagger UI, which are in its style sheet
/// as `data:`.
const PAGE_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// Nothing but the page uses them, and that may be built anew at any time.
const REVALIDATED: HeaderValue = HeaderValue::from_static("no-cache");

/// They change with the release of Swagger UI only.
const KEPT_FOR_AN_HOUR: HeaderValue = HeaderValue::from_static("public, max-age=3600");

static SCRIPT: LazyLock<Option<Bytes>> = LazyLock::new(|| gzip_of("/dist/swagger-ui-bundle.js"));
static STYLES: LazyLock<Option<Bytes>> = LazyLock::new(|| gzip_of("/dist/swagger-ui.css"));

/// The document as JSON, written once.
#[derive(Clone)]
pub(in super::super) struct DocumentText(pub(super) Bytes);

/// Reads this document.
#[utoipa::path(
    get, path = "/openapi.json", operation_id = "readDocument", tag = "documents", security(()),
    responses((status = 200, description = "The document, OpenAPI 3.1.", content_type = "application/json", body = Object)),
)]
pub(in super::super) async fn openapi(State(text): State<DocumentText>) -> Response {
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        ),
        (header::CACHE_CONTROL, REVALIDATED),
        (header::X_CONTENT_TYPE_OPTIONS, NO_SNIFF),
    ];
    (headers, text.0).into_response()
}

/// Shows this document on a page, to read it and to try the calls.
#[utoipa::path(
    get, path = "/docs", operation_id = "readPage", tag = "documents", security(()),
    responses((status = 200, description = "The page.", content_type = "text/html", body = String)),
)]
pub(in super::super) async fn page() -> Response {
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/html; charset=utf-8"),
        ),
        (header::CACHE_CONTROL, REVALIDATED),
        (header::CONTENT_SECURITY_POLICY, PAGE_POLICY),
        (
            header::REFERRER_POLICY,
            HeaderValue::from_static("no-referrer"),
        ),
        (header::X_CONTENT_TYPE_OPTIONS, NO_SNIFF),
    ];
    (headers, include_str!("page.html")).into_response()
}

/// Reads a part of the page: its style sheet or one of its scripts.
#[utoipa::path(
    get, path = "/docs/{part}", operation_id = "readPagePart", tag = "documents", security(()),
    params(("part" = String, Path, description = "The file.", pattern = r"^(start\.js|swagger-ui-bundle\.js|swagger-ui\.css)$", example = "start.js")),
    responses(
        (status = 200, description = "The part.", content(
            (String = "text/javascript"),
            (String = "text/css"),
        ), headers(("Content-Encoding" = String, description = "`gzip`, except of `start.js`."))),
        Refused<404>,
    ),
)]
pub(in super::super) async fn part(Path(part): Path<String>) -> Result<Response, Problem> {
    let (content_type, packed) = match part.as_str() {
        "start.js" => ("text/javascript; charset=utf-8", None),
        "swagger-ui-bundle.js" => ("text/javascript; charset=utf-8", Some(&SCRIPT)),
        "swagger-ui.css" => ("text/css; charset=utf-8", Some(&STYLES)),
        _ => return Err(Fault::not_found().into()),
    };
    let mut response = match packed {
        None => include_str!("start.js").into_response(),
        Some(packed) => {
            let gzip = LazyLock::force(packed).clone();
            let mut response = gzip.ok_or_else(Fault::internal)?.into_response();
            response
                .headers_mut()
                .insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            response
        }
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, KEPT_FOR_AN_HOUR);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, NO_SNIFF);
    Ok(response)
}

const NO_SNIFF: HeaderValue = HeaderValue::from_static("nosniff");
