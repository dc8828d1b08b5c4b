use std::{env, fs, path::Path};

/// Holds the part of a page between `<!-- NAME: begin -->` and `<!-- NAME: end -->` against what it is made of.
///
/// With `WRITE_DOCS=1` in the environment the part is written instead, as `make docs` does.
///
/// # Panics
/// When the part is another one, or the page has none of that name.
#[expect(
    clippy::disallowed_methods,
    reason = "who runs the tests says what they are to do"
)]
pub fn assert_written_part(page: &str, name: &str, expected: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(page);
    let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{page}: {error}"));
    let (begin, end) = (
        format!("<!-- {name}: begin -->\n"),
        format!("<!-- {name}: end -->"),
    );
    let found = text.split_once(&begin).and_then(|(before, rest)| {
        let (part, after) = rest.split_once(&end)?;
        Some((before, part, after))
    });
    let (before, part, after) = found.unwrap_or_else(|| panic!("{page} has no part {name}"));
    if part == expected {
        return;
    }
    assert!(
        env::var_os("WRITE_DOCS").is_some(),
        "{page}: the part {name} is not what it is made of; `make docs` writes it"
    );
    let written = format!("{before}{begin}{expected}{end}{after}");
    fs::write(&file, written).unwrap_or_else(|error| panic!("{page}: {error}"));
}
