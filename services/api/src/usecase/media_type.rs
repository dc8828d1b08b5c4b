/// The media type of bytes of which nothing is known.
pub(super) const UNKNOWN: &str = "application/octet-stream";

/// Bytes at the beginning of a file that its type is told by.
pub(super) const HEAD_BYTES: usize = 8 * 1024;

/// The longest media type that is kept as claimed, in bytes.
const CLAIM_BYTES_MAX: usize = 127;

/// Formats in which others are wrapped: what claims to be one of those cannot be told from the first bytes.
const CONTAINERS: [&str; 8] = [
    "application/gzip",
    "application/msword",
    "application/vnd.ms-excel",
    "application/vnd.ms-powerpoint",
    "application/x-bzip2",
    "application/x-ole-storage",
    "application/x-xz",
    "application/zip",
];

/// A file whose bytes are evidently not what its sender says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Contradiction {
    /// What the bytes are.
    pub(super) sniffed: &'static str,
}

/// The type of a file by what its sender claims and by its first bytes.
///
/// A claim stands unless the bytes are known to be something else. Then the bytes decide between kinds of the same family, as
/// between a JPEG and a PNG, and where nothing definite was claimed; else it is refused.
pub(super) fn settle(claimed: Option<&str>, head: &[u8]) -> Result<String, Contradiction> {
    let claim = claimed.map(str::trim).filter(|claim| is_media_type(claim));
    let essence = claim.map(essence);
    let Some(sniffed) = infer::get(head).map(|kind| kind.mime_type()) else {
        return Ok(claim.unwrap_or(UNKNOWN).to_owned());
    };
    match (claim, essence.as_deref()) {
        (Some(claim), Some(essence)) if essence == sniffed || is_compatible(essence, sniffed) => {
            Ok(claim.to_owned())
        }
        (_, None | Some(UNKNOWN | "binary/octet-stream")) => Ok(sniffed.to_owned()),
        (_, Some(essence)) if family(essence) == family(sniffed) && family(essence).is_some() => {
            Ok(sniffed.to_owned())
        }
        _ => Err(Contradiction { sniffed }),
    }
}

/// Whether bytes that look like one type may well be of another.
fn is_compatible(claimed: &str, sniffed: &str) -> bool {
    let is_office = sniffed.starts_with("application/vnd.o");
    let is_document = claimed.starts_with("application/") && claimed != "application/pdf";
    match sniffed {
        // Source text of any kind can begin like these, and is only text to whoever opens it as such.
        "text/xml" => is_document || claimed.starts_with("text/") || claimed.ends_with("+xml"),
        "text/html" | "text/x-shellscript" => claimed.starts_with("text/") || is_script(claimed),
        _ if is_office || CONTAINERS.contains(&sniffed) => is_document,
        _ => false,
    }
}

fn is_script(essence: &str) -> bool {
    matches!(
        essence,
        "application/javascript"
            | "application/x-sh"
            | "application/xhtml+xml"
            | "application/x-python"
    )
}

/// Types among which a wrong claim is an honest mistake.
fn family(essence: &str) -> Option<&'static str> {
    match essence.split('/').next() {
        Some("image") => Some("image"),
        Some("audio" | "video") => Some("audio-video"),
        Some("font") => Some("font"),
        _ => None,
    }
}

fn essence(media_type: &str) -> String {
    let essence = media_type.split(';').next().unwrap_or_default();
    essence.trim().to_ascii_lowercase()
}

/// Whether a text has the form of a media type (RFC 9110, section 8.3.1) and may stand in a header as it is.
fn is_media_type(text: &str) -> bool {
    let is_token = |token: &str| {
        !token.is_empty()
            && token
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
    };
    let parameters_are_visible = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    text.len() <= CLAIM_BYTES_MAX
        && parameters_are_visible
        && essence(text)
            .split_once('/')
            .is_some_and(|(kind, subtype)| is_token(kind) && is_token(subtype))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
    const PDF: &[u8] = b"%PDF-1.7\n";
    const ZIP: &[u8] = b"PK\x03\x04\x14\0\0\0\x08\0";
    const HTML: &[u8] = b"<!DOCTYPE html><script>";
    const EXECUTABLE: &[u8] = &{
        let mut head = [0; 64];
        (head[0], head[1], head[2], head[3]) = (0x7f, b'E', b'L', b'F');
        head
    };

    fn check(claimed: &str, head: &[u8], expected: Result<&str, &str>) {
        let settled = settle(Some(claimed).filter(|claim| !claim.is_empty()), head);
        let settled = settled.map_err(|contradiction| contradiction.sniffed);
        assert_eq!(
            settled.as_deref().map_err(|sniffed| *sniffed),
            expected,
            "{claimed}"
        );
    }

    #[test]
    fn a_claim_stands_if_nothing_speaks_against_it() {
        check("image/png", PNG, Ok("image/png"));
        check("application/pdf", PDF, Ok("application/pdf"));
        check("application/pdf", b"not really", Ok("application/pdf"));
        check(
            "text/plain; charset=utf-8",
            "grüß".as_bytes(),
            Ok("text/plain; charset=utf-8"),
        );
        check(
            "application/vnd.oasis.opendocument.text",
            ZIP,
            Ok("application/vnd.oasis.opendocument.text"),
        );
        check("text/plain", HTML, Ok("text/plain"));
        check(
            "image/svg+xml",
            b"<?xml version=\"1.0\"?><svg/>",
            Ok("image/svg+xml"),
        );
    }

    #[test]
    fn the_bytes_decide_where_nothing_definite_was_claimed() {
        check("", PNG, Ok("image/png"));
        check("application/octet-stream", PDF, Ok("application/pdf"));
        check("", b"who knows", Ok(UNKNOWN));
        check("no media type", b"who knows", Ok(UNKNOWN));
        check("text/plain\r\nset-cookie: a", b"who knows", Ok(UNKNOWN));
    }

    #[test]
    fn an_honest_mistake_is_corrected() {
        check("image/jpeg", PNG, Ok("image/png"));
    }

    #[test]
    fn what_is_evidently_something_else_is_refused() {
        check("image/png", HTML, Err("text/html"));
        check("image/png", EXECUTABLE, Err("application/x-executable"));
        check("application/pdf", ZIP, Err("application/zip"));
        check("text/plain", PNG, Err("image/png"));
    }
}
