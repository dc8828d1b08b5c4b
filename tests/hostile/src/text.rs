use messaging_domain::limits::{
    CONTENT_SCALARS_MAX, FILENAME_SCALARS_MAX, OPAQUE_ID_LENGTH_MAX, PREVIEW_SCALARS_MAX,
};
use messaging_domain::{
    AttachmentId, ClientMessageId, Content, ContractId, ConversationId, Filename, SearchQuery,
    Timestamp, UserId, preview,
};

use crate::bounded::bounded;

/// Ids, message texts, file names, and a search for the first line in the others.
pub fn text(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    ids(text);
    content(text);
    filename(text);
    let (query, rest) = text.split_once('\n').unwrap_or((text, text));
    search(query, rest);
    if let Ok(time) = text.parse::<Timestamp>() {
        assert_eq!(time.to_string().parse(), Ok(time));
    }
}

fn ids(text: &str) {
    let parsed = bounded(OPAQUE_ID_LENGTH_MAX, || text.parse::<UserId>());
    assert_eq!(parsed.is_ok(), text.parse::<ContractId>().is_ok());
    assert_eq!(parsed.is_ok(), text.parse::<ClientMessageId>().is_ok());
    if let Ok(id) = parsed {
        assert_eq!(id.as_str(), text);
    }
    let parsed = bounded(0, || text.parse::<ConversationId>());
    assert_eq!(parsed.is_ok(), text.parse::<AttachmentId>().is_ok());
    if let Ok(id) = parsed {
        assert_eq!(id.to_string(), text);
    }
}

fn content(text: &str) {
    let Ok(content) = bounded(text.len(), || Content::parse_optional(text)) else {
        return;
    };
    let kept = content.as_str();
    assert!(kept.chars().count() <= CONTENT_SCALARS_MAX && text.contains(kept));
    assert!(
        kept.chars()
            .all(|c| !c.is_control() || "\n\r\t".contains(c))
    );
    assert_eq!(Content::parse_optional(kept), Ok(content.clone()));
    assert_eq!(Content::parse(text).is_ok(), !kept.is_empty());
    let beginning = preview(kept);
    assert!(kept.starts_with(beginning) && beginning.chars().count() <= PREVIEW_SCALARS_MAX);
}

fn filename(text: &str) {
    let name = bounded(3 * text.len() + 1_024, || Filename::clean(text));
    let name = name.as_str();
    assert!((1..=FILENAME_SCALARS_MAX).contains(&name.chars().count()));
    assert!(!name.contains(['/', '\\']) && !name.chars().any(char::is_control));
    assert!(name != "." && name != "..");
    assert_eq!(Filename::clean(name).as_str(), name);
}

fn search(query: &str, text: &str) {
    // A scalar value becomes up to 18 others, and words are kept once each.
    let Ok(query) = bounded(64 * 1_024, || SearchQuery::parse(query)) else {
        return;
    };
    // Decomposed, and once more in lower case.
    bounded(256 * text.len() + 4_096, || query.matches(text));
}
