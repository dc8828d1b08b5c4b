use axum::http::{HeaderMap, HeaderValue, header};

/// Some bytes of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// The first one's place.
    pub first: u64,
    /// How many; all of them are within the file.
    pub length: u64,
    size: u64,
    is_range: bool,
}

/// A range of which no byte exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotSatisfiable;

impl Part {
    /// The one range that is asked for, or all of it: several at once, and ranges of another version, may be answered so (RFC
    /// 9110, section 14.2), and what cannot be read must be.
    ///
    /// # Errors
    /// [`NotSatisfiable`].
    pub fn asked_for(
        headers: &HeaderMap,
        tag: &HeaderValue,
        size: u64,
    ) -> Result<Self, NotSatisfiable> {
        let is_of_this_version = headers
            .get(header::IF_RANGE)
            .is_none_or(|version| version == tag);
        let range = headers
            .get(header::RANGE)
            .filter(|_| is_of_this_version)
            .and_then(|range| RangeSpec::parse(range.to_str().ok()?));
        let (first, length) = match range {
            None => (0, size),
            Some(RangeSpec::From { first, .. }) if first >= size => return Err(NotSatisfiable),
            Some(RangeSpec::From { first, last }) => (first, last.min(size - 1) - first + 1),
            Some(RangeSpec::Last(0)) => return Err(NotSatisfiable),
            // Of nothing, the last bytes are all.
            Some(RangeSpec::Last(_)) if size == 0 => (0, size),
            Some(RangeSpec::Last(length)) => (size - length.min(size), length.min(size)),
        };
        Ok(Self {
            first,
            length,
            size,
            is_range: range.is_some() && size > 0,
        })
    }

    /// Its place as the header `Content-Range` has it, unless all of the file was asked for.
    pub fn content_range(&self) -> Option<String> {
        let last = || self.first + self.length - 1;
        self.is_range
            .then(|| format!("bytes {}-{}/{}", self.first, last(), self.size))
    }
}

/// What a header `Range` with one range asks for.
#[derive(Debug, Clone, Copy)]
enum RangeSpec {
    /// From one place to another, the last one included.
    From { first: u64, last: u64 },
    /// So many at the end.
    Last(u64),
}

impl RangeSpec {
    /// `None` for what is no range, or several: they must not cost more than a look, and nobody is promised them.
    fn parse(text: &str) -> Option<Self> {
        let (unit, range) = text.split_once('=')?;
        if !unit.eq_ignore_ascii_case("bytes") {
            return None;
        }
        match range.trim_matches([' ', '\t']).split_once('-')? {
            ("", length) => number(length).map(Self::Last),
            (first, "") => Some(Self::From {
                first: number(first)?,
                last: u64::MAX,
            }),
            (first, last) => {
                let (first, last) = (number(first)?, number(last)?);
                (first <= last).then_some(Self::From { first, last })
            }
        }
    }
}

/// A number that is too large for any file stands for the largest.
fn number(digits: &str) -> Option<u64> {
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn asked_for(range: &str, size: u64) -> Result<Part, NotSatisfiable> {
        let mut headers = HeaderMap::new();
        if let Ok(range) = HeaderValue::from_str(range) {
            headers.insert(header::RANGE, range);
        }
        Part::asked_for(&headers, &HeaderValue::from_static("\"x\""), size)
    }

    fn check(range: &str, size: u64, expected: Option<&str>) {
        let part = asked_for(range, size).expect("satisfiable");
        assert_eq!(part.content_range().as_deref(), expected, "{range}");
    }

    #[test]
    fn one_range_is_served_and_whatever_cannot_be_read_means_all() {
        check("bytes=0-0", 10, Some("bytes 0-0/10"));
        check("bytes=3-", 10, Some("bytes 3-9/10"));
        check("bytes=-3", 10, Some("bytes 7-9/10"));
        check("bytes=8-99", 10, Some("bytes 8-9/10"));
        check("bytes=8-99999999999999999999", 10, Some("bytes 8-9/10"));
        check("Bytes= 1-2 ", 10, Some("bytes 1-2/10"));
        check("bytes=-99", 10, Some("bytes 0-9/10"));
        check("bytes=-1", 0, None);
        check("bytes=0-1,3-4", 10, None);
        check("lines=0-1", 10, None);
        check("bytes=0-5,3-9", 10, None);
        check("bytes=5-3", 10, None);
        check("bytes=+1-3", 10, None);
        check("bytes=-", 10, None);
        check("", 10, None);
    }

    #[test]
    fn a_range_of_nothing_is_refused() {
        assert_eq!(asked_for("bytes=10-", 10), Err(NotSatisfiable));
        assert_eq!(asked_for("bytes=0-", 0), Err(NotSatisfiable));
        assert_eq!(asked_for("bytes=-0", 10), Err(NotSatisfiable));
        assert_eq!(
            asked_for("bytes=99999999999999999999-", 10),
            Err(NotSatisfiable)
        );
    }

    proptest! {
        #[test]
        fn what_is_served_exists(range in "(bytes=)?([0-9]{0,20}-[0-9]{0,20},? ?){0,3}.{0,3}", size: u64) {
            if let Ok(part) = asked_for(&range, size) {
                prop_assert!(part.first.checked_add(part.length).is_some_and(|end| end <= size));
                prop_assert!(part.content_range().is_none() || part.length > 0);
            }
        }
    }
}
