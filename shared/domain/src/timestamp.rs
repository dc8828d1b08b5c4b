use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A point in time, to the millisecond; on the wire RFC 3339 in UTC, `2026-11-22T19:30:00.123Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Timestamp(i64);

/// A text that is no RFC 3339 time, or one outside the years 0 to 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("must be an RFC 3339 time such as 2026-11-22T19:30:00.123Z")]
pub struct TimestampError;

const MILLIS_MIN: i64 = -62_167_219_200_000;
const MILLIS_MAX: i64 = 253_402_300_799_999;

impl Timestamp {
    /// The time so many milliseconds after 1970-01-01T00:00:00Z, held within the years 0 to 9999.
    pub const fn from_millis(millis: i64) -> Self {
        if millis < MILLIS_MIN {
            Self(MILLIS_MIN)
        } else if millis > MILLIS_MAX {
            Self(MILLIS_MAX)
        } else {
            Self(millis)
        }
    }

    /// The time so long before, or that of the year 0.
    #[must_use]
    pub fn earlier(self, by: Duration) -> Self {
        let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        Self::from_millis(self.0.saturating_sub(by))
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub const fn millis(self) -> i64 {
        self.0
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = OffsetDateTime::from_unix_timestamp(self.0.div_euclid(1000))
            .expect("the constructor holds it within the years 0 to 9999");
        let (hour, minute, second) = time.to_hms();
        write!(
            f,
            "{:04}-{:02}-{:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z",
            time.year(),
            u8::from(time.month()),
            time.day(),
            self.0.rem_euclid(1000),
        )
    }
}

impl FromStr for Timestamp {
    type Err = TimestampError;

    fn from_str(text: &str) -> Result<Self, TimestampError> {
        let time = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| TimestampError)?;
        let millis = i64::try_from(time.unix_timestamp_nanos().div_euclid(1_000_000))
            .map_err(|_| TimestampError)?;
        Ok(Self::from_millis(millis))
    }
}

impl TryFrom<String> for Timestamp {
    type Error = TimestampError;

    fn try_from(text: String) -> Result<Self, TimestampError> {
        text.parse()
    }
}

impl From<Timestamp> for String {
    fn from(time: Timestamp) -> Self {
        time.to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_time_is_written_in_utc_with_milliseconds() {
        assert_eq!(
            Timestamp::from_millis(0).to_string(),
            "1970-01-01T00:00:00.000Z"
        );
        assert_eq!(
            Timestamp::from_millis(1_795_375_800_123).to_string(),
            "2026-11-22T19:30:00.123Z"
        );
        assert_eq!(
            "2026-11-22T20:30:00.123+01:00".parse(),
            Ok(Timestamp::from_millis(1_795_375_800_123))
        );
        assert_eq!("yesterday".parse::<Timestamp>(), Err(TimestampError));
    }

    #[test]
    fn an_earlier_time_is_held_within_the_years_0_to_9999() {
        let time = Timestamp::from_millis(5_000);
        let earlier = |by| time.earlier(by).millis();
        assert_eq!(earlier(Duration::from_millis(4_999)), 1);
        assert_eq!(earlier(Duration::from_secs(6)), -1_000);
        assert_eq!(earlier(Duration::MAX), MILLIS_MIN);
    }

    proptest! {
        #[test]
        fn any_number_of_milliseconds_has_a_text_that_reads_back(millis: i64) {
            let time = Timestamp::from_millis(millis);
            prop_assert_eq!(time.to_string().parse(), Ok(time));
        }
    }
}
