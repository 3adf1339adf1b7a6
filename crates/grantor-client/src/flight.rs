//! Something fetched from afar and kept: one fetch at a time, and everybody who waits gets its result.

use crate::clock::{Clock, Moment};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// What is kept, and the fetch that is under way.
pub(crate) struct Flight<T, E> {
    state: Arc<Mutex<State<T, E>>>,
    clock: Clock,
}

pub(crate) struct State<T, E> {
    /// The last good copy.
    pub(crate) value: Option<Arc<T>>,
    /// How the last fetch failed; `None` if it succeeded.
    pub(crate) failure: Option<Failure<E>>,
    running: Option<Waiting<T, E>>,
}

/// Holds the result of a fetch, once there is one.
type Waiting<T, E> = watch::Receiver<Option<Result<Arc<T>, E>>>;

pub(crate) struct Failure<E> {
    pub(crate) error: E,
    pub(crate) at: Moment,
    /// How many fetches failed in a row.
    pub(crate) count: u32,
}

/// What is to be done, given what is kept.
pub(crate) enum Next<T, E> {
    /// Take this one.
    Have(Arc<T>),
    /// Take this one, and fetch another meanwhile.
    Renew(Arc<T>),
    /// Wait for a fetch.
    Wait,
    /// Give up without asking.
    Fail(E),
}

/// The fetch was dropped before it ended, since the runtime that ran it stopped.
#[derive(Debug)]
pub(crate) struct Lost;

impl<T, E> Flight<T, E>
where
    T: Send + Sync + 'static,
    E: Clone + From<Lost> + Send + Sync + 'static,
{
    pub(crate) fn new(clock: Clock) -> Self {
        let state = State { value: None, failure: None, running: None };
        Self { state: Arc::new(Mutex::new(state)), clock }
    }

    /// `decide` and the start of a fetch are one step, so no two callers can both find that a fetch is needed. The fetch
    /// runs as a task of its own: a caller that gives up takes it from nobody.
    pub(crate) async fn get<F>(
        &self,
        decide: impl FnOnce(&State<T, E>) -> Next<T, E>,
        fetch: impl FnOnce() -> F,
    ) -> Result<Arc<T>, E>
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
    {
        let mut waiting = {
            let mut state = lock(&self.state);
            match decide(&state) {
                Next::Have(value) => return Ok(value),
                Next::Fail(error) => return Err(error),
                Next::Renew(value) => {
                    drop(self.join(&mut state, fetch));
                    return Ok(value);
                }
                Next::Wait => self.join(&mut state, fetch),
            }
        };
        match waiting.wait_for(Option::is_some).await {
            Ok(result) => result.clone().unwrap_or_else(|| Err(Lost.into())),
            Err(_) => Err(Lost.into()),
        }
    }

    fn join<F>(&self, state: &mut State<T, E>, fetch: impl FnOnce() -> F) -> watch::Receiver<Option<Result<Arc<T>, E>>>
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
    {
        // A closed channel belongs to a fetch that was lost.
        if let Some(running) = state.running.as_ref().filter(|running| running.has_changed().is_ok()) {
            return running.clone();
        }
        let (done, waiting) = watch::channel(None);
        state.running = Some(waiting.clone());
        let (fetch, shared, clock) = (fetch(), self.state.clone(), self.clock.clone());
        tokio::spawn(async move {
            let result = fetch.await.map(Arc::new);
            let mut state = lock(&shared);
            state.running = None;
            match &result {
                Ok(value) => {
                    state.value = Some(value.clone());
                    state.failure = None;
                }
                Err(error) => {
                    let count = state.failure.as_ref().map_or(0, |failure| failure.count).saturating_add(1);
                    state.failure = Some(Failure { error: error.clone(), at: clock.now(), count });
                }
            }
            drop(state);
            let _ = done.send(Some(result));
        });
        waiting
    }

    /// The last good copy, whatever its age.
    pub(crate) fn value(&self) -> Option<Arc<T>> {
        lock(&self.state).value.clone()
    }

    /// Drops the copy if `unwanted` says so.
    pub(crate) fn drop_if(&self, unwanted: impl FnOnce(&T) -> bool) {
        let mut state = lock(&self.state);
        if state.value.as_deref().is_some_and(unwanted) {
            state.value = None;
        }
    }
}

/// Nothing that can panic runs under the lock, so a poisoned one holds nothing half done.
fn lock<S>(mutex: &Mutex<S>) -> MutexGuard<'_, S> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<T, E> std::fmt::Debug for Flight<T, E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Flight").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;

    #[derive(Clone, Debug, PartialEq)]
    struct Error;
    impl From<Lost> for Error {
        fn from(_: Lost) -> Self {
            Self
        }
    }

    fn if_none(state: &State<u32, Error>) -> Next<u32, Error> {
        state.value.clone().map_or(Next::Wait, Next::Have)
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn all_who_wait_share_one_fetch_even_when_the_first_gives_up() {
        let flight = Arc::new(Flight::<u32, Error>::new(Clock::default()));
        let fetched = Arc::new(AtomicU32::new(0));
        let get = || {
            let (flight, fetched) = (flight.clone(), fetched.clone());
            tokio::spawn(async move {
                let fetch = || async move {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    Ok(fetched.fetch_add(1, Ordering::SeqCst))
                };
                flight.get(if_none, fetch).await
            })
        };
        let first = get();
        tokio::time::sleep(Duration::from_millis(20)).await;
        let others: Vec<_> = (0..50).map(|_| get()).collect();
        first.abort();
        for other in others {
            assert_eq!(*other.await.unwrap().unwrap(), 0);
        }
        assert_eq!(fetched.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn a_fetch_lost_with_its_runtime_is_started_again() {
        let flight = Flight::<u32, Error>::new(Clock::default());
        let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let first = runtime();
        first.block_on(async {
            let never = flight.get(if_none, std::future::pending);
            assert!(tokio::time::timeout(Duration::from_millis(20), never).await.is_err());
        });
        drop(first);
        assert_eq!(runtime().block_on(flight.get(if_none, || async { Ok(7) })), Ok(Arc::new(7)));
    }
}
