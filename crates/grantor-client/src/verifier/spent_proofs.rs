//! Proofs that were used, remembered for as long as they would be good (RFC 9449 §11.1).

use crate::clock::Moment;
use grantor_core::binding::VerifiedProof;
use grantor_core::jose::sha256;
use std::collections::{BTreeMap, HashSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Proofs are forgotten together with those that are over in the same ten seconds.
const SLOT_S: i64 = 10;

/// Bounded: what cannot be remembered is not accepted.
#[derive(Debug)]
pub(super) struct SpentProofs {
    max: usize,
    /// How long a proof can be good at most.
    good_for: Duration,
    slots: Mutex<BTreeMap<i64, Slot>>,
}

#[derive(Debug)]
struct Slot {
    ids: HashSet<[u8; 16]>,
    last: Moment,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spent {
    /// For the first time.
    Now,
    Before,
    /// There is no room to remember it.
    Unknown,
}

impl SpentProofs {
    pub(super) fn new(max: usize, good_for: Duration) -> Self {
        Self { max, good_for, slots: Mutex::default() }
    }

    pub(super) fn spend(&self, proof: &VerifiedProof, now: Moment) -> Spent {
        // Another key may choose the same `jti`. A thumbprint has no zero in it.
        let hash = sha256(&[proof.jkt.as_bytes(), &[0], proof.jti.as_bytes()].concat());
        let mut id = [0; 16];
        id.copy_from_slice(&hash[..16]);
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.values().any(|slot| slot.ids.contains(&id)) {
            return Spent::Before;
        }
        slots.retain(|number, slot| !self.is_over(*number, slot, now));
        if slots.values().map(|slot| slot.ids.len()).sum::<usize>() >= self.max {
            return Spent::Unknown;
        }
        let number = proof.spend_until.div_euclid(SLOT_S);
        let slot = slots.entry(number).or_insert_with(|| Slot { ids: HashSet::new(), last: now });
        slot.ids.insert(id);
        slot.last = now;
        Spent::Now
    }

    /// On both clocks: the wall clock may be ahead for a moment, and proofs would be good again when it is put right.
    fn is_over(&self, number: i64, slot: &Slot, now: Moment) -> bool {
        let end = number.saturating_add(1).saturating_mul(SLOT_S);
        end < now.unix_s() && now.steadily_since(slot.last) > self.good_for
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    fn proof(jkt: &str, jti: &str, now: Moment) -> VerifiedProof {
        let iat = now.unix_s();
        VerifiedProof { jkt: jkt.into(), jti: jti.into(), iat, spend_until: iat + 61 }
    }

    fn spent(max: usize) -> SpentProofs {
        SpentProofs::new(max, Duration::from_secs(71))
    }

    #[test]
    fn rfc9449_s11_1_a_proof_is_spent_once_per_key() {
        let (clock, spent) = (Clock::default(), spent(100));
        let now = clock.now();
        for (jkt, jti, outcome) in [
            ("a", "1", Spent::Now),
            ("a", "1", Spent::Before),
            ("a", "2", Spent::Now),
            ("b", "1", Spent::Now),
            ("b", "1", Spent::Before),
        ] {
            assert_eq!(spent.spend(&proof(jkt, jti, now), now), outcome, "{jkt} {jti}");
        }
        // Made later, so that it is over later: the name was used all the same.
        clock.skip(Duration::from_secs(30));
        let later = clock.now();
        assert_eq!(spent.spend(&proof("a", "1", later), later), Spent::Before);
    }

    #[test]
    fn rfc9449_s11_1_what_cannot_be_remembered_is_not_accepted() {
        let (clock, spent) = (Clock::default(), spent(10));
        let now = clock.now();
        for jti in 0..10 {
            assert_eq!(spent.spend(&proof("a", &jti.to_string(), now), now), Spent::Now);
        }
        assert_eq!(spent.spend(&proof("a", "x", now), now), Spent::Unknown);
        assert_eq!(spent.spend(&proof("a", "3", now), now), Spent::Before);
        clock.skip(Duration::from_secs(85));
        let later = clock.now();
        assert_eq!(spent.spend(&proof("a", "x", later), later), Spent::Now);
        assert_eq!(spent.slots.lock().unwrap().values().map(|slot| slot.ids.len()).sum::<usize>(), 1);
    }

    #[test]
    fn a_clock_that_is_ahead_for_a_moment_brings_no_proof_back() {
        let (clock, spent) = (Clock::default(), spent(10));
        let now = clock.now();
        assert_eq!(spent.spend(&proof("a", "1", now), now), Spent::Now);
        let ahead = now.with_wall_ahead(Duration::from_secs(3600));
        assert_eq!(spent.spend(&proof("a", "2", ahead), ahead), Spent::Now);
        assert_eq!(spent.spend(&proof("a", "1", now), now), Spent::Before);
    }
}
