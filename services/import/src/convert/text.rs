use messaging_domain::Content;

/// A text without the control characters that no text may have here, and whether it had any.
pub(super) fn without_controls(text: &str) -> (String, bool) {
    let kept: String = text.chars().filter(|c| !is_forbidden(*c)).collect();
    let had_any = kept.len() < text.len();
    (kept, had_any)
}

/// A title as this system has them: trimmed, cut to its limit, none if nothing is left.
pub(super) fn title(text: Option<&str>) -> Option<String> {
    let (text, _) = without_controls(text?);
    let longest = messaging_domain::limits::TITLE_SCALARS_MAX;
    let cut: String = text.trim().chars().take(longest).collect();
    Some(cut.trim_end().to_owned()).filter(|title| !title.is_empty())
}

/// By the rule of a message's text, so that there is one.
fn is_forbidden(character: char) -> bool {
    character.is_control() && Content::parse_optional(character.encode_utf8(&mut [0; 4])).is_err()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_go_and_lines_stay() {
        assert_eq!(
            without_controls("a\tb\r\nc"),
            ("a\tb\r\nc".to_owned(), false)
        );
        assert_eq!(without_controls("a\0b\u{85}"), ("ab".to_owned(), true));
    }

    #[test]
    fn a_title_is_trimmed_and_cut() {
        assert_eq!(title(Some(" Logo\u{7} ")), Some("Logo".to_owned()));
        assert_eq!(title(Some(" \u{0} ")), None);
        assert_eq!(title(None), None);
        let long = title(Some(&"é".repeat(600)));
        assert_eq!(long.map(|title| title.chars().count()), Some(500));
    }
}
