//! What is known of one `jwks_uri`, and what to do about it at a moment. Nothing here waits.

use grantor_core::Timestamp;
use grantor_core::client_auth::{FetchProblem, PublicKeys};
use std::sync::Arc;
use tokio::sync::watch;

/// Seconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    pub refetch_interval_s: i64,
    pub stale_max_s: i64,
}

#[derive(Default)]
pub(super) struct Known {
    good: Option<Kept>,
    /// When it was last asked, and what was wrong if that failed.
    asked_at: Option<Timestamp>,
    problem: Option<FetchProblem>,
    /// Closed once the request that it stands for has ended, however that was.
    running: Option<watch::Receiver<()>>,
}

/// The last keys that could be read.
struct Kept {
    keys: Arc<PublicKeys>,
    fetched_at: Timestamp,
    fresh_until: Timestamp,
}

pub(super) enum Next {
    Answer(Result<Arc<PublicKeys>, FetchProblem>),
    /// For the request that is under way, or for a new one.
    Wait,
}

impl Known {
    /// What to answer, and whether to ask the source now. Whoever has keys that suffice waits only once they are too old.
    pub(super) fn next(
        &self,
        now: Timestamp,
        times: Times,
        suffices: impl Fn(&PublicKeys) -> bool,
    ) -> (Next, /* ask */ bool) {
        let may_ask = self.running().is_none() && self.may_ask(now, times);
        match self.usable(now, times).filter(|good| suffices(&good.keys)) {
            Some(good) if now < good.fresh_until => {
                (Next::Answer(Ok(good.keys.clone())), may_ask && now >= good.renew_from())
            }
            // A source that is away slows nobody down.
            Some(good) if self.problem.is_some() => (Next::Answer(Ok(good.keys.clone())), may_ask),
            _ if may_ask || self.running().is_some() => (Next::Wait, may_ask),
            _ => (Next::Answer(self.settle(now, times, suffices)), false),
        }
    }

    /// What to answer when there is nothing more to wait for. If the keys do not suffice and the source is away, it cannot
    /// be told whether the proof is wrong.
    pub(super) fn settle(
        &self,
        now: Timestamp,
        times: Times,
        suffices: impl Fn(&PublicKeys) -> bool,
    ) -> Result<Arc<PublicKeys>, FetchProblem> {
        match (self.usable(now, times), &self.problem) {
            (Some(good), problem) if problem.is_none() || suffices(&good.keys) => Ok(good.keys.clone()),
            (_, Some(problem)) => Err(problem.clone()),
            _ => Err(FetchProblem {
                reason: "jwks_uri_unreachable",
                detail: "the last request to jwks_uri was given up; it is repeated shortly".into(),
            }),
        }
    }

    pub(super) fn start(&mut self, now: Timestamp, running: watch::Receiver<()>) {
        self.asked_at = Some(now);
        self.running = Some(running);
    }

    pub(super) fn fetched(&mut self, keys: PublicKeys, now: Timestamp, max_age_s: i64) {
        let fresh_until = now.saturating_add(max_age_s);
        self.good = Some(Kept { keys: Arc::new(keys), fetched_at: now, fresh_until });
        self.problem = None;
    }

    pub(super) fn failed(&mut self, problem: FetchProblem) {
        self.problem = Some(problem);
    }

    pub(super) const fn is_failing(&self) -> bool {
        self.problem.is_some()
    }

    /// Ends when the request under way ends.
    pub(super) fn running(&self) -> Option<&watch::Receiver<()>> {
        self.running.as_ref().filter(|running| running.has_changed().is_ok())
    }

    /// A clock that was put back does not stop the asking.
    fn may_ask(&self, now: Timestamp, times: Times) -> bool {
        self.asked_at.is_none_or(|at| now < at || now >= at.saturating_add(times.refetch_interval_s))
    }

    fn usable(&self, now: Timestamp, times: Times) -> Option<&Kept> {
        let until = |good: &Kept| good.fresh_until.max(good.fetched_at.saturating_add(times.stale_max_s));
        self.good.as_ref().filter(|good| now < until(good))
    }
}

impl Kept {
    /// The last fifth of their time.
    const fn renew_from(&self) -> Timestamp {
        self.fresh_until - (self.fresh_until - self.fetched_at) / 5
    }
}
