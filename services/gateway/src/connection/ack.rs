use std::fmt;

use serde_json::value::RawValue;

/// The most characters of an acknowledgement id that is a string, in the plain dialect.
const TEXT_ID_CHARACTERS_MAX: usize = 64;

/// The name under which the client waits for the acknowledgement of an event.
#[derive(Clone)]
pub enum AckId {
    /// Of Socket.IO: a number.
    Number(u64),
    /// Of the plain dialect: an integer or a string, as the client wrote it.
    Json(Box<RawValue>),
}

impl fmt::Debug for AckId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(id) => write!(f, "AckId({id})"),
            Self::Json(id) => write!(f, "AckId({id})"),
        }
    }
}

/// Reads the `id` of a plain frame: an integer, or a string of at most 64 characters; `None` if it is neither.
pub(crate) fn plain_id(json: &RawValue) -> Option<AckId> {
    let text = json.get();
    let good = match text.as_bytes().first()? {
        b'"' => {
            // An escape is six bytes for a character at most, so longer texts need no look inside.
            text.len() <= 6 * TEXT_ID_CHARACTERS_MAX * 2 + 2
                && serde_json::from_str::<String>(text)
                    .is_ok_and(|id| id.chars().count() <= TEXT_ID_CHARACTERS_MAX)
        }
        b'-' | b'0'..=b'9' => {
            serde_json::from_str::<i64>(text).is_ok() || serde_json::from_str::<u64>(text).is_ok()
        }
        _ => false,
    };
    good.then(|| AckId::Json(json.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_an_integer_or_a_string_of_at_most_64_characters() {
        let longest = format!("\"{}\"", "ä".repeat(64));
        for good in [
            "0",
            "1",
            "-7",
            "18446744073709551615",
            "\"\"",
            "\"a-1\"",
            &longest,
        ] {
            let json: Box<RawValue> = serde_json::from_str(good).expect("JSON");
            assert!(plain_id(&json).is_some(), "{good}");
        }
        let too_long = format!("\"{}\"", "x".repeat(65));
        for bad in [
            "1.5",
            "1e3",
            "true",
            "null",
            "{}",
            "[1]",
            "99999999999999999999",
            &too_long,
        ] {
            let json: Box<RawValue> = serde_json::from_str(bad).expect("JSON");
            assert!(plain_id(&json).is_none(), "{bad}");
        }
    }
}
