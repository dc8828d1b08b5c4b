use crate::limits::FILENAME_SCALARS_MAX;

/// The name of an uploaded file: one line of visible text without a folder, 1 to [`FILENAME_SCALARS_MAX`] Unicode scalar values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filename(String);

impl Filename {
    /// Makes a name of whatever a client calls its file.
    ///
    /// Folders go, and so do control characters and those that change the direction of what follows, by which `exe.fdp` can
    /// be made to look like `pdf.exe`. A name that is too long loses its middle, not its extension. Without anything left it
    /// is `file`.
    pub fn clean(text: &str) -> Self {
        let last = text.rsplit(['/', '\\']).next().unwrap_or_default();
        let visible: String = last.chars().filter(|c| !is_hidden(*c)).collect();
        let name = visible.trim().trim_matches('.').trim();
        // A name that begins with a dot is a usual one; only names made of dots alone mean folders.
        let name = if name.is_empty() {
            "file"
        } else {
            visible.trim()
        };
        Self(shorten(name))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name, owned.
    pub fn into_string(self) -> String {
        self.0
    }
}

fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{2028}' | '\u{2029}' | '\u{feff}')
        || matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn shorten(name: &str) -> String {
    let length = name.chars().count();
    if length <= FILENAME_SCALARS_MAX {
        return name.to_owned();
    }
    const EXTENSION_SCALARS_MAX: usize = 20;
    let extension = name
        .rfind('.')
        .map(|dot| &name[dot..])
        .filter(|extension| extension.chars().count() <= EXTENSION_SCALARS_MAX)
        .unwrap_or_default();
    let stem = FILENAME_SCALARS_MAX - extension.chars().count();
    let cut: String = name.chars().take(stem).chain(extension.chars()).collect();
    cut.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, expected: &str) {
        assert_eq!(Filename::clean(text).as_str(), expected, "{text:?}");
    }

    #[test]
    fn a_name_keeps_what_can_be_seen() {
        check("brief.pdf", "brief.pdf");
        check("Übersicht „neu“ (2).docx", "Übersicht „neu“ (2).docx");
        check("a\"; filename=\"b.html", "a\"; filename=\"b.html");
        check(".env", ".env");
    }

    #[test]
    fn folders_and_what_is_hidden_go() {
        check("../../etc/passwd", "passwd");
        check("C:\\Users\\a\\brief.pdf", "brief.pdf");
        check("a\r\nSet-Cookie: b\0.txt", "aSet-Cookie: b.txt");
        check("\u{202e}fdp.exe", "fdp.exe");
        check("a\u{61c}b.exe", "ab.exe");
    }

    #[test]
    fn without_anything_left_it_is_file() {
        for text in ["", " ", "..", "/", "a/", "\u{1}"] {
            check(text, "file");
        }
    }

    #[test]
    fn a_long_name_keeps_its_extension() {
        let long = format!("{}.pdf", "é".repeat(400));
        check(
            &long,
            &format!("{}.pdf", "é".repeat(FILENAME_SCALARS_MAX - 4)),
        );
        let stem = "é".repeat(FILENAME_SCALARS_MAX - 1);
        check(&format!("{stem} and more"), &stem);
    }

    proptest! {
        #[test]
        fn what_is_clean_stays_as_it_is(text in r"\PC{0,4}[ ./\\\u{202e}\u{1}]{0,3}.{0,260}[ .]{0,3}") {
            let once = Filename::clean(&text);
            prop_assert_eq!(Filename::clean(once.as_str()), once);
        }
    }
}
