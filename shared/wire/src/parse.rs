use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::error::Category;

use crate::{ErrorCode, Fault};

/// Reads a JSON object of a shape. What does not fit is a `validation_failed` that names the field; `whole` names the JSON itself.
///
/// # Errors
/// The fault, fit for a client's eyes.
pub fn parse_json<T: DeserializeOwned>(json: &[u8], whole: &str) -> Result<T, Fault> {
    // Derived readers take an array for an object too, which no client has been promised.
    if json.trim_ascii_start().first() != Some(&b'{') {
        serde_json::from_slice::<IgnoredAny>(json).map_err(|error| malformed(&error))?;
        return Err(Fault::invalid_field(whole, "must be an object"));
    }
    let mut reader = serde_json::Deserializer::from_slice(json);
    let parsed = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        fault(&path, whole, &error.into_inner())
    })?;
    reader.end().map_err(|error| malformed(&error))?;
    Ok(parsed)
}

fn fault(path: &str, whole: &str, error: &serde_json::Error) -> Fault {
    if error.classify() != Category::Data {
        return malformed(error);
    }
    let message = without_middle(error.to_string());
    let is_whole = path == ".";
    match missing_field(&message) {
        Some(field) if is_whole => Fault::invalid_field(field, "is required"),
        Some(field) => Fault::invalid_field(format!("{path}.{field}"), "is required"),
        None if is_whole => Fault::invalid_field(whole, format!("is not valid: {message}")),
        None => Fault::invalid_field(path, format!("is not valid: {message}")),
    }
}

/// serde's message repeats a value that does not fit, however long it is; what was expected comes behind it.
fn without_middle(message: String) -> String {
    const END_SCALARS: usize = 100;
    let mut scalars = message.char_indices();
    let (head, tail) = (scalars.nth(END_SCALARS), scalars.nth_back(END_SCALARS - 1));
    match (head, tail) {
        (Some((head, _)), Some((tail, _))) => {
            format!("{}…{}", &message[..head], &message[tail..])
        }
        _ => message,
    }
}

fn malformed(error: &serde_json::Error) -> Fault {
    Fault::new(
        ErrorCode::ValidationFailed,
        format!("malformed JSON: {error}"),
    )
}

/// The name in serde's message for a field that is missing, which it reports at the path of the object around it.
fn missing_field(message: &str) -> Option<&str> {
    message.strip_prefix("missing field `")?.split('`').next()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::request::{CreateMessage, GetPresence, PutContract};

    fn check<T: DeserializeOwned + std::fmt::Debug>(json: &str, field: Option<&str>) {
        let fault = parse_json::<T>(json.as_bytes(), "body").expect_err("it does not fit");
        assert_eq!(fault.code, ErrorCode::ValidationFailed);
        let named = fault.errors.first().map(|error| error.field.as_str());
        assert_eq!(named, field, "{json}: {fault}");
    }

    #[test]
    fn the_field_at_fault_is_named() {
        check::<CreateMessage>(r#"{"content":"x"}"#, Some("contractId"));
        check::<CreateMessage>(r#"{"contractId":"c","content":7}"#, Some("content"));
        check::<CreateMessage>(
            r#"{"contractId":"c","attachments":[{"id":"a"},{}]}"#,
            Some("attachments[1].id"),
        );
        check::<PutContract>(
            r#"{"clientId":"a","freelancerId":"b","milestones":[{"id":[]}]}"#,
            Some("milestones[0].id"),
        );
        check::<PutContract>(r#"["a","b"]"#, Some("body"));
        check::<PutContract>("7", Some("body"));
    }

    #[test]
    fn a_value_that_does_not_fit_is_not_repeated_whole() {
        let json = format!(r#"{{"userIds":"{}"}}"#, "é".repeat(100_000));
        let fault = parse_json::<GetPresence>(json.as_bytes(), "body").expect_err("a text");
        let said = &fault.errors[0].message;
        assert!(
            said.starts_with("is not valid: invalid type: string \"éé") && said.len() < 500,
            "{said}"
        );
        assert!(said.contains(", expected a sequence"), "{said}");
    }

    proptest! {
        #[test]
        fn any_json_like_text_is_read_or_refused_in_few_words(
            text in r#"\{"(clientId|milestones|title)":("[a-zé\\u0-9]{0,300}"|\[(\{"id":.{0,3}\},?){0,3}\]|.{0,300})(,.{0,30})?\}?"#
        ) {
            if let Err(fault) = parse_json::<PutContract>(text.as_bytes(), "body") {
                prop_assert!(fault.to_string().chars().count() < 300, "{}", fault);
            }
        }
    }

    #[test]
    fn what_is_no_json_names_no_field() {
        for json in [
            "",
            "{",
            "{]",
            "{} {}",
            "nonsense",
            "\u{1}",
            r#"{"contractId":"\ud800"}"#,
        ] {
            let fault =
                parse_json::<serde_json::Value>(json.as_bytes(), "body").expect_err("no JSON");
            assert!(fault.errors.is_empty(), "{json}: {fault}");
        }
    }
}
