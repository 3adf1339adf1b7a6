//! The keys that clients publish at a `jwks_uri` (RFC 7591 §2): fetched when they are needed, kept for as long as their
//! source says, and kept on while it is away.

mod fetch;
mod guard;
mod source;

use crate::config::JwksFetch;
use crate::telemetry::KeyFetches;
use fetch::{Fetcher, without_query};
use grantor_core::Timestamp;
use grantor_core::client_auth::{FetchProblem, PublicKeys};
use moka::policy::EvictionPolicy;
use moka::sync::Cache;
use source::{Known, Next, Times};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

pub struct RemoteKeys {
    fetcher: Arc<Fetcher>,
    times: Times,
    /// By URI. Two clients with the same one share what is fetched.
    sources: Cache<String, Arc<Source>>,
    counts: KeyFetches,
}

#[derive(Default)]
struct Source(Mutex<Known>);

impl RemoteKeys {
    /// Makes no request yet. The error is a sentence for whoever wrote the settings.
    pub fn new(settings: &JwksFetch, counts: KeyFetches) -> Result<Self, String> {
        Ok(Self {
            fetcher: Arc::new(Fetcher::new(settings)?),
            times: Times {
                refetch_interval_s: settings.refetch_interval_s.into(),
                stale_max_s: i64::try_from(settings.stale_max_s).unwrap_or(i64::MAX),
            },
            // Whoever came last stays: a source that were turned away would be asked with each request.
            sources: Cache::builder().max_capacity(settings.uris_max).eviction_policy(EvictionPolicy::lru()).build(),
            counts,
        })
    }

    /// Why keys could never be fetched from there, for whoever registers it.
    pub fn check(&self, uri: &str) -> Result<(), String> {
        self.fetcher.check(uri)
    }

    /// The keys at `uri`. Where those in memory do not suffice, it is asked again, but not more often than
    /// `jwks_fetch.refetch_interval_s`: anybody can make up a `kid`.
    ///
    /// A request that is due begins with the call, not with the first poll, so that several sources can be asked at once.
    /// It goes on also if the caller goes away.
    pub fn get<'s>(
        &self,
        uri: &str,
        now: Timestamp,
        suffices: impl Fn(&PublicKeys) -> bool + Send + 's,
    ) -> impl Future<Output = Result<Arc<PublicKeys>, FetchProblem>> + Send + 's {
        let source = self.sources.get_with_by_ref(uri, Arc::default);
        let times = self.times;
        let (next, running) = {
            // What is decided and what is begun is one step: no two callers can both find that a request is needed.
            let mut known = source.lock();
            let (next, ask) = known.next(now, times, &suffices);
            if ask {
                self.ask(uri, &source, &mut known, now);
            }
            (next, known.running().cloned())
        };
        async move {
            if let Next::Answer(answer) = next {
                return answer;
            }
            if let Some(mut running) = running {
                // It is never sent to, only closed.
                let _ = running.changed().await;
            }
            source.lock().settle(now, times, suffices)
        }
    }

    /// In a task of its own, which ends also if whoever waits for it goes away.
    fn ask(&self, uri: &str, source: &Arc<Source>, known: &mut Known, now: Timestamp) {
        let (done, running) = watch::channel(());
        known.start(now, running);
        let (uri, source, fetcher, counts) =
            (uri.to_owned(), source.clone(), self.fetcher.clone(), self.counts.clone());
        tokio::spawn(async move {
            let result = fetcher.fetch(&uri).await;
            counts.count(result.as_ref().err().map_or("ok", |problem| problem.reason));
            source.note(&uri, result, now);
            drop(done);
        });
    }
}

impl Source {
    /// Nothing that can panic half-way runs under the lock.
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, uri: &str, result: Result<(PublicKeys, i64), FetchProblem>, now: Timestamp) {
        let mut known = self.lock();
        let uri = without_query(uri);
        match result {
            Ok((keys, max_age_s)) => {
                if known.is_failing() {
                    tracing::info!(uri, "the keys of a client can be fetched again");
                }
                known.fetched(keys, now, max_age_s);
            }
            Err(problem) => {
                let (reason, detail) = (problem.reason, &problem.detail);
                tracing::warn!(
                    uri,
                    reason,
                    detail,
                    "the keys of a client were not fetched; those known go on being used"
                );
                known.failed(problem);
            }
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
