//! The life of a key: published, used, kept until the last token it made has expired, deleted.

use super::{KeyError, KeyUse, Keys};
use crate::random;
use crate::store::{KeyRow, Write};
use grantor_core::Timestamp;
use grantor_core::jose::{SigningKey, b64url_encode};
use serde::Serialize;
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// When keys change, in seconds.
#[derive(Clone, Copy, Debug)]
pub struct KeyTimes {
    /// How long a key is used before its successor takes over.
    pub rotate_after_s: i64,
    /// How long before its use a key is published: longer than anybody caches the key set.
    pub publish_before_s: i64,
    /// The longest life of a token: how long a key is kept after its last use.
    pub lifetime_max_s: i64,
}

/// Clocks of verifiers may lag.
const SKEW_S: i64 = 60;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyStatus {
    /// Published, not used yet.
    Pending,
    Active,
    /// Used no more, kept for the tokens it made.
    Retiring,
}

/// A key as administrators see it.
#[derive(Clone, Debug, Serialize)]
pub struct KeyState {
    pub kid: String,
    pub alg: String,
    pub status: KeyStatus,
    pub created_at: Timestamp,
    pub activates_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

pub(super) fn by_server(at: Timestamp) -> Write {
    Write { actor: "grantor".into(), at }
}

impl Keys {
    /// All keys of a domain and where they are in their life.
    pub async fn states(&self, domain: &str, now: Timestamp) -> Result<Vec<KeyState>, KeyError> {
        let mut states = Vec::new();
        for (_, rows) in self.generations(domain).await? {
            let active = active(&rows, now);
            for (i, row) in rows.into_iter().enumerate() {
                let status = match i.cmp(&active) {
                    std::cmp::Ordering::Less => KeyStatus::Retiring,
                    std::cmp::Ordering::Equal => KeyStatus::Active,
                    std::cmp::Ordering::Greater => KeyStatus::Pending,
                };
                let KeyRow { kid, alg, created_at, activates_at, expires_at, .. } = row;
                states.push(KeyState { kid, alg, status, created_at, activates_at, expires_at });
            }
        }
        Ok(states)
    }

    /// Starts the succession of every key of a domain now: successors are published at once and take over when every
    /// cached key set has expired. One that is already on its way is left alone.
    pub async fn rotate(&self, domain: &str, by: &Write) -> Result<(), KeyError> {
        for (wanted, rows) in self.generations(domain).await? {
            let newest = rows.last().filter(|row| row.activates_at <= by.at);
            if let Some(newest) = newest {
                self.succeed(domain, wanted, newest, by.at + self.times.publish_before_s, by).await?;
            }
        }
        self.tidy(domain, by.at).await
    }

    /// For a key that has leaked: the successor is used at once, and all older keys are gone, so that every token they
    /// made is refused from now on by whoever reads the key set anew.
    pub async fn replace_compromised(&self, domain: &str, by: &Write) -> Result<(), KeyError> {
        let (mut old, mut new) = (Vec::new(), Vec::new());
        for (wanted, rows) in self.generations(domain).await? {
            if let Some(newest) = rows.last() {
                new.push(self.new_key(domain, wanted, newest.generation + 1, by.at, by.at).await?);
            }
            old.extend(rows.into_iter().map(|row| row.kid));
        }
        // Deleted, not ended: nothing that looks after keys may lengthen the life of these.
        self.store.replace_keys(domain, &old, &new, by).await?;
        self.tidy(domain, by.at).await
    }

    /// What is due: successors for keys that near their end, an end for keys that have one, deletion of ended keys.
    pub async fn tidy(&self, domain: &str, now: Timestamp) -> Result<(), KeyError> {
        let by = by_server(now);
        for (wanted, mut rows) in self.generations(domain).await? {
            if let Some(newest) = rows.last() {
                let takes_over = newest.activates_at + self.times.rotate_after_s;
                if now >= takes_over - self.times.publish_before_s {
                    let at = takes_over.max(now + self.times.publish_before_s);
                    rows.extend(self.succeed(domain, wanted, newest, at, &by).await?);
                }
            }
            self.end_succeeded(domain, &rows, now, &by).await?;
        }
        self.reload(domain, now).await
    }

    /// A key that has a successor ends when the last token it can have made has expired.
    async fn end_succeeded(&self, domain: &str, rows: &[KeyRow], now: Timestamp, by: &Write) -> Result<(), KeyError> {
        for (row, successor) in rows.iter().zip(rows.iter().skip(1)) {
            let ends = successor.activates_at + self.times.lifetime_max_s + SKEW_S;
            let still_used = successor.activates_at > now;
            if row.expires_at.is_some_and(|at| at <= now) {
                self.store.delete_key(domain, &row.kid, by).await?;
            } else if row.expires_at.is_none_or(|at| still_used && at < ends) {
                self.store.set_key_times(domain, &KeyRow { expires_at: Some(ends), ..row.clone() }, by).await?;
            }
        }
        Ok(())
    }

    async fn succeed(
        &self,
        domain: &str,
        wanted: KeyUse,
        newest: &KeyRow,
        activates_at: Timestamp,
        by: &Write,
    ) -> Result<Option<KeyRow>, KeyError> {
        self.make(domain, wanted, newest.generation + 1, activates_at, by).await
    }

    /// Makes a key. `None` if another node was faster; then that one's key counts.
    pub(super) async fn make(
        &self,
        domain: &str,
        wanted: KeyUse,
        generation: i64,
        activates_at: Timestamp,
        by: &Write,
    ) -> Result<Option<KeyRow>, KeyError> {
        let row = self.new_key(domain, wanted, generation, activates_at, by.at).await?;
        let inserted = self.store.insert_key(domain, &row, by).await?;
        Ok(inserted.then_some(row))
    }

    /// A key that is stored nowhere yet.
    async fn new_key(
        &self,
        domain: &str,
        wanted: KeyUse,
        generation: i64,
        activates_at: Timestamp,
        now: Timestamp,
    ) -> Result<KeyRow, KeyError> {
        // An RSA key takes a tenth of a second and more.
        let made = tokio::task::spawn_blocking(move || generate(wanted))
            .await
            .map_err(|error| KeyError::Unusable(error.to_string()))?;
        let (kid, private, public_jwk) = made.map_err(KeyError::Unusable)?;
        Ok(KeyRow {
            sealed: self.master.seal(domain, &kid, wanted.as_str(), &private),
            kid,
            alg: wanted.as_str().to_owned(),
            generation,
            created_at: now,
            activates_at,
            expires_at: None,
            public_jwk,
        })
    }

    /// Rows by use, oldest first.
    async fn generations(&self, domain: &str) -> Result<Vec<(KeyUse, Vec<KeyRow>)>, KeyError> {
        let mut by_alg = BTreeMap::<String, Vec<KeyRow>>::new();
        for row in self.store.keys(domain).await? {
            by_alg.entry(row.alg.clone()).or_default().push(row);
        }
        Ok(by_alg.into_iter().filter_map(|(alg, rows)| KeyUse::parse(&alg).map(|wanted| (wanted, rows))).collect())
    }
}

/// Index of the key in use: the youngest whose time has come, else the first.
fn active(rows: &[KeyRow], now: Timestamp) -> usize {
    rows.iter().rposition(|row| row.activates_at <= now).unwrap_or(0)
}

type Made = (String, Zeroizing<Vec<u8>>, Option<String>);

fn generate(wanted: KeyUse) -> Result<Made, String> {
    match wanted {
        KeyUse::Sign(alg) => {
            let (key, private) = SigningKey::generate(alg).map_err(|error| error.to_string())?;
            let jwk = key.public_jwk().map_err(|error| error.to_string())?;
            let jwk = serde_json::to_string(&jwk).map_err(|error| error.to_string())?;
            Ok((key.kid().to_owned(), private, Some(jwk)))
        }
        KeyUse::Handle => {
            let private = Zeroizing::new(random::bytes::<32>().to_vec());
            Ok((b64url_encode(&random::bytes::<4>()), private, None))
        }
    }
}
