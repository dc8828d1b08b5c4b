use std::fmt;
use std::str::FromStr;

use messaging_domain::ConversationId;
use mongodb::bson::DateTime;
use mongodb::bson::oid::ObjectId;
use thiserror::Error;

use crate::model::{conversation_id, object_id};

/// Where a page of conversations ended: the last one's place in the list.
///
/// Its text is 16 hexadecimal digits of the time and the 24 of the id; clients take it as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    pub(crate) updated_at: DateTime,
    pub(crate) id: ObjectId,
}

/// A text that is no cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("is not one that a page gave")]
pub struct CursorError;

const TIME_DIGITS: usize = 16;

impl FromStr for Cursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, CursorError> {
        let (time, id) = text.split_at_checked(TIME_DIGITS).ok_or(CursorError)?;
        // `from_str_radix` would take a sign and upper case too, which no cursor has.
        if !time
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        {
            return Err(CursorError);
        }
        let millis = u64::from_str_radix(time, 16).map_err(|_| CursorError)?;
        let id: ConversationId = id.parse().map_err(|_| CursorError)?;
        Ok(Self {
            updated_at: DateTime::from_millis(millis.cast_signed()),
            id: object_id(id),
        })
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:016x}{}",
            self.updated_at.timestamp_millis(),
            conversation_id(self.id)
        )
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_cursor_reads_back_and_nothing_else_does() {
        for millis in [0, 1_795_375_800_123, i64::MIN, i64::MAX] {
            let cursor = Cursor {
                updated_at: DateTime::from_millis(millis),
                id: ObjectId::from_bytes([7; 12]),
            };
            assert_eq!(cursor.to_string().parse(), Ok(cursor));
        }
        let good = "000001a2b3c4d5e6070707070707070707070707";
        assert!(good.parse::<Cursor>().is_ok());
        for bad in [
            "",
            "x",
            &good[1..],
            &good.to_uppercase(),
            &format!("{good}0"),
            &good.replacen("0000", "+000", 1),
            "ääääääääääääääääääää",
        ] {
            assert_eq!(bad.parse::<Cursor>(), Err(CursorError), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_refused_or_reads_back(text in "[0-9a-g+é]{0,3}[0-9a-f]{38,40}.{0,1}") {
            if let Ok(cursor) = text.parse::<Cursor>() {
                prop_assert_eq!(cursor.to_string(), text);
            }
        }
    }
}
