//! The keys that clients publish at a `jwks_uri` (RFC 7591 §2): fetched when they are needed, kept for as long as their
//! source says, and kept on while it is away.

mod fetch;
mod guard;

use crate::config::JwksFetch;
use fetch::Fetcher;
use grantor_core::Timestamp;
use grantor_core::client_auth::{FetchProblem, PublicKeys};
use moka::sync::Cache;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Mutex as AsyncMutex;

pub struct RemoteKeys {
    fetcher: Arc<Fetcher>,
    times: Times,
    /// By URI. Two clients with the same one share what is fetched.
    sources: Cache<String, Arc<Source>>,
}

/// Seconds.
#[derive(Clone, Copy, Debug)]
struct Times {
    refetch_interval_s: i64,
    stale_max_s: i64,
}

/// One `jwks_uri`.
#[derive(Default)]
struct Source {
    known: Mutex<Known>,
    /// Held while a request is under way: there is one at a time.
    fetching: Arc<AsyncMutex<()>>,
}

#[derive(Clone, Default)]
struct Known {
    good: Option<Kept>,
    /// When it was last asked, and what was wrong if that failed.
    asked_at: Option<Timestamp>,
    problem: Option<FetchProblem>,
}

/// The last keys that could be read.
#[derive(Clone)]
struct Kept {
    keys: Arc<PublicKeys>,
    fetched_at: Timestamp,
    fresh_until: Timestamp,
}

impl RemoteKeys {
    /// Makes no request yet. The error is a sentence for whoever wrote the settings.
    pub fn new(settings: &JwksFetch) -> Result<Self, String> {
        Ok(Self {
            fetcher: Arc::new(Fetcher::new(settings)?),
            times: Times {
                refetch_interval_s: settings.refetch_interval_s.into(),
                stale_max_s: i64::try_from(settings.stale_max_s).unwrap_or(i64::MAX),
            },
            sources: Cache::new(settings.uris_max),
        })
    }

    /// Why keys could never be fetched from there, for whoever registers it.
    pub fn check(&self, uri: &str) -> Result<(), String> {
        self.fetcher.check(uri)
    }

    /// The keys at `uri`. Where those in memory do not suffice, it is asked again, but not more often than
    /// `jwks_fetch.refetch_interval_s`: anybody can make up a `kid`.
    pub async fn get(
        &self,
        uri: &str,
        now: Timestamp,
        suffices: impl Fn(&PublicKeys) -> bool + Send,
    ) -> Result<Arc<PublicKeys>, FetchProblem> {
        let source = self.sources.get_with_by_ref(uri, Arc::default);
        let known = source.known();
        if let Some(good) = &known.good {
            let enough = suffices(&good.keys);
            // While one request asks for newer ones, the others do not wait for keys that they have.
            if enough && (good.is_fresh(now) || (good.is_usable(now, self.times) && source.is_fetching())) {
                return Ok(good.keys.clone());
            }
        }
        if known.may_ask(now, self.times) || source.is_fetching() {
            self.ask(uri, &source, now, suffices).await;
        }
        source.known().outcome(now, self.times)
    }

    async fn ask(&self, uri: &str, source: &Arc<Source>, now: Timestamp, suffices: impl Fn(&PublicKeys) -> bool) {
        let one_at_a_time = source.fetching.clone().lock_owned().await;
        let known = source.known();
        let came_meanwhile = known.good.as_ref().is_some_and(|good| good.is_fresh(now) && suffices(&good.keys));
        if came_meanwhile || !known.may_ask(now, self.times) {
            return;
        }
        source.change(|known| known.asked_at = Some(now));
        let (uri, source, fetcher) = (uri.to_owned(), source.clone(), self.fetcher.clone());
        // In a task of its own, which ends also if the caller goes away.
        let asking = tokio::spawn(async move {
            source.ask(&fetcher, &uri, now).await;
            drop(one_at_a_time);
        });
        if let Err(error) = asking.await {
            tracing::error!(%error, "a request for a client's keys ended early");
        }
    }
}

impl Source {
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known(&self) -> Known {
        self.lock().clone()
    }

    fn change(&self, change: impl FnOnce(&mut Known)) {
        change(&mut self.lock());
    }

    async fn ask(&self, fetcher: &Fetcher, uri: &str, now: Timestamp) {
        match fetcher.fetch(uri).await {
            Ok((keys, max_age_s)) => self.change(|known| {
                let fresh_until = now.saturating_add(max_age_s);
                known.good = Some(Kept { keys: Arc::new(keys), fetched_at: now, fresh_until });
                known.problem = None;
            }),
            Err(problem) => {
                let (reason, detail) = (problem.reason, &problem.detail);
                tracing::warn!(
                    uri,
                    reason,
                    detail,
                    "the keys of a client were not fetched; those known go on being used"
                );
                self.change(|known| known.problem = Some(problem));
            }
        }
    }

    fn is_fetching(&self) -> bool {
        self.fetching.try_lock().is_err()
    }
}

impl Kept {
    const fn is_fresh(&self, now: Timestamp) -> bool {
        now < self.fresh_until
    }

    const fn is_usable(&self, now: Timestamp, times: Times) -> bool {
        self.is_fresh(now) || now < self.fetched_at.saturating_add(times.stale_max_s)
    }
}

impl Known {
    /// A clock that was put back does not stop the asking.
    fn may_ask(&self, now: Timestamp, times: Times) -> bool {
        self.asked_at.is_none_or(|at| now < at || now >= at.saturating_add(times.refetch_interval_s))
    }

    fn outcome(self, now: Timestamp, times: Times) -> Result<Arc<PublicKeys>, FetchProblem> {
        match (self.good, self.problem) {
            (Some(good), _) if good.is_usable(now, times) => Ok(good.keys),
            (_, Some(problem)) => Err(problem),
            _ => Err(FetchProblem {
                reason: "jwks_uri_unreachable",
                detail: "the last request to jwks_uri was given up; it is repeated shortly".into(),
            }),
        }
    }
}

impl std::fmt::Debug for RemoteKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RemoteKeys").field("sources", &self.sources.entry_count()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
