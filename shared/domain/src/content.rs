use thiserror::Error;

use crate::limits::{CONTENT_SCALARS_MAX, PREVIEW_SCALARS_MAX};

/// The text of a message: trimmed, free of control characters, within its limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content(String);

/// A text that no message may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ContentError {
    /// Nothing is left after trimming, and there is no attachment to stand for it.
    #[error("must not be empty")]
    Empty,
    /// Over [`CONTENT_SCALARS_MAX`].
    #[error("must be at most 10000 characters")]
    TooLong,
    /// A character of Unicode category Cc other than line feed, carriage return and tab.
    #[error("must not contain control characters other than \\n, \\r and \\t")]
    ControlCharacter,
}

impl Content {
    /// Checks and trims a text that may be empty, as it may be next to an attachment.
    ///
    /// Control characters are looked for before trimming, because Unicode `White_Space` includes some of them
    /// (U+0085, for one) and trimming must not hide them.
    ///
    /// # Errors
    /// [`ContentError::ControlCharacter`] and [`ContentError::TooLong`].
    pub fn parse_optional(text: &str) -> Result<Self, ContentError> {
        if text.chars().any(is_forbidden) {
            return Err(ContentError::ControlCharacter);
        }
        let trimmed = text.trim();
        if trimmed.len() > CONTENT_SCALARS_MAX && trimmed.chars().count() > CONTENT_SCALARS_MAX {
            return Err(ContentError::TooLong);
        }
        Ok(Self(trimmed.to_owned()))
    }

    /// Checks and trims a text that must say something.
    ///
    /// # Errors
    /// Each [`ContentError`].
    pub fn parse(text: &str) -> Result<Self, ContentError> {
        let content = Self::parse_optional(text)?;
        if content.0.is_empty() {
            Err(ContentError::Empty)
        } else {
            Ok(content)
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text, owned.
    pub fn into_string(self) -> String {
        self.0
    }
}

/// The beginning of a text, at most [`PREVIEW_SCALARS_MAX`] Unicode scalar values of it.
pub fn preview(text: &str) -> &str {
    match text.char_indices().nth(PREVIEW_SCALARS_MAX) {
        Some((end, _)) => &text[..end],
        None => text,
    }
}

fn is_forbidden(character: char) -> bool {
    character.is_control() && !matches!(character, '\n' | '\r' | '\t')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, expected: Result<&str, ContentError>) {
        let parsed = Content::parse(text);
        assert_eq!(
            parsed.as_ref().map(Content::as_str),
            expected.as_ref().copied(),
            "{text:?}"
        );
    }

    #[test]
    fn text_is_trimmed_of_unicode_white_space() {
        check("  hi\n", Ok("hi"));
        check("\u{2003}\u{3000}hi\u{a0}there\u{2028}", Ok("hi\u{a0}there"));
        check("\u{200b}hi", Ok("\u{200b}hi"));
        check(" \u{2003}\n", Err(ContentError::Empty));
    }

    #[test]
    fn control_characters_are_refused_even_where_trimming_would_remove_them() {
        check("a\tb\r\nc", Ok("a\tb\r\nc"));
        for text in [
            "\0", "a\u{7f}", "a\u{9b}b", "hi\u{85}", "\u{b}hi", "hi\u{c}",
        ] {
            check(text, Err(ContentError::ControlCharacter));
        }
    }

    #[test]
    fn the_limit_counts_scalar_values_after_trimming() {
        let longest = "💬".repeat(CONTENT_SCALARS_MAX);
        check(&longest, Ok(&longest));
        check(&format!("  {longest}  "), Ok(&longest));
        check(&format!("{longest}a"), Err(ContentError::TooLong));
    }

    #[test]
    fn text_may_be_empty_only_where_the_caller_allows_it() {
        assert_eq!(
            Content::parse_optional("  ").as_ref().map(Content::as_str),
            Ok("")
        );
        check("", Err(ContentError::Empty));
    }

    #[test]
    fn a_preview_is_the_first_140_scalar_values() {
        assert_eq!(preview("short"), "short");
        assert_eq!(preview(&"é".repeat(140)), "é".repeat(140));
        assert_eq!(preview(&"é".repeat(141)), "é".repeat(140));
    }

    proptest! {
        #[test]
        fn what_is_accepted_is_accepted_again_as_it_is(text in "[ \t\u{2003}\u{85}]{0,2}.{0,40}[ \n\u{3000}]{0,2}") {
            if let Ok(content) = Content::parse(&text) {
                prop_assert_eq!(Content::parse(content.as_str()), Ok(content));
            }
        }
    }
}
