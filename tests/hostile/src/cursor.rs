use messaging_store::Cursor;

use crate::bounded::bounded;

/// The cursor of a page: refused, or written as it was read.
pub fn cursor(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    let parsed = bounded(0, || text.parse::<Cursor>());
    if let Ok(cursor) = parsed {
        assert_eq!(cursor.to_string(), text);
    }
}
