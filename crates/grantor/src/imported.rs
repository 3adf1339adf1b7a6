//! Imported secrets: their slow hashes run off the async threads, a few at a time, once per process. A success is then
//! remembered in memory under a keyed hash; at rest the slow hash stays.

use crate::clock;
use crate::random;
use grantor_core::client_auth::{SlowCheck, SlowProof};
use grantor_core::error::{ErrorCode, OAuthError, Result};
use moka::sync::Cache;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use zeroize::Zeroizing;

pub struct Imported {
    remembered: Cache<[u8; 32], SlowProof>,
    /// Of this process only.
    key: Zeroizing<[u8; 32]>,
    running: Arc<Semaphore>,
    waiting: AtomicUsize,
    waiting_max: usize,
    /// How many slow checks have run.
    runs: AtomicU64,
    /// How long a slow hash took lately, in microseconds; 0 where none has run.
    slow_us: AtomicU64,
}

/// Successes kept. Beyond that the least used pays again.
const REMEMBERED_MAX: u64 = 100_000;

impl Imported {
    /// `concurrency` hashes run at once, and `waiting_max` more may wait; `None` waits without bound.
    pub fn new(concurrency: usize, waiting_max: Option<usize>) -> Self {
        Self {
            remembered: Cache::new(REMEMBERED_MAX),
            key: Zeroizing::new(random::bytes()),
            running: Arc::new(Semaphore::new(concurrency.max(1))),
            waiting: AtomicUsize::new(0),
            waiting_max: waiting_max.unwrap_or(usize::MAX),
            runs: AtomicU64::new(0),
            slow_us: AtomicU64::new(0),
        }
    }

    /// The proof that a check is passed, remembered or worked for. `None` if it is failed or not due.
    pub async fn prove(&self, check: Option<SlowCheck>) -> Result<Option<SlowProof>> {
        let Some(check) = check else { return Ok(None) };
        let key = check.memory_key(&self.key);
        if let Some(proof) = self.remembered.get(&key) {
            return Ok(Some(proof));
        }
        let permit = self.permit().await?;
        if let Some(proof) = self.remembered.get(&key) {
            return Ok(Some(proof));
        }
        self.runs.fetch_add(1, Ordering::Relaxed);
        let start = clock::instant();
        let remembered = self.remembered.clone();
        let running = tokio::task::spawn_blocking(move || {
            let proof = check.run();
            if let Some(proof) = &proof {
                remembered.insert(key, proof.clone());
            }
            // Held until here, even if the caller has hung up: whoever waits for it finds what was learnt.
            drop(permit);
            proof
        });
        let proof = running.await.map_err(|error| OAuthError::internal("slow_hash", error))?;
        self.slow_us.store(u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
        Ok(proof)
    }

    async fn permit(&self) -> Result<OwnedSemaphorePermit> {
        if let Ok(permit) = self.running.clone().try_acquire_owned() {
            return Ok(permit);
        }
        let _place = Place::take(&self.waiting, self.waiting_max)?;
        self.running.clone().acquire_owned().await.map_err(|error| OAuthError::internal("slow_hash", error))
    }

    /// How many slow checks have run since the start.
    pub fn runs(&self) -> u64 {
        self.runs.load(Ordering::Relaxed)
    }

    /// Holds back a refusal until a slow hash could have run, once there are any here: otherwise a quick refusal would
    /// tell which names are not those of clients with an imported secret.
    pub async fn even_out(&self, start: Instant) {
        let slow = Duration::from_micros(self.slow_us.load(Ordering::Relaxed));
        let spent = start.elapsed();
        if spent < slow {
            tokio::time::sleep(slow - spent).await;
        }
    }
}

impl std::fmt::Debug for Imported {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Imported").field("remembered", &self.remembered.entry_count()).finish_non_exhaustive()
    }
}

/// One of the places to wait at, given back on drop.
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn take(waiting: &'a AtomicUsize, max: usize) -> Result<Self> {
        let place = Self(waiting);
        if waiting.fetch_add(1, Ordering::AcqRel) >= max {
            return Err(OAuthError::new(ErrorCode::TemporarilyUnavailable, "too many secrets are being checked; try again shortly")
                .because("slow_hash_queue_full", "limits.slow_hash_queue_max checks of imported secrets are waiting; rotate these clients to generated secrets")
                .retry_after(1));
        }
        Ok(place)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}
