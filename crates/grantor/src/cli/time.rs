//! Times and spans as people write them.

use crate::clock;
use jiff::Timestamp;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;

/// Units of spans, with their lengths in seconds.
const UNITS: [(&str, i64); 5] = [("s", 1), ("m", 60), ("h", 3_600), ("d", 86_400), ("w", 604_800)];

/// A moment in Unix seconds: `2027-01-31T12:00:00Z`, `2027-01-31` (its beginning in UTC), or from now on `90d`.
pub fn moment(text: &str) -> Result<i64, String> {
    if let Ok(span) = span(text) {
        return Ok(clock::now_s().saturating_add(span));
    }
    absolute(text).ok_or_else(|| {
        format!("'{text}' is no time; write 2027-01-31T12:00:00Z, 2027-01-31, or a span from now on such as 90d or 12h")
    })
}

/// A moment that stays the same whenever it is read: no span.
pub fn absolute(text: &str) -> Option<i64> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(at.as_second());
    }
    let date: Date = (text.len() == 10).then(|| text.parse().ok())??;
    let start = date.to_datetime(Time::midnight()).to_zoned(TimeZone::UTC).ok()?;
    Some(start.timestamp().as_second())
}

/// A span in seconds: `90d`, `24h`, `30m`, `45s`, `2w`, or several of them in a row such as `1d12h`.
pub fn span(text: &str) -> Result<i64, String> {
    let wrong =
        || format!("'{text}' is no span of time; write a number and a unit (s, m, h, d, w), such as 24h or 90d");
    let (mut rest, mut total) = (text, 0i64);
    if rest.is_empty() {
        return Err(wrong());
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let number: i64 = rest[..digits].parse().map_err(|_| wrong())?;
        let (unit, length) = UNITS.iter().find(|(unit, _)| rest[digits..].starts_with(unit)).ok_or_else(wrong)?;
        total = number.checked_mul(*length).and_then(|seconds| total.checked_add(seconds)).ok_or_else(wrong)?;
        rest = &rest[digits + unit.len()..];
    }
    Ok(total)
}

/// A span that fits where the server takes one.
pub fn span_u32(text: &str) -> Result<u32, String> {
    u32::try_from(span(text)?).map_err(|_| format!("'{text}' is too long; write a shorter span, such as 24h"))
}

/// Unix seconds as RFC 3339.
pub fn rfc3339(seconds: i64) -> String {
    Timestamp::from_second(seconds).map_or_else(|_| seconds.to_string(), |at| at.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_a_number_and_a_unit() {
        for (text, seconds) in [("45s", 45), ("30m", 1_800), ("24h", 86_400), ("90d", 7_776_000), ("1d12h", 129_600)] {
            assert_eq!(span(text), Ok(seconds), "{text}");
        }
        assert_eq!(span("0s"), Ok(0));
        for text in ["", "90", "d", "1y", "-1d", "1d ", "99999999999999999999d", "9223372036854775807w", "1dd"] {
            assert!(span(text).is_err(), "{text}");
        }
        assert!(span_u32("9000w").is_err());
    }

    #[test]
    fn moments_are_rfc_3339_or_a_date_or_relative() {
        assert_eq!(moment("1970-01-02T00:00:00Z"), Ok(86_400));
        assert_eq!(moment("1970-01-02T01:00:00+01:00"), Ok(86_400));
        assert_eq!(moment("1970-01-02"), Ok(86_400));
        let soon = moment("1h").unwrap() - clock::now_s();
        assert!((3_598..=3_600).contains(&soon), "{soon}");
        for text in ["tomorrow", "2027", "2027-13-01", "2027-01-01T00:00:00", ""] {
            assert!(moment(text).is_err(), "{text}");
        }
        assert_eq!(absolute("90d"), None);
        assert_eq!(rfc3339(86_400), "1970-01-02T00:00:00Z");
    }
}
