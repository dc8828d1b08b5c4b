use axum::http::{HeaderMap, HeaderValue, header};
use messaging_api::http::attachments::Part;

use crate::bounded::bounded;

/// The header `Range`, behind eight bytes for the size of the file: what is served exists.
pub fn range_header(input: &[u8]) {
    let Some((size, range)) = input.split_first_chunk() else {
        return;
    };
    let Ok(range) = HeaderValue::from_bytes(range) else {
        return;
    };
    let size = u64::from_be_bytes(*size);
    let tag = HeaderValue::from_static("\"tag\"");
    let mut headers = HeaderMap::new();
    headers.insert(header::RANGE, range);
    let part = bounded(0, || Part::asked_for(&headers, &tag, size));
    let Ok(part) = part else { return };
    let end = part.first.checked_add(part.length);
    assert!(end.is_some_and(|end| end <= size), "{part:?}");
    match part.content_range() {
        Some(_) => assert!(part.length > 0, "{part:?}"),
        None => assert_eq!((part.first, part.length), (0, size)),
    }
}
