//! Ids that may be used once: the `jti` of client assertions (RFC 7523 §3) and of DPoP proofs (RFC 9449 §11.1).

mod local;

use grantor_core::Timestamp;
use grantor_core::error::{ErrorCode, OAuthError};
use grantor_core::jose::sha256;
use local::Local;
use std::fmt;
use std::io;
use std::path::Path;

/// Where spent ids are remembered.
#[derive(Debug)]
pub enum Replay {
    /// By this node, in memory and in its data folder.
    Local(Local),
    // A store that nodes share is a variant here. Its `spend` is one insert that fails if the id is there, and it waits:
    // that is why `spend` is async.
}

/// What is spent: a kind, and what makes the id unique within it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SpendId([u8; 16]);

impl SpendId {
    /// The parts are those that the id is unique for, such as domain, client and `jti`: two clients may use the same one.
    /// Half of SHA-256 is kept. Finding a second id for a given one takes 2^128 tries; two of one's own with the same
    /// half, 2^64, and they would only refuse each other.
    pub fn new(kind: &'static str, parts: &[&str]) -> Self {
        let mut bytes = Vec::with_capacity(128);
        for part in std::iter::once(&kind).chain(parts) {
            // With their lengths, or else ("a", "bc") would be ("ab", "c").
            bytes.extend_from_slice(&(part.len() as u64).to_le_bytes());
            bytes.extend_from_slice(part.as_bytes());
        }
        let mut id = [0; 16];
        id.copy_from_slice(&sha256(&bytes)[..16]);
        Self(id)
    }
}

impl Replay {
    /// Reads what a former run left in `folder`, and makes the folder if need be.
    pub fn open(folder: &Path, ids_max: usize, now: Timestamp) -> io::Result<Self> {
        Local::open(folder, ids_max, now).map(Self::Local)
    }

    /// `true` the first time, `false` for an id that was spent before, by whomever and however long it is remembered.
    /// `until` is the last second in which whatever carries the id is accepted; at most two days from now.
    ///
    /// An error means that it cannot be told: the caller refuses with 503.
    pub async fn spend(&self, id: &SpendId, until: Timestamp, now: Timestamp) -> Result<bool, ReplayError> {
        match self {
            Self::Local(local) => local.spend(*id, until, now),
        }
    }

    /// Ids held in memory.
    pub fn len(&self) -> usize {
        match self {
            Self::Local(local) => local.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn forget_expired(&self, now: Timestamp) {
        match self {
            Self::Local(local) => local.forget_expired(now),
        }
    }

    /// Brings to the disk what was spent since the last time, so that it outlives a power loss. Blocks.
    pub fn sync(&self) -> io::Result<()> {
        match self {
            Self::Local(local) => local.sync(),
        }
    }
}

/// Why it cannot be told whether an id was spent.
#[derive(Debug)]
pub enum ReplayError {
    /// As many ids are held as this setting allows.
    Full {
        ids_max: usize,
    },
    Disk(io::Error),
    /// The time until which the id counts is not within days of now.
    Time {
        until: Timestamp,
        now: Timestamp,
    },
}

impl fmt::Display for ReplayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full { ids_max } => write!(
                f,
                "{ids_max} spent ids are held, which is all that limits.replay_ids_max allows; raise it, or let clients \
                 make assertions and proofs that live shorter"
            ),
            Self::Disk(error) => write!(
                f,
                "spent ids cannot be written into the folder `replay` of the data folder ({error}); make room or repair \
                 the disk"
            ),
            Self::Time { until, now } => {
                write!(
                    f,
                    "an id that counts until {until} cannot be remembered now, at {now}; check the server's clock"
                )
            }
        }
    }
}

impl std::error::Error for ReplayError {}

impl From<ReplayError> for OAuthError {
    fn from(error: ReplayError) -> Self {
        let unavailable = || Self::new(ErrorCode::TemporarilyUnavailable, "the server is busy; try again");
        match error {
            ReplayError::Full { .. } => unavailable().because("replay_ids_full", error.to_string()),
            ReplayError::Disk(_) | ReplayError::Time { .. } => {
                unavailable().because("replay_unavailable", error.to_string())
            }
        }
    }
}

#[cfg(test)]
mod tests;
