//! The only place that reads a clock or makes something random.

use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A point in time, on both clocks: the wall clock can be set back, the other one may stand still while a machine sleeps.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    wall: Duration,
    steady: Instant,
}

impl Moment {
    /// How long ago `earlier` was, by whichever clock went further: nothing is kept for longer than it should.
    pub(crate) fn since(self, earlier: Self) -> Duration {
        self.steady.saturating_duration_since(earlier.steady).max(self.wall.saturating_sub(earlier.wall))
    }

    /// How long ago `earlier` was by the clock that nobody can set.
    pub(crate) fn steadily_since(self, earlier: Self) -> Duration {
        self.steady.saturating_duration_since(earlier.steady)
    }

    #[cfg(test)]
    pub(crate) fn with_wall_ahead(self, by: Duration) -> Self {
        Self { wall: self.wall + by, ..self }
    }

    /// Seconds since 1970, the `NumericDate` of RFC 7519 §2.
    pub(crate) fn unix_s(self) -> i64 {
        i64::try_from(self.wall.as_secs()).unwrap_or(i64::MAX)
    }
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Clock {
    /// How far tests turned it forward, in milliseconds.
    #[cfg(test)]
    skipped_ms: std::sync::Arc<std::sync::atomic::AtomicU64>,
}

impl Clock {
    #[expect(clippy::disallowed_methods, reason = "the one door to the clocks")]
    pub(crate) fn now(&self) -> Moment {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let steady = Instant::now();
        #[cfg(test)]
        let skipped = Duration::from_millis(self.skipped_ms.load(std::sync::atomic::Ordering::Relaxed));
        #[cfg(not(test))]
        let skipped = Duration::ZERO;
        Moment { wall: wall + skipped, steady: steady + skipped }
    }

    #[cfg(test)]
    pub(crate) fn skip(&self, by: Duration) {
        let by = u64::try_from(by.as_millis()).unwrap();
        self.skipped_ms.fetch_add(by, std::sync::atomic::Ordering::Relaxed);
    }
}

/// Random bytes fit for names that nobody may guess or make twice.
#[expect(clippy::disallowed_methods, reason = "the one door to the random generator")]
pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut out = [0; N];
    aws_lc_rs::rand::fill(&mut out).expect("the operating system has random bytes");
    out
}

/// Somewhere from half of `most` to all of it, so that many processes do not ask at the same moment. Nothing secret
/// depends on it, and the hasher's random keys are enough.
pub(crate) fn jittered(most: Duration) -> Duration {
    let share = RandomState::new().hash_one(0_u8) % 1024;
    most / 2 + most.mul_f64(share as f64 / 2048.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_set_back_makes_nothing_younger() {
        let clock = Clock::default();
        let start = clock.now();
        clock.skip(Duration::from_secs(10));
        let later = clock.now();
        let set_back = Moment { wall: later.wall - Duration::from_secs(3600), ..later };
        let slept = Moment { steady: start.steady, ..later };
        assert!(set_back.since(start) >= Duration::from_secs(10));
        assert!(slept.since(start) >= Duration::from_secs(10));
        assert_eq!(start.since(later), Duration::ZERO);
    }

    #[test]
    fn jitter_stays_in_its_half() {
        let most = Duration::from_secs(8);
        let many: Vec<_> = (0..200).map(|_| jittered(most)).collect();
        assert!(many.iter().all(|delay| (most / 2..=most).contains(delay)));
        assert!(many.iter().any(|delay| *delay != many[0]));
    }
}
