//! Values of documents that mongoose has written, or somebody by hand: ids as ObjectId or text, times as dates or text.

use messaging_domain::Timestamp;
use mongodb::bson::oid::ObjectId;
use mongodb::bson::{Bson, DateTime, Document, doc};

/// An id as text; none if it is neither an ObjectId nor a text that says something.
pub(crate) fn id_text(value: Option<&Bson>) -> Option<String> {
    match value? {
        Bson::ObjectId(id) => Some(id.to_hex()),
        Bson::String(text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
        _ => None,
    }
}

/// A time; none if it is no date, no text of one and no number of milliseconds.
pub(crate) fn time(value: Option<&Bson>) -> Option<Timestamp> {
    match value? {
        Bson::DateTime(date) => Some(Timestamp::from_millis(date.timestamp_millis())),
        Bson::String(text) => text.trim().parse().ok(),
        Bson::Int64(millis) => Some(Timestamp::from_millis(*millis)),
        Bson::Double(millis) if millis.is_finite() => Some(Timestamp::from_millis(*millis as i64)),
        _ => None,
    }
}

/// A count; none if it is no number, and 0 if it is less.
pub(crate) fn count(value: Option<&Bson>) -> Option<u64> {
    match value? {
        Bson::Int32(number) => Some(u64::try_from(*number).unwrap_or(0)),
        Bson::Int64(number) => Some(u64::try_from(*number).unwrap_or(0)),
        Bson::Double(number) if number.is_finite() => Some(number.max(0.0) as u64),
        _ => None,
    }
}

/// A text; none if it is something else.
pub(crate) fn text<'a>(document: &'a Document, field: &str) -> Option<&'a str> {
    match document.get(field)? {
        Bson::String(text) => Some(text),
        _ => None,
    }
}

/// Both ways in which a reference to an id may be written.
pub(crate) fn ways_to_write(id: &Bson) -> Vec<Bson> {
    let mut ways = vec![id.clone()];
    match id {
        Bson::ObjectId(id) => ways.push(Bson::String(id.to_hex())),
        Bson::String(text) => ways.extend(ObjectId::parse_str(text).ok().map(Bson::ObjectId)),
        _ => {}
    }
    ways
}

/// An expression for a field as text, for the server: null where there is none, and what is no text can be no id.
pub(super) fn as_text(field: &str) -> Document {
    doc! { "$convert": { "input": field, "to": "string", "onError": "?", "onNull": null } }
}

/// An expression for a field as a date, for the server; null where there is none.
pub(super) fn as_date(field: &str) -> Document {
    doc! { "$convert": { "input": field, "to": "date", "onError": null, "onNull": null } }
}

/// A stage that passes what was written to since a time on, and what has no time, as it may have been written at any.
pub(super) fn written_since(time: Timestamp) -> Document {
    let at = doc! { "$ifNull": [as_date("$updatedAt"), as_date("$createdAt")] };
    let time = DateTime::from_millis(time.millis());
    doc! { "$match": { "$expr": { "$or": [{ "$eq": [&at, null] }, { "$gte": [&at, time] }] } } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_times_are_read_in_each_form() {
        let id = ObjectId::from_bytes([7; 12]);
        assert_eq!(id_text(Some(&Bson::ObjectId(id))), Some("07".repeat(12)));
        assert_eq!(
            id_text(Some(&Bson::String(" u-1 ".into()))),
            Some("u-1".to_owned())
        );
        for none in [
            None,
            Some(&Bson::Null),
            Some(&Bson::Int32(1)),
            Some(&Bson::String(" ".into())),
        ] {
            assert_eq!(id_text(none), None);
        }
        let at = Some(Timestamp::from_millis(1_795_375_800_123));
        assert_eq!(
            time(Some(&Bson::DateTime(DateTime::from_millis(
                1_795_375_800_123
            )))),
            at
        );
        assert_eq!(
            time(Some(&Bson::String("2026-11-22T20:30:00.123+01:00".into()))),
            at
        );
        assert_eq!(time(Some(&Bson::Int64(1_795_375_800_123))), at);
        assert_eq!(time(Some(&Bson::String("yesterday".into()))), None);
    }

    #[test]
    fn counts_are_never_negative() {
        assert_eq!(count(Some(&Bson::Int32(-3))), Some(0));
        assert_eq!(count(Some(&Bson::Double(2.0))), Some(2));
        assert_eq!(count(Some(&Bson::String("2".into()))), None);
    }
}
