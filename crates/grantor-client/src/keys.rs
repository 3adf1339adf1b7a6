//! An issuer's keys (RFC 7517 §5), and how long a copy of them may be kept.

use crate::clock::Moment;
use crate::outgoing::Reply;
use grantor_core::jose::{Alg, JoseError, VerifyingKey};
use grantor_core::jwk::{Jwk, JwkSet};
use http::header::{AGE, CACHE_CONTROL, HeaderMap};
use std::collections::HashMap;
use std::time::Duration;

/// How long a copy is kept if the issuer does not say, and the bounds of what it may say.
const FRESH_UNTOLD: Duration = Duration::from_secs(300);
const FRESH_MIN: Duration = Duration::from_secs(10);
const FRESH_MAX: Duration = Duration::from_secs(3600);

/// The keys of an issuer, as published at one moment.
#[derive(Clone, Debug)]
pub struct KeySet {
    by_kid: HashMap<String, Vec<VerifyingKey>>,
    pub(crate) fetched: Moment,
    pub(crate) fresh_for: Duration,
}

impl KeySet {
    pub(crate) fn read(reply: &Reply, fetched: Moment) -> Result<Self, JoseError> {
        let mut by_kid = HashMap::<String, Vec<VerifyingKey>>::new();
        for jwk in JwkSet::parse(&reply.body)?.keys {
            if let Some(kid) = &jwk.kid {
                by_kid.entry(kid.clone()).or_default().extend(usable(&jwk));
            }
        }
        Ok(Self { by_kid, fetched, fresh_for: fresh_for(&reply.headers) })
    }

    /// The key of this name, for this algorithm. A key is bound to the algorithm that its JWK names.
    pub fn key(&self, kid: &str, alg: Alg) -> Option<&VerifyingKey> {
        self.by_kid.get(kid)?.iter().find(|key| key.alg() == alg)
    }

    /// Whether there is a key of this name, for whichever algorithm.
    pub fn has(&self, kid: &str) -> bool {
        self.by_kid.contains_key(kid)
    }
}

/// The key, once for each algorithm it may be used with: the one it names, else those that suit its type. Only RSA suits
/// two, and both are safe with one key.
fn usable(jwk: &Jwk) -> impl Iterator<Item = VerifyingKey> {
    Alg::ALL.into_iter().filter_map(|alg| VerifyingKey::from_jwk(jwk, alg).ok())
}

/// `max-age` less `Age` (RFC 9111 §4.2), within bounds.
fn fresh_for(headers: &HeaderMap) -> Duration {
    let values = headers.get_all(CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok());
    let mut fresh = None;
    for directive in values.flat_map(|value| value.split(',')).map(str::trim) {
        let (name, argument) = directive.split_once('=').unwrap_or((directive, ""));
        match name.to_ascii_lowercase().as_str() {
            "no-store" | "no-cache" => return FRESH_MIN,
            "max-age" => fresh = argument.trim_matches('"').parse().ok().map(Duration::from_secs),
            _ => {}
        }
    }
    let age = headers.get(AGE).and_then(|age| age.to_str().ok()?.trim().parse().ok()).map(Duration::from_secs);
    fresh.map_or(FRESH_UNTOLD, |fresh| fresh.saturating_sub(age.unwrap_or_default())).clamp(FRESH_MIN, FRESH_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc9111_s5_2_cache_control_counts_within_bounds() {
        for (value, age, seconds) in [
            (None, None, 300),
            (Some("public, max-age=600"), None, 600),
            (Some("Max-Age=\"600\""), Some("200"), 400),
            (Some("max-age=600"), Some("900"), 10),
            (Some("max-age=1"), None, 10),
            (Some("max-age=31536000, immutable"), None, 3600),
            (Some("max-age=99999999999999999999"), None, 300),
            (Some("max-age=-1"), None, 300),
            (Some("max-age=600, no-cache"), None, 10),
            (Some("no-store"), None, 10),
            (Some("=,;;"), Some("x"), 300),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(value) = value {
                headers.insert(CACHE_CONTROL, value.parse().unwrap());
            }
            if let Some(age) = age {
                headers.insert(AGE, age.parse().unwrap());
            }
            assert_eq!(fresh_for(&headers), Duration::from_secs(seconds), "{value:?}");
        }
    }
}
