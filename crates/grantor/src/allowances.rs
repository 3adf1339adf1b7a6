//! Which clients make use of an allowance, and when they last did: in memory, since the process started. The audit file has
//! every use.

use grantor_core::Timestamp;
use grantor_core::client_auth::Allowance;
use moka::sync::Cache;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// Most clients that are remembered. Only those are that proved who they are.
const CLIENTS_MAX: u64 = 100_000;

type Key = (Box<str>, Box<str>, &'static str);

pub struct Allowances {
    since: Timestamp,
    uses: Cache<Key, Arc<Counted>>,
}

#[derive(Default)]
struct Counted {
    count: AtomicU64,
    last_used_at: AtomicI64,
}

/// How often, and when last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Use {
    pub count: u64,
    pub last_used_at: Timestamp,
}

impl Allowances {
    pub fn new(now: Timestamp) -> Self {
        Self { since: now, uses: Cache::new(CLIENTS_MAX) }
    }

    /// From when on uses are counted.
    pub const fn since(&self) -> Timestamp {
        self.since
    }

    pub fn used(&self, domain: &str, client_id: &str, allowance: Allowance, now: Timestamp) {
        let counted = self.uses.get_with((domain.into(), client_id.into(), allowance.as_str()), Arc::default);
        counted.count.fetch_add(1, Ordering::Relaxed);
        counted.last_used_at.fetch_max(now, Ordering::Relaxed);
    }

    pub fn of(&self, domain: &str, client_id: &str, allowance: Allowance) -> Option<Use> {
        let counted = self.uses.get(&(domain.into(), client_id.into(), allowance.as_str()))?;
        Some(Use {
            count: counted.count.load(Ordering::Relaxed),
            last_used_at: counted.last_used_at.load(Ordering::Relaxed),
        })
    }
}

impl std::fmt::Debug for Allowances {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Allowances").field("since", &self.since).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uses_are_counted_by_client_and_allowance() {
        let allowances = Allowances::new(5);
        for now in [10, 12, 11] {
            allowances.used("d", "a", Allowance::UnencodedBasic, now);
        }
        allowances.used("other", "a", Allowance::UnencodedBasic, 99);
        let of = |client_id, allowance| allowances.of("d", client_id, allowance);
        assert_eq!(of("a", Allowance::UnencodedBasic), Some(Use { count: 3, last_used_at: 12 }));
        assert_eq!(of("a", Allowance::TokenEndpointAudience), None);
        assert_eq!(of("b", Allowance::UnencodedBasic), None);
    }
}
