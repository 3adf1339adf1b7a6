//! The issuer's keys, kept at hand: fetched anew before the copy is stale, and for a key that is not in it.

use super::error::Cause;
use super::invalid_token::InvalidToken;
use crate::clock::Clock;
use crate::error::IssuerError;
use crate::flight::{Flight, Next, State};
use crate::issuer::Issuer;
use crate::keys::KeySet;
#[cfg(test)]
use grantor_core::jose::Alg;
use grantor_core::jose::{JwsHeader, VerifyingKey};
use std::sync::Arc;
use std::time::Duration;

/// How long the last good copy serves beyond its time, while the issuer cannot be asked.
const STALE_MAX: Duration = Duration::from_secs(24 * 3600);
/// After a failure the issuer is left alone for this long.
const REST: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(super) struct KeyCache {
    pub(super) issuer: Issuer,
    flight: Flight<KeySet, IssuerError>,
    clock: Clock,
    /// A key that is not at hand makes for a fetch at most this often, or anybody with random names could make many.
    refetch_interval: Duration,
}

impl KeyCache {
    pub(super) fn new(issuer: Issuer, clock: Clock, refetch_interval: Duration) -> Self {
        Self { issuer, flight: Flight::new(clock.clone()), clock, refetch_interval }
    }

    /// The key that a token names. A token never says where its key is, only what it is called (RFC 8725 §3.10).
    pub(super) async fn find(&self, header: &JwsHeader) -> Result<VerifyingKey, Cause> {
        let kid = header.kid.as_deref();
        let kid = kid.ok_or_else(|| InvalidToken::Malformed("its header has no kid".into()))?;
        let mut keys = self.current().await?;
        if !keys.has(kid) {
            keys = self.current_with(kid).await?;
        }
        match keys.key(kid, header.alg) {
            Some(key) => Ok(key.clone()),
            None if keys.has(kid) => {
                let why = format!("its key is not for {}", header.alg.as_str());
                Err(InvalidToken::BadSignature(why).into())
            }
            None => Err(InvalidToken::UnknownKey.into()),
        }
    }

    /// Whether a key is at hand, without asking anybody.
    #[cfg(test)]
    pub(super) fn find_now(&self, kid: &str) -> bool {
        self.flight.value().is_some_and(|keys| Alg::ALL.into_iter().any(|alg| keys.key(kid, alg).is_some()))
    }

    /// The keys at hand, or newer ones if their time is over.
    async fn current(&self) -> Result<Arc<KeySet>, Cause> {
        let kept = |error: IssuerError| {
            let now = self.clock.now();
            let kept = self.flight.value();
            kept.filter(|keys| now.since(keys.fetched) < keys.fresh_for + STALE_MAX).ok_or(error)
        };
        Ok(self.flight.get(|state| self.next(state), || self.fetch()).await.or_else(kept)?)
    }

    fn next(&self, state: &State<KeySet, IssuerError>) -> Next<KeySet, IssuerError> {
        let now = self.clock.now();
        let failed = state.failure.as_ref();
        let resting = failed.filter(|failure| now.since(failure.at) < REST);
        let kept = state.value.as_ref().map(|keys| (keys, now.since(keys.fetched)));
        match kept.filter(|(keys, age)| *age < keys.fresh_for + STALE_MAX) {
            Some((keys, age)) if age < keys.fresh_for / 5 * 4 || resting.is_some() => Next::Have(keys.clone()),
            // Who comes when the time is nearly over, or when the issuer was down the last time, does not wait for it.
            Some((keys, age)) if age < keys.fresh_for || failed.is_some() => Next::Renew(keys.clone()),
            _ => resting.map_or(Next::Wait, |failure| Next::Fail(failure.error.clone())),
        }
    }

    /// Keys fetched for one that is not at hand, unless they were fetched only just now.
    async fn current_with(&self, kid: &str) -> Result<Arc<KeySet>, Cause> {
        let decide = |state: &State<KeySet, IssuerError>| {
            let now = self.clock.now();
            let just_now = |at| now.since(at) < self.refetch_interval;
            match (&state.value, &state.failure) {
                (Some(keys), _) if keys.has(kid) => Next::Have(keys.clone()),
                // Whether the issuer knows the key is not known: that is not the caller's fault.
                (_, Some(failure)) if just_now(failure.at) => Next::Fail(failure.error.clone()),
                (Some(keys), None) if just_now(keys.fetched) => Next::Have(keys.clone()),
                _ => Next::Wait,
            }
        };
        Ok(self.flight.get(decide, || self.fetch()).await?)
    }

    fn fetch(&self) -> impl Future<Output = Result<KeySet, IssuerError>> + Send + 'static {
        let issuer = self.issuer.clone();
        async move {
            let keys = issuer.keys().await;
            if let Err(error) = &keys {
                tracing::warn!(issuer = issuer.as_str(), %error, "cannot fetch the issuer's keys");
            }
            keys
        }
    }
}
