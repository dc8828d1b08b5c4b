use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::PacketError;

/// Checks that each `{"_placeholder":true,"num":n}` within some arguments names one of the attachments.
pub(super) fn check_placeholders(
    args: &[&RawValue],
    attachments: usize,
) -> Result<(), PacketError> {
    for arg in args {
        let mut json = serde_json::Deserializer::from_str(arg.get());
        Check { attachments }
            .deserialize(&mut json)
            .map_err(|_| PacketError::Placeholder)?;
    }
    Ok(())
}

/// Walks a value; serde_json's depth limit bounds the recursion.
#[derive(Clone, Copy)]
struct Check {
    attachments: usize,
}

/// What a value is as far as placeholders go.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Seen {
    True,
    Number(u64),
    Other,
}

impl<'de> DeserializeSeed<'de> for Check {
    type Value = Seen;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Seen, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Check {
    type Value = Seen;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Seen, E> {
        Ok(if value { Seen::True } else { Seen::Other })
    }

    fn visit_u64<E>(self, value: u64) -> Result<Seen, E> {
        Ok(Seen::Number(value))
    }

    fn visit_i64<E>(self, _value: i64) -> Result<Seen, E> {
        Ok(Seen::Other)
    }

    fn visit_f64<E>(self, _value: f64) -> Result<Seen, E> {
        Ok(Seen::Other)
    }

    fn visit_str<E>(self, _value: &str) -> Result<Seen, E> {
        Ok(Seen::Other)
    }

    fn visit_unit<E>(self) -> Result<Seen, E> {
        Ok(Seen::Other)
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut array: S) -> Result<Seen, S::Error> {
        while array.next_element_seed(self)?.is_some() {}
        Ok(Seen::Other)
    }

    fn visit_map<M: MapAccess<'de>>(self, mut object: M) -> Result<Seen, M::Error> {
        let (mut placeholder, mut num) = (Seen::Other, Seen::Other);
        while let Some(key) = object.next_key::<std::borrow::Cow<'_, str>>()? {
            let value = object.next_value_seed(self)?;
            match &*key {
                "_placeholder" => placeholder = value,
                "num" => num = value,
                _ => {}
            }
        }
        match (placeholder, num) {
            (Seen::True, Seen::Number(num)) if num < self.attachments as u64 => Ok(Seen::Other),
            (Seen::True, _) => Err(M::Error::custom("no such attachment")),
            _ => Ok(Seen::Other),
        }
    }
}
