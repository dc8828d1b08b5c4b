use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use messaging_domain::AttachmentId;
use messaging_lifecycle::chain;
use messaging_web::Problem;
use messaging_web::refusal::Refused;
use messaging_wire::{Attachment, ErrorCode, Fault};
use utoipa::ToSchema;

use super::super::Http;
use super::super::caller::Caller;
use super::part::{NotSatisfiable, Part};
use crate::usecase::{Fields, Refusal};

/// The bytes of a file, which are streamed.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
#[expect(dead_code, reason = "this is how the document shows them")]
struct FileBytes(Vec<u8>);

/// Downloads a file, or a part of it.
///
/// For the participants of its conversation, and for who uploaded it. Several ranges at once, and a range
/// that cannot be read, are answered with the whole file.
#[utoipa::path(
    get, path = "/messages/attachments/{id}", operation_id = "downloadAttachment", tag = "attachments",
    params(
        ("id" = AttachmentId, Path, description = "The file."),
        ("Range" = Option<String>, Header, nullable = false, description = "The bytes wanted.", example = "bytes=0-3"),
        ("If-Range" = Option<String>, Header, nullable = false, description = "An `ETag`: the range counts only for this version."),
        ("If-None-Match" = Option<String>, Header, nullable = false, description = "The `ETag` of what the caller has already."),
    ),
    responses(
        (status = 200, description = "The file.", content_type = "*/*", body = FileBytes, headers(
            ("ETag" = String, description = "Names these bytes."),
            ("Accept-Ranges" = String, description = "`bytes`."),
            ("Content-Disposition" = String, description = "`attachment` and the file's name."),
        )),
        (status = 206, description = "The bytes asked for.", content_type = "*/*", body = FileBytes, headers(
            ("ETag" = String, description = "Names the whole file."),
            ("Content-Range" = String, description = "Which bytes, and of how many: `bytes 0-1023/48213`."),
        )),
        (status = 304, description = "The caller has it already.", headers(("ETag" = String, description = "Names these bytes."))),
        Refused<400>, Refused<404>, Refused<416>,
    ),
)]
pub(in super::super) async fn download(
    State(http): State<Http>,
    Caller(caller): Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let mut fields = Fields::new();
    let id: Option<AttachmentId> = fields.parse("id", &id);
    let id = fields.finish(id).map_err(Refusal::into_fault)?;
    let attachment = http
        .messaging
        .read_attachment(&caller.user, id)
        .await
        .map_err(Refusal::into_fault)?;
    let tag = entity_tag(&attachment);
    if is_known(&headers, &tag) {
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, tag)]).into_response());
    }
    let part = match Part::asked_for(&headers, &tag, attachment.size) {
        Ok(part) => part,
        Err(NotSatisfiable) => return Ok(not_satisfiable(attachment.size)),
    };
    let bytes = http
        .messaging
        .store
        .attachment_bytes(id, part.first, part.length)
        .inspect(|read| {
            if let Err(error) = read {
                tracing::warn!(error = chain(error), "a download broke off");
            }
        });
    let mut response = Response::new(Body::from_stream(bytes));
    describe(response.headers_mut(), &attachment, tag);
    mark(&mut response, &part);
    Ok(response)
}

fn mark(response: &mut Response, part: &Part) {
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LENGTH, part.length.into());
    if let Some(range) = part.content_range() {
        headers.insert(header::CONTENT_RANGE, visible(range));
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
}

fn not_satisfiable(size: u64) -> Response {
    let fault = Fault::new(
        ErrorCode::RangeNotSatisfiable,
        format!("the file has {size} bytes"),
    );
    let mut response = Problem::from(fault).into_response();
    let range = visible(format!("bytes */{size}"));
    response.headers_mut().insert(header::CONTENT_RANGE, range);
    response
}

/// The headers that make a browser save the file and never run it.
fn describe(headers: &mut HeaderMap, attachment: &Attachment, tag: HeaderValue) {
    // What was claimed was checked to be a header's value when it was uploaded.
    let content_type = HeaderValue::try_from(&attachment.content_type)
        .unwrap_or(HeaderValue::from_static("application/octet-stream"));
    let fixed = [
        (header::CONTENT_TYPE, content_type),
        (
            header::CONTENT_DISPOSITION,
            disposition(&attachment.filename),
        ),
        (header::ETAG, tag),
        (header::ACCEPT_RANGES, HeaderValue::from_static("bytes")),
        // To be asked for each time, since whoever may read it can change, and it can be deleted.
        (
            header::CACHE_CONTROL,
            HeaderValue::from_static("private, no-cache"),
        ),
        (
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ),
        (
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static("default-src 'none'; sandbox"),
        ),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            HeaderValue::from_static("cross-origin"),
        ),
    ];
    headers.extend(fixed);
}

/// `attachment` with the name as RFC 6266 has it: in ASCII for old clients, in UTF-8 for the others.
fn disposition(filename: &str) -> HeaderValue {
    let is_plain =
        |byte: u8| byte.is_ascii_alphanumeric() || b" !#$&+-.^_`|~()[]{}@,='".contains(&byte);
    let plain: String = filename
        .chars()
        .map(|c| {
            if u8::try_from(c).is_ok_and(is_plain) {
                c
            } else {
                '_'
            }
        })
        .collect();
    let mut exact = String::new();
    for byte in filename.bytes() {
        // The characters that RFC 8187 leaves as they are.
        if byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte) {
            exact.push(char::from(byte));
        } else {
            exact.push_str(&format!("%{byte:02X}"));
        }
    }
    visible(format!(
        "attachment; filename=\"{plain}\"; filename*=UTF-8''{exact}"
    ))
}

fn entity_tag(attachment: &Attachment) -> HeaderValue {
    visible(format!("\"{}\"", attachment.sha256))
}

fn is_known(headers: &HeaderMap, tag: &HeaderValue) -> bool {
    let Some(known) = headers.get(header::IF_NONE_MATCH) else {
        return false;
    };
    known.to_str().is_ok_and(|known| {
        known
            .split(',')
            .map(|known| known.trim().trim_start_matches("W/"))
            .any(|known| known == "*" || known.as_bytes() == tag.as_bytes())
    })
}

fn visible(text: String) -> HeaderValue {
    HeaderValue::try_from(text).expect("visible ASCII characters")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_disposition(filename: &str, expected: &str) {
        assert_eq!(disposition(filename), expected, "{filename:?}");
    }

    #[test]
    fn a_filename_cannot_leave_its_place_in_the_header() {
        check_disposition(
            "brief.pdf",
            "attachment; filename=\"brief.pdf\"; filename*=UTF-8''brief.pdf",
        );
        check_disposition(
            "a\"; filename=\"b.html",
            "attachment; filename=\"a__ filename=_b.html\"; filename*=UTF-8''a%22%3B%20filename%3D%22b.html",
        );
        check_disposition(
            "übung%\\.txt\r\n",
            "attachment; filename=\"_bung__.txt__\"; filename*=UTF-8''%C3%BCbung%25%5C.txt%0D%0A",
        );
    }
}
