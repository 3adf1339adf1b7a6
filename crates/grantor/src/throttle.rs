//! Failed authentications, limited by client and source together: whoever guesses is slowed down, and nobody can lock a
//! client out from elsewhere.

use crate::clock;
use grantor_core::error::{ErrorCode, OAuthError, Result};
use moka::sync::Cache;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The generic cell rate algorithm: per pair one number, the time at which its allowance is whole again.
pub struct Throttle {
    pairs: Cache<u64, Arc<AtomicU64>>,
    hasher: RandomState,
    start: Instant,
    /// Microseconds that one failure costs. 0 switches the limit off.
    cost_us: u64,
    burst_us: u64,
}

/// Pairs remembered at once.
const PAIRS_MAX: u64 = 200_000;

/// One client seen from one source.
#[derive(Clone, Copy, Debug)]
pub struct Pair(u64);

impl Throttle {
    /// `per_minute` failures on average, `burst` at once. Either being 0 switches it off.
    pub fn new(per_minute: u32, burst: u32) -> Self {
        let cost_us = if burst == 0 { 0 } else { 60_000_000u64.checked_div(per_minute.into()).unwrap_or(0) };
        let burst_us = cost_us * u64::from(burst);
        let forget = Duration::from_micros(burst_us.max(1_000_000) * 2);
        Self {
            pairs: Cache::builder().max_capacity(PAIRS_MAX).time_to_idle(forget).build(),
            hasher: RandomState::new(),
            start: clock::instant(),
            cost_us,
            burst_us,
        }
    }

    /// An IPv6 source counts by its /64, of which one subscriber has all.
    pub fn pair(&self, domain: &str, client_id: &str, source: IpAddr) -> Pair {
        let source = match source.to_canonical() {
            IpAddr::V4(ip) => u128::from(u32::from(ip)),
            IpAddr::V6(ip) => u128::from(ip) >> 64 << 64,
        };
        Pair(self.hasher.hash_one((domain, client_id, source)))
    }

    /// Refuses a pair whose allowance is spent, before anything is compared: otherwise guessing would go on.
    pub fn admit(&self, pair: Pair) -> Result<()> {
        let Some(full_at) = self.pairs.get(&pair.0).filter(|_| self.cost_us > 0) else {
            return Ok(());
        };
        let debt_us = full_at.load(Ordering::Relaxed).saturating_sub(self.now_us());
        if debt_us + self.cost_us <= self.burst_us {
            return Ok(());
        }
        let wait_s = (debt_us + self.cost_us - self.burst_us).div_ceil(1_000_000);
        Err(OAuthError::new(
            ErrorCode::TooManyRequests,
            "too many failed attempts for this client from this address; wait and try again",
        )
        .because(
            "failed_auth_limit",
            format!("limits.failed_auth_burst is spent for this client and source; free again in {wait_s} s"),
        )
        .retry_after(u32::try_from(wait_s).unwrap_or(u32::MAX)))
    }

    pub fn failed(&self, pair: Pair) {
        if self.cost_us == 0 {
            return;
        }
        let now = self.now_us();
        let full_at = self.pairs.get_with(pair.0, || Arc::new(AtomicU64::new(now)));
        let _ = full_at.fetch_update(Ordering::AcqRel, Ordering::Acquire, |at| Some(at.max(now) + self.cost_us));
    }

    fn now_us(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

impl std::fmt::Debug for Throttle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Throttle")
            .field("cost_us", &self.cost_us)
            .field("burst_us", &self.burst_us)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
    const ELSEWHERE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2));

    #[test]
    fn a_guesser_is_stopped_and_the_client_elsewhere_is_not() {
        let throttle = Throttle::new(1, 3);
        let here = throttle.pair("default", "svc", HERE);
        for _ in 0..3 {
            assert!(throttle.admit(here).is_ok());
            throttle.failed(here);
        }
        let refused = throttle.admit(here).unwrap_err();
        assert_eq!(refused.code, ErrorCode::TooManyRequests);
        assert!(refused.retry_after_s.is_some_and(|s| (1..=60).contains(&s)));
        assert!(throttle.admit(throttle.pair("default", "svc", ELSEWHERE)).is_ok());
        assert!(throttle.admit(throttle.pair("default", "other", HERE)).is_ok());
        assert!(throttle.admit(throttle.pair("acme", "svc", HERE)).is_ok());
    }

    #[test]
    fn zero_switches_it_off() {
        for throttle in [Throttle::new(0, 3), Throttle::new(1, 0)] {
            let pair = throttle.pair("default", "svc", HERE);
            (0..100).for_each(|_| throttle.failed(pair));
            assert!(throttle.admit(pair).is_ok());
        }
    }

    #[test]
    fn an_ipv6_subscriber_is_one_source() {
        let throttle = Throttle::new(1, 1);
        let pair = |ip: &str| throttle.pair("default", "svc", ip.parse().unwrap()).0;
        assert_eq!(pair("2001:db8::1"), pair("2001:db8::ffff"));
        assert_ne!(pair("2001:db8::1"), pair("2001:db8:0:1::1"));
        assert_eq!(pair("::ffff:192.0.2.1"), throttle.pair("default", "svc", HERE).0);
    }
}
