use crate::Timestamp;
use crate::jose::{b64url_encode, constant_time_eq, hmac_sha256};
use zeroize::Zeroizing;

/// How far apart the clocks of the nodes that share a key may be, in seconds.
const CLOCKS_APART_S: i64 = 10;
/// Octets of the HMAC that are kept: 128 bits.
const MAC_LEN: usize = 16;

/// Nonces for DPoP proofs (RFC 9449 §8) that any node with the key makes and checks, and that nobody stores: a nonce is a
/// keyed hash of a domain and a slot of time.
pub struct Nonces {
    key: Zeroizing<[u8; 32]>,
    slot_s: i64,
}

impl Nonces {
    /// A nonce is accepted for at least half of `lifetime_s`, and never for longer. `key` serves nothing else.
    pub fn new(key: &[u8; 32], lifetime_s: u32) -> Self {
        Self { key: Zeroizing::new(*key), slot_s: i64::from(lifetime_s / 2).max(1) }
    }

    /// The nonce to give out now. Only characters of the syntax in §8.1.
    pub fn current(&self, domain: &str, now: Timestamp) -> String {
        self.of_slot(domain, self.slot(now))
    }

    /// Whether this is a nonce of this domain that is not too old.
    pub fn check(&self, domain: &str, nonce: &str, now: Timestamp) -> bool {
        let slot = self.slot(now);
        // The third is the current one again, unless another node's clock may be in the next slot already.
        [slot, slot.saturating_sub(1), self.slot(now.saturating_add(CLOCKS_APART_S))]
            .into_iter()
            .fold(false, |found, slot| {
                found | constant_time_eq(self.of_slot(domain, slot).as_bytes(), nonce.as_bytes())
            })
    }

    const fn slot(&self, now: Timestamp) -> i64 {
        now.div_euclid(self.slot_s)
    }

    fn of_slot(&self, domain: &str, slot: i64) -> String {
        let message = [b"DPoP-Nonce", &slot.to_be_bytes()[..], domain.as_bytes()].concat();
        b64url_encode(&hmac_sha256(&*self.key, &message)[..MAC_LEN])
    }
}

impl std::fmt::Debug for Nonces {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Nonces").field("slot_s", &self.slot_s).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = 1_800_000_000;

    #[test]
    fn rfc9449_s8_a_nonce_lives_for_half_its_lifetime_to_all_of_it() {
        let nonces = Nonces::new(&[1; 32], 300);
        for made in [NOW, NOW + 1, NOW + 149, NOW + 150] {
            let nonce = nonces.current("main", made);
            for age in [0, 1, 75, 150] {
                assert!(nonces.check("main", &nonce, made + age), "{made} {age}");
            }
            for age in [300, 301, 1000, -161, -1000] {
                assert!(!nonces.check("main", &nonce, made + age), "{made} {age}");
            }
        }
        assert_ne!(nonces.current("main", NOW), nonces.current("main", NOW + 150));
    }

    #[test]
    fn rfc9449_s8_a_node_whose_clock_is_ahead_is_believed() {
        let nonces = Nonces::new(&[1; 32], 300);
        assert!(nonces.check("main", &nonces.current("main", NOW), NOW - 5));
        assert!(!nonces.check("main", &nonces.current("main", NOW), NOW - 11));
    }

    #[test]
    fn rfc9449_s8_a_nonce_of_another_domain_or_key_is_none() {
        let nonces = Nonces::new(&[1; 32], 300);
        let nonce = nonces.current("main", NOW);
        assert!(!nonces.check("other", &nonce, NOW));
        assert!(!nonces.check("mai", &nonce, NOW));
        assert!(!Nonces::new(&[2; 32], 300).check("main", &nonce, NOW));
        assert!(Nonces::new(&[1; 32], 300).check("main", &nonce, NOW), "any node with the key checks it");
        let wrong = [String::new(), nonce[1..].into(), format!("{nonce}A"), nonce.to_lowercase(), "é".into()];
        for other in wrong {
            assert!(!nonces.check("main", &other, NOW), "{other}");
        }
    }

    #[test]
    fn rfc9449_s8_1_a_nonce_has_only_nqchars() {
        for now in [i64::MIN, -1, 0, NOW, i64::MAX] {
            for lifetime_s in [0, 1, 2, 300, u32::MAX] {
                let nonces = Nonces::new(&[7; 32], lifetime_s);
                let nonce = nonces.current("main", now);
                assert!(!nonce.is_empty() && nonce.bytes().all(|b| matches!(b, 0x21 | 0x23..=0x5b | 0x5d..=0x7e)));
                assert!(nonces.check("main", &nonce, now));
            }
        }
    }
}
