use std::collections::HashSet;

use thiserror::Error;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;
use unicode_segmentation::UnicodeSegmentation;

use crate::limits::QUERY_SCALARS_MAX;

/// What to look for in messages: every word of it, case and diacritics aside.
///
/// Words are those of Unicode Standard Annex 29. What has no word in it, such as an emoji, is looked for as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchQuery {
    words: HashSet<String>,
    signs: Vec<String>,
}

/// A text that cannot be searched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SearchQueryError {
    /// Nothing but white space.
    #[error("must not be empty")]
    Empty,
    /// Over [`QUERY_SCALARS_MAX`].
    #[error("must be at most {QUERY_SCALARS_MAX} characters")]
    TooLong,
}

impl SearchQuery {
    /// Reads a query.
    ///
    /// # Errors
    /// Each [`SearchQueryError`].
    pub fn parse(text: &str) -> Result<Self, SearchQueryError> {
        if text.chars().count() > QUERY_SCALARS_MAX {
            return Err(SearchQueryError::TooLong);
        }
        let folded = fold(text);
        let mut query = Self {
            words: folded.unicode_words().map(str::to_owned).collect(),
            signs: Vec::new(),
        };
        for part in folded.split_whitespace() {
            if part.unicode_words().next().is_none() {
                query.signs.push(part.to_owned());
            }
        }
        if query.words.is_empty() && query.signs.is_empty() {
            return Err(SearchQueryError::Empty);
        }
        Ok(query)
    }

    /// Whether a text has all that is looked for.
    pub fn matches(&self, text: &str) -> bool {
        let folded = fold(text);
        if !self.signs.iter().all(|sign| folded.contains(sign.as_str())) {
            return false;
        }
        let mut missing: HashSet<&str> = self.words.iter().map(String::as_str).collect();
        for word in folded.unicode_words() {
            if missing.is_empty() {
                break;
            }
            missing.remove(word);
        }
        missing.is_empty()
    }
}

/// A text without case and diacritics: decomposed (NFKD), marks dropped, in lower case, and the letters that Unicode does not
/// decompose as the plain ones that people type for them.
fn fold(text: &str) -> String {
    let plain = |text: &str| -> String {
        text.nfkd()
            .filter(|character| !is_combining_mark(*character))
            .flat_map(char::to_lowercase)
            .collect()
    };
    let mut folded = String::with_capacity(text.len());
    // Lower case can bring marks of its own: İ becomes i with a dot above.
    for character in plain(&plain(text)).chars() {
        match character {
            'ß' => folded.push_str("ss"),
            'æ' => folded.push_str("ae"),
            'œ' => folded.push_str("oe"),
            'ø' => folded.push('o'),
            'ł' => folded.push('l'),
            'đ' | 'ð' => folded.push('d'),
            'ħ' => folded.push('h'),
            'ŧ' => folded.push('t'),
            'ı' => folded.push('i'),
            'ς' => folded.push('σ'),
            other => folded.push(other),
        }
    }
    folded
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(query: &str, text: &str, expected: bool) {
        let query = SearchQuery::parse(query).expect("a query");
        assert_eq!(query.matches(text), expected, "{query:?} in {text:?}");
    }

    #[test]
    fn every_word_must_be_there_in_any_order() {
        check("draft first", "The first draft, as promised.", true);
        check("first  first", "The first draft", true);
        check("second draft", "The first draft", false);
    }

    #[test]
    fn a_part_of_a_word_is_not_the_word() {
        check("draft", "drafts and overdraft", false);
        check("v2.1", "the v2.1 release", true);
    }

    #[test]
    fn case_and_diacritics_do_not_matter() {
        check("CREME brulee", "Crème Brûlée", true);
        check("Crème", "creme", true);
        check("strasse", "Straße", true);
        check("lodz", "Łódź", true);
        check("istanbul", "İSTANBUL", true);
        check("cafe\u{301}", "café", true);
        check("οδος", "ΟΔΟΣ", true);
        check("ﬁle", "file", true);
        check("Ёлка", "елка", true);
    }

    #[test]
    fn what_has_no_word_is_looked_for_as_it_stands() {
        check("🎉", "done 🎉🎉", true);
        check("🎉 done", "not yet 🎉", false);
        check("->", "a -> b", true);
    }

    #[test]
    fn scripts_without_spaces_are_searched_by_character() {
        check("文件", "请看文件", true);
        check("文書", "请看文件", false);
    }

    #[test]
    fn the_length_is_limited() {
        assert_eq!(SearchQuery::parse(" \n"), Err(SearchQueryError::Empty));
        assert_eq!(SearchQuery::parse(""), Err(SearchQueryError::Empty));
        assert!(SearchQuery::parse(&"é".repeat(QUERY_SCALARS_MAX)).is_ok());
        assert_eq!(
            SearchQuery::parse(&"é".repeat(QUERY_SCALARS_MAX + 1)),
            Err(SearchQueryError::TooLong)
        );
    }

    proptest! {
        #[test]
        fn a_text_has_what_it_is(text in "\\PC{1,100}") {
            if let Ok(query) = SearchQuery::parse(&text) {
                prop_assert!(query.matches(&text));
            }
        }
    }
}
