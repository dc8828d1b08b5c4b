//! Texts in JSON whose form is known to be right.

use std::borrow::Cow;

use serde_json::value::RawValue;

/// The text that a JSON string stands for; `None` if the value is no string, or has half a surrogate pair as an escape.
///
/// It takes memory only where there are escapes, and then as much as the string is long. A reader of JSON would decode
/// it into a buffer that doubles, and copy that.
pub fn text(json: &RawValue) -> Option<Cow<'_, str>> {
    let quoted = json.get().strip_prefix('"')?.strip_suffix('"')?;
    if !quoted.contains('\\') {
        return Some(Cow::Borrowed(quoted));
    }
    let mut text = String::with_capacity(quoted.len());
    let mut rest = quoted;
    while let Some((plain, escaped)) = rest.split_once('\\') {
        text.push_str(plain);
        let (character, tail) = unescape(escaped)?;
        text.push(character);
        rest = tail;
    }
    text.push_str(rest);
    Some(Cow::Owned(text))
}

/// The character of an escape without its backslash, and what follows it.
fn unescape(escaped: &str) -> Option<(char, &str)> {
    let (kind, rest) = escaped.split_at_checked(1)?;
    let character = match kind {
        "b" => '\u{8}',
        "f" => '\u{c}',
        "n" => '\n',
        "r" => '\r',
        "t" => '\t',
        "u" => return unescape_utf16(rest),
        _ => kind.chars().next()?,
    };
    Some((character, rest))
}

fn unescape_utf16(digits: &str) -> Option<(char, &str)> {
    let (first, rest) = code_unit(digits)?;
    if let Some(character) = char::from_u32(first.into()) {
        return Some((character, rest));
    }
    let (second, rest) = code_unit(rest.strip_prefix("\\u")?)?;
    let mut pair = char::decode_utf16([first, second]);
    Some((pair.next()?.ok()?, rest))
}

fn code_unit(digits: &str) -> Option<(u16, &str)> {
    let (digits, rest) = digits.split_at_checked(4)?;
    Some((u16::from_str_radix(digits, 16).ok()?, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(json: &str) {
        let Ok(raw) = serde_json::from_str::<&RawValue>(json) else {
            return;
        };
        let expected = serde_json::from_str::<String>(json).ok();
        assert_eq!(text(raw).as_deref(), expected.as_deref(), "{json}");
    }

    #[test]
    fn a_text_is_what_a_reader_of_json_makes_of_it() {
        for json in [
            r#""""#,
            r#""a""#,
            r#""\"\\\/\b\f\n\r\t""#,
            r#""ä\u00e4\u0000""#,
            r#""\ud83d\ude00""#,
            r#""\ud83d""#,
            r#""\ud83d\n""#,
            r#""\ud83d\u0041""#,
            r#""\ude00""#,
            r#""\\u0041""#,
            "7",
            "null",
            r#"["a"]"#,
        ] {
            serde_json::from_str::<&RawValue>(json).expect(json);
            check(json);
        }
    }

    proptest! {
        #[test]
        fn any_text_is_what_a_reader_of_json_makes_of_it(
            inner in r#"([a-zä😀]|\\["\\/bfnrt]|\\u(d[89a-f][0-9a-f]{2}|[0-9a-fA-F]{4})){0,12}"#
        ) {
            check(&format!("\"{inner}\""));
        }
    }
}
