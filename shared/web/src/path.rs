use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use messaging_wire::{ErrorCode, Fault};

use crate::Problem;

/// Middleware: refuses a path that is no UTF-8 once its escapes are read.
///
/// The router's own refusal would be plain text, and no problem document.
///
/// # Errors
/// `validation_failed` for such a path.
pub async fn refuse_unreadable_paths(request: Request, next: Next) -> Result<Response, Problem> {
    if is_readable(request.uri().path()) {
        return Ok(next.run(request).await);
    }
    Err(Fault::new(ErrorCode::ValidationFailed, "the path is not UTF-8").into())
}

fn is_readable(path: &str) -> bool {
    if !path.contains('%') {
        return true;
    }
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let escaped = (byte == b'%').then(|| after.first_chunk().and_then(escape));
        let (byte, after) = match escaped.flatten() {
            Some(byte) => (byte, &after[2..]),
            // What is no escape stands for itself.
            None => (byte, after),
        };
        bytes.push(byte);
        rest = after;
    }
    std::str::from_utf8(&bytes).is_ok()
}

fn escape(&[high, low]: &[u8; 2]) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(digit(high)? << 4 | digit(low)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, expected: bool) {
        assert_eq!(is_readable(path), expected, "{path}");
    }

    #[test]
    fn escapes_must_make_utf_8() {
        for path in [
            "/",
            "/plain/path",
            "/%41%20",
            "/%F0%9F%98%80",
            "/%",
            "/%4",
            "/%zz%",
            "/%00",
        ] {
            check(path, true);
        }
        for path in ["/%ff", "/a%C3", "/%C3/%A4", "/%ED%A0%80"] {
            check(path, false);
        }
    }
}
