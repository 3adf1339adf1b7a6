//! The only place that reads a clock. Everything else takes the time as an argument.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Seconds since 1970, the `NumericDate` of RFC 7519 §2. A clock before 1970 reads as 0.
#[expect(clippy::disallowed_methods, reason = "the one door to the wall clock")]
pub fn now_s() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

/// A point on the clock that never steps, for measuring how long something took.
#[expect(clippy::disallowed_methods, reason = "the one door to the monotonic clock")]
pub fn instant() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wall_clock_reads_seconds() {
        let first = now_s();
        assert!((1_700_000_000..100_000_000_000).contains(&first), "{first}");
        assert!(instant() <= instant());
    }
}
