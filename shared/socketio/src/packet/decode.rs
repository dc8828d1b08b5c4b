use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::placeholder::check_placeholders;
use super::{
    ACK_DIGITS_MAX, ARGUMENTS_MAX, ATTACHMENTS_MAX, Body, Event, NAMESPACE_LENGTH_MAX, Packet,
    PacketError,
};
use crate::json;

/// Event names that mean something to Socket.IO itself and never cross the wire.
const RESERVED: [&str; 6] = [
    "connect",
    "connect_error",
    "disconnect",
    "disconnecting",
    "newListener",
    "removeListener",
];

impl<'a> Packet<'a> {
    /// Reads a packet; everything in it borrows from the text.
    ///
    /// The JSON is checked for its form and split into arguments, not read any further.
    ///
    /// # Errors
    /// See [`PacketError`].
    pub fn decode(text: &'a str) -> Result<Self, PacketError> {
        let kind = *text.as_bytes().first().ok_or(PacketError::UnknownType)?;
        if !(b'0'..=b'6').contains(&kind) {
            return Err(PacketError::UnknownType);
        }
        let (attachments, rest) = match kind {
            b'5' | b'6' => split_attachments(&text[1..])?,
            _ => (0, &text[1..]),
        };
        let (namespace, rest) = split_namespace(rest)?;
        let (ack, data) = split_ack(rest)?;
        let body = match kind {
            b'0' => Body::Connect(if data.is_empty() {
                None
            } else {
                Some(starting_with(&['{'], data)?)
            }),
            b'1' if data.is_empty() => Body::Disconnect,
            b'1' => return Err(PacketError::Data),
            b'2' | b'5' => Body::Event {
                ack,
                event: parse_event(data)?,
                attachments,
            },
            b'3' | b'6' => Body::Ack {
                id: ack.ok_or(PacketError::AckId)?,
                args: parse_list::<Arguments<'a>>(data)?.0,
                attachments,
            },
            _ => Body::ConnectError(starting_with(&['{', '"'], data)?),
        };
        check(&body, ack)?;
        Ok(Self { namespace, body })
    }
}

fn check(body: &Body<'_>, ack: Option<u64>) -> Result<(), PacketError> {
    match body {
        Body::Event {
            event: Event { args, .. },
            attachments,
            ..
        }
        | Body::Ack {
            args, attachments, ..
        } => {
            if *attachments == 0 {
                Ok(())
            } else {
                check_placeholders(args, *attachments)
            }
        }
        Body::Connect(_) | Body::Disconnect | Body::ConnectError(_) if ack.is_some() => {
            Err(PacketError::AckId)
        }
        Body::Connect(_) | Body::Disconnect | Body::ConnectError(_) => Ok(()),
    }
}

fn split_attachments(text: &str) -> Result<(usize, &str), PacketError> {
    let (digits, rest) = text.split_once('-').ok_or(PacketError::Attachments)?;
    let plain = (1..=3).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    let count = if plain { digits.parse().ok() } else { None };
    match count {
        Some(count) if count <= ATTACHMENTS_MAX => Ok((count, rest)),
        _ => Err(PacketError::Attachments),
    }
}

fn split_namespace(text: &str) -> Result<(&str, &str), PacketError> {
    if !text.starts_with('/') {
        return Ok(("/", text));
    }
    // A packet without data may end in its namespace.
    let (namespace, rest) = text.split_once(',').unwrap_or((text, ""));
    if namespace.len() > NAMESPACE_LENGTH_MAX {
        return Err(PacketError::Namespace);
    }
    Ok((namespace, rest))
}

fn split_ack(text: &str) -> Result<(Option<u64>, &str), PacketError> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    if digits == 0 {
        return Ok((None, text));
    }
    if digits > ACK_DIGITS_MAX {
        return Err(PacketError::AckId);
    }
    let (id, rest) = text.split_at(digits);
    Ok((Some(id.parse().map_err(|_| PacketError::AckId)?), rest))
}

fn parse<'a, T: Deserialize<'a>>(json: &'a str) -> Result<T, PacketError> {
    serde_json::from_str(json).map_err(|_| PacketError::Data)
}

/// A list. What is none is not even read: the error would hold a copy of a text that stands in its place.
fn parse_list<'a, T: Deserialize<'a>>(json: &'a str) -> Result<T, PacketError> {
    match json
        .trim_start_matches([' ', '\t', '\n', '\r'])
        .as_bytes()
        .first()
    {
        Some(b'[') => parse(json),
        _ => Err(PacketError::Data),
    }
}

/// An object, or what else can begin so.
fn starting_with<'a>(first: &[char], json: &'a str) -> Result<&'a RawValue, PacketError> {
    let value: &RawValue = parse(json)?;
    if value.get().starts_with(first) {
        Ok(value)
    } else {
        Err(PacketError::Data)
    }
}

fn parse_event(json: &str) -> Result<Event<'_>, PacketError> {
    let event: Event<'_> = parse_list(json)?;
    if RESERVED.contains(&&*event.name) {
        Err(PacketError::Data)
    } else {
        Ok(event)
    }
}

impl<'de> Deserialize<'de> for Event<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct EventVisitor;

        impl<'de> Visitor<'de> for EventVisitor {
            type Value = Event<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array that starts with a name")
            }

            fn visit_seq<S: SeqAccess<'de>>(self, mut array: S) -> Result<Event<'de>, S::Error> {
                let first: &RawValue = array
                    .next_element()?
                    .ok_or_else(|| S::Error::invalid_length(0, &self))?;
                let name = name(first).ok_or_else(|| S::Error::custom("not a name"))?;
                Ok(Event {
                    name,
                    args: collect(array)?,
                })
            }
        }

        deserializer.deserialize_seq(EventVisitor)
    }
}

/// A name is a string, or a number as JavaScript's event emitters allow it.
fn name(json: &RawValue) -> Option<Cow<'_, str>> {
    match json.get().as_bytes().first()? {
        b'-' | b'0'..=b'9' => Some(Cow::Borrowed(json.get())),
        _ => json::text(json),
    }
}

struct Arguments<'a>(Vec<&'a RawValue>);

impl<'de> Deserialize<'de> for Arguments<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ArgumentsVisitor;

        impl<'de> Visitor<'de> for ArgumentsVisitor {
            type Value = Arguments<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array")
            }

            fn visit_seq<S: SeqAccess<'de>>(self, array: S) -> Result<Arguments<'de>, S::Error> {
                collect(array).map(Arguments)
            }
        }

        deserializer.deserialize_seq(ArgumentsVisitor)
    }
}

fn collect<'de, S: SeqAccess<'de>>(mut array: S) -> Result<Vec<&'de RawValue>, S::Error> {
    let mut args = Vec::new();
    while let Some(arg) = array.next_element()? {
        if args.len() == ARGUMENTS_MAX {
            return Err(S::Error::custom("too many arguments"));
        }
        args.push(arg);
    }
    Ok(args)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn event(text: &str) -> (String, Option<u64>, String, Vec<String>, usize) {
        match Packet::decode(text) {
            Ok(Packet {
                namespace,
                body:
                    Body::Event {
                        ack,
                        event,
                        attachments,
                    },
            }) => {
                let args = event.args.iter().map(|arg| arg.get().to_owned()).collect();
                (
                    namespace.to_owned(),
                    ack,
                    event.name.into_owned(),
                    args,
                    attachments,
                )
            }
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn events_are_split_into_name_and_arguments() {
        assert_eq!(
            event(r#"2["a"]"#),
            ("/".into(), None, "a".into(), vec![], 0)
        );
        assert_eq!(
            event(r#"2/x,12["a", {"b":[1, 2]} ,"c"]"#),
            (
                "/x".into(),
                Some(12),
                "a".into(),
                vec![r#"{"b":[1, 2]}"#.into(), r#""c""#.into()],
                0
            )
        );
        assert_eq!(event(r#"2["\u00e4\n"]"#).2, "ä\n");
        assert_eq!(event("2[7]").2, "7");
        let binary = r#"51-/x,3["a",{"_placeholder":true,"num":0}]"#;
        assert_eq!(
            event(binary),
            (
                "/x".into(),
                Some(3),
                "a".into(),
                vec![r#"{"_placeholder":true,"num":0}"#.into()],
                1
            )
        );
    }

    #[test]
    fn the_other_packets_are_read() {
        let kind = |text| match Packet::decode(text).expect("valid").body {
            Body::Connect(auth) => format!("connect {:?}", auth.map(RawValue::get)),
            Body::Disconnect => "disconnect".to_owned(),
            Body::Ack {
                id,
                args,
                attachments,
            } => format!("ack {id} {} {attachments}", args.len()),
            other => format!("{other:?}"),
        };
        assert_eq!(kind("0"), "connect None");
        assert_eq!(kind("0/custom"), "connect None");
        assert_eq!(
            kind(r#"0/custom,{"token":"x"}"#),
            r#"connect Some("{\"token\":\"x\"}")"#
        );
        assert_eq!(kind("1/custom,"), "disconnect");
        assert_eq!(kind("3/x,5[]"), "ack 5 0 0");
        assert_eq!(kind(r#"61-5[{"_placeholder":true,"num":0}]"#), "ack 5 1 1");
    }

    #[test]
    fn malformed_packets_are_refused() {
        let long = format!("0/{},", "x".repeat(NAMESPACE_LENGTH_MAX));
        let deep = format!(r#"51-["a",{}1{}]"#, "[".repeat(5000), "]".repeat(5000));
        for (text, error) in [
            ("", PacketError::UnknownType),
            ("7", PacketError::UnknownType),
            ("abc", PacketError::UnknownType),
            ("ä", PacketError::UnknownType),
            ("2", PacketError::Data),
            ("2{}", PacketError::Data),
            ("2[]", PacketError::Data),
            ("2[null]", PacketError::Data),
            (r#"2["a"] x"#, PacketError::Data),
            (r#"2["disconnect"]"#, PacketError::Data),
            (r#"2["\ud800"]"#, PacketError::Data),
            (r#"2abc["a"]"#, PacketError::Data),
            (r#"212345678901234567["a"]"#, PacketError::AckId),
            (r#"3["a"]"#, PacketError::AckId),
            ("0[]", PacketError::Data),
            ("07{}", PacketError::AckId),
            ("4 0 ", PacketError::Data),
            ("4[]", PacketError::Data),
            ("1{}", PacketError::Data),
            (r#"5["a"]"#, PacketError::Attachments),
            (r#"5-["a"]"#, PacketError::Attachments),
            (r#"5999-["a"]"#, PacketError::Attachments),
            (r#"5+1-["a"]"#, PacketError::Attachments),
            (
                r#"51-["a",{"_placeholder":true,"num":1}]"#,
                PacketError::Placeholder,
            ),
            (
                r#"51-["a",{"_placeholder":true,"num":"0"}]"#,
                PacketError::Placeholder,
            ),
            (
                r#"51-["a",{"_placeholder":true}]"#,
                PacketError::Placeholder,
            ),
            (&long, PacketError::Namespace),
            (&deep, PacketError::Placeholder),
        ] {
            assert_eq!(
                Packet::decode(text).map(|_| ()).expect_err(text),
                error,
                "{text}"
            );
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in r#"[0-7]?([0-9]{1,3}-)?(/[a-z]{0,4},?)?[0-9]{0,18}.{0,40}"#) {
            let _ = Packet::decode(&text);
        }

        #[test]
        fn any_json_like_text_is_read_or_refused(text in r#"[256]1?-?\["a"(,(\{"_placeholder":(true|1|\{),"num":[0-9a"-]{1,3}\}|[\[\]{}",:0-9eE.+-]{0,6})){0,4}\]?"#) {
            let _ = Packet::decode(&text);
        }
    }
}
