use serde_json::value::RawValue;

use super::PacketError;

/// The deepest that arguments may be nested: as deep as serde_json reads them.
const DEPTH_MAX: usize = 128;

/// The longest way to write the name of a member that counts: each of its characters as an escape.
const NAME_BYTES_MAX: usize = 6 * "_placeholder".len() + 2;

/// Checks that each `{"_placeholder":true,"num":n}` within some arguments names one of the attachments.
///
/// It walks the text without copying any of it: a reader of JSON would decode each name and text into memory of its own.
pub(super) fn check_placeholders(
    args: &[&RawValue],
    attachments: usize,
) -> Result<(), PacketError> {
    for arg in args {
        Walk::new(arg.get(), attachments).check()?;
    }
    Ok(())
}

/// A walk through a JSON value, which is known to be one.
struct Walk<'a> {
    json: &'a str,
    at: usize,
    attachments: usize,
    /// The arrays and objects that have begun and not ended.
    open: Vec<Open>,
}

enum Open {
    Array,
    Object(Members),
}

/// What has been seen of an object.
struct Members {
    /// The name of the member whose value is next; none while a name is.
    name: Option<Name>,
    placeholder: Seen,
    num: Seen,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Name {
    Placeholder,
    Num,
    Other,
}

/// What a value is as far as placeholders go.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Seen {
    True,
    Number(u64),
    Other,
}

impl<'a> Walk<'a> {
    const fn new(json: &'a str, attachments: usize) -> Self {
        Self {
            json,
            at: 0,
            attachments,
            open: Vec::new(),
        }
    }

    fn check(mut self) -> Result<(), PacketError> {
        while let Some(byte) = self.json.as_bytes().get(self.at).copied() {
            self.at += 1;
            match byte {
                b'{' => self.begin(Open::Object(Members {
                    name: None,
                    placeholder: Seen::Other,
                    num: Seen::Other,
                }))?,
                b'[' => self.begin(Open::Array)?,
                b'}' | b']' => self.end()?,
                b'"' => self.text(),
                b',' | b':' | b' ' | b'\t' | b'\r' | b'\n' => {}
                _ => self.word(),
            }
        }
        Ok(())
    }

    fn begin(&mut self, open: Open) -> Result<(), PacketError> {
        if self.open.len() >= DEPTH_MAX {
            return Err(PacketError::Placeholder);
        }
        self.open.push(open);
        Ok(())
    }

    fn end(&mut self) -> Result<(), PacketError> {
        if let Some(Open::Object(members)) = self.open.pop()
            && members.placeholder == Seen::True
        {
            match members.num {
                Seen::Number(num) if num < self.attachments as u64 => {}
                _ => return Err(PacketError::Placeholder),
            }
        }
        self.value(Seen::Other);
        Ok(())
    }

    /// A text whose first quote was just passed: a name, or a value.
    fn text(&mut self) {
        let begin = self.at - 1;
        let bytes = self.json.as_bytes();
        while let Some(byte) = bytes.get(self.at) {
            self.at += 1;
            match byte {
                b'"' => break,
                // Whatever follows is a part of the text.
                b'\\' => self.at += 1,
                _ => {}
            }
        }
        match self.open.last_mut() {
            Some(Open::Object(members)) if members.name.is_none() => {
                members.name = Some(Name::of(self.json.get(begin..self.at).unwrap_or_default()));
            }
            _ => self.value(Seen::Other),
        }
    }

    /// A number, or one of the three words, whose first byte was just passed.
    fn word(&mut self) {
        let begin = self.at - 1;
        let rest = self.json.as_bytes().get(self.at..).unwrap_or_default();
        let ends = |byte: &u8| b",]}: \t\r\n".contains(byte);
        self.at += rest.iter().position(ends).unwrap_or(rest.len());
        let word = self.json.get(begin..self.at).unwrap_or_default();
        self.value(match word {
            "true" => Seen::True,
            number => number.parse().map_or(Seen::Other, Seen::Number),
        });
    }

    /// A value has ended.
    fn value(&mut self, seen: Seen) {
        if let Some(Open::Object(members)) = self.open.last_mut() {
            match members.name.take() {
                Some(Name::Placeholder) => members.placeholder = seen,
                Some(Name::Num) => members.num = seen,
                Some(Name::Other) | None => {}
            }
        }
    }
}

impl Name {
    /// Of a name in its quotes.
    fn of(text: &str) -> Self {
        if text.len() > NAME_BYTES_MAX {
            return Self::Other;
        }
        match serde_json::from_str::<String>(text).as_deref() {
            Ok("_placeholder") => Self::Placeholder,
            Ok("num") => Self::Num,
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn is_good(json: &str) -> bool {
        let raw: &RawValue = serde_json::from_str(json).expect("JSON");
        check_placeholders(&[raw], 2).is_ok()
    }

    /// The same by a tree of the value.
    fn is_good_tree(value: &Value) -> bool {
        match value {
            Value::Array(items) => items.iter().all(is_good_tree),
            Value::Object(members) => {
                let is_placeholder = members.get("_placeholder") == Some(&Value::Bool(true));
                let num = members.get("num").and_then(Value::as_u64);
                (!is_placeholder || num.is_some_and(|num| num < 2))
                    && members.values().all(is_good_tree)
            }
            _ => true,
        }
    }

    #[test]
    fn a_placeholder_names_an_attachment_however_it_is_written() {
        for good in [
            r#"{"_placeholder":true,"num":1}"#,
            r#"[[{ "num" : 0 , "_placeholder" : true }]]"#,
            r#"{"_placeholder":false,"num":7}"#,
            r#"{"a":"\"_placeholder\":true","b":"}"}"#,
            r#"{"x":{"_placeholder":true},"x":1}"#.replace("true", "null").as_str(),
            "7",
        ] {
            assert!(is_good(good), "{good}");
        }
        for bad in [
            r#"{"_placeholder":true,"num":2}"#,
            r#"{"_placeholder":true}"#,
            r#"{"\u005fplaceholder":true,"num":"0"}"#,
            r#"{"_placeholder":true,"num":-1}"#,
            r#"{"a":[1,{"_placeholder":true,"num":0.0}]}"#,
        ] {
            assert!(!is_good(bad), "{bad}");
        }
        assert!(is_good(&format!("{}{}", "[".repeat(128), "]".repeat(128))));
        assert!(!is_good(&format!("{}{}", "[".repeat(129), "]".repeat(129))));
    }

    proptest! {
        #[test]
        fn a_walk_sees_what_a_reader_sees(text in r#"(\[|\{"(_placeholder|num|\\u006eum|a\\"|b)":|true|false|null|[0-9]|-1|1e2|"x\\\\"|,|\]|\}| ){0,24}"#) {
            if let Ok(value) = serde_json::from_str::<Value>(&text) {
                prop_assert_eq!(is_good(&text), is_good_tree(&value), "{}", text);
            }
        }

        #[test]
        fn a_walk_sees_what_a_reader_sees_in_objects(
            members in proptest::collection::vec((r#"_placeholder|num|\\u006eum|a"#, r#"true|1|2|"1"|\{"_placeholder":true,"num":[0-3]\}|\[true\]"#), 0..4),
        ) {
            let members: Vec<_> = members.iter().map(|(name, value)| format!("\"{name}\": {value}")).collect();
            let text = format!("[{{{}}}]", members.join(" ,"));
            let value: Value = serde_json::from_str(&text).expect("JSON");
            // Of members with one name the last one counts for both, but only a reader forgets the others.
            let distinct = members.iter().map(|member| member.replace("\\u006e", "n").split(':').next().map(str::to_owned)).collect::<std::collections::HashSet<_>>();
            prop_assume!(distinct.len() == members.len());
            prop_assert_eq!(is_good(&text), is_good_tree(&value), "{}", text);
        }
    }
}
