//! Which clients still need to be let off from a rule. Counted in memory, from the start of the server: an administrator
//! withdraws an allowance when its client has stopped using it.

use grantor_core::Timestamp;
use grantor_core::client_auth::Allowance;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Clients remembered, over all domains. Those beyond are counted in the metric alone.
const CLIENTS_MAX: usize = 100_000;

/// By domain and `client_id`.
type ByClient = HashMap<(Box<str>, Box<str>), Vec<AllowanceUse>>;

#[derive(Debug)]
pub struct Allowances {
    clients: Mutex<ByClient>,
    since: Timestamp,
}

/// How often a client used one of its allowances.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AllowanceUse {
    pub allowance: Allowance,
    pub count: u64,
    pub last_used_at: Timestamp,
}

impl Allowances {
    pub fn new(now: Timestamp) -> Self {
        Self { clients: Mutex::default(), since: now }
    }

    /// When counting began.
    pub const fn since(&self) -> Timestamp {
        self.since
    }

    pub fn used(&self, domain: &str, client_id: &str, allowance: Allowance, now: Timestamp) {
        let mut clients = self.lock();
        let key = (Box::from(domain), Box::from(client_id));
        if clients.len() >= CLIENTS_MAX && !clients.contains_key(&key) {
            return;
        }
        let uses = clients.entry(key).or_default();
        match uses.iter_mut().find(|one| one.allowance == allowance) {
            Some(one) => {
                one.count += 1;
                one.last_used_at = one.last_used_at.max(now);
            }
            None => uses.push(AllowanceUse { allowance, count: 1, last_used_at: now }),
        }
    }

    pub fn of_client(&self, domain: &str, client_id: &str) -> Vec<AllowanceUse> {
        self.lock().get(&(Box::from(domain), Box::from(client_id))).cloned().unwrap_or_default()
    }

    /// Each `client_id` with what it used, in the order of their names.
    pub fn of_domain(&self, domain: &str) -> Vec<(String, AllowanceUse)> {
        let clients = self.lock();
        let here = clients.iter().filter(|((of, _), _)| **of == *domain);
        let mut uses: Vec<_> =
            here.flat_map(|((_, client), uses)| uses.iter().map(|one| (client.to_string(), *one))).collect();
        drop(clients);
        uses.sort_by(|(a, one), (b, other)| a.cmp(b).then(one.allowance.as_str().cmp(other.allowance.as_str())));
        uses
    }

    /// Another client of the same name starts at nought.
    pub fn forget_client(&self, domain: &str, client_id: &str) {
        self.lock().remove(&(Box::from(domain), Box::from(client_id)));
    }

    pub fn forget_domain(&self, domain: &str) {
        self.lock().retain(|(of, _), _| **of != *domain);
    }

    fn lock(&self) -> MutexGuard<'_, ByClient> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uses_are_counted_by_client_and_allowance() {
        let allowances = Allowances::new(5);
        allowances.used("a", "one", Allowance::UnencodedBasic, 10);
        allowances.used("a", "one", Allowance::UnencodedBasic, 12);
        allowances.used("a", "one", Allowance::TokenEndpointAudience, 11);
        allowances.used("b", "one", Allowance::UnencodedBasic, 20);
        let unencoded = AllowanceUse { allowance: Allowance::UnencodedBasic, count: 2, last_used_at: 12 };
        let audience = AllowanceUse { allowance: Allowance::TokenEndpointAudience, count: 1, last_used_at: 11 };
        assert_eq!(allowances.of_client("a", "one"), [unencoded, audience]);
        assert_eq!(allowances.of_domain("a"), [("one".into(), audience), ("one".into(), unencoded)]);
        allowances.forget_client("a", "one");
        assert!(allowances.of_domain("a").is_empty());
        assert_eq!(allowances.of_domain("b").len(), 1);
        allowances.forget_domain("b");
        assert!(allowances.of_domain("b").is_empty());
    }
}
