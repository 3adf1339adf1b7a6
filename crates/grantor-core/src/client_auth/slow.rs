//! Imported secrets: the slow hash runs outside of `verify`, off the async threads, and leaves a proof behind.

use super::{ClientAuth, Presented};
use crate::Timestamp;
use crate::client::{Client, CredentialKind};
use crate::jose::hmac_sha256;
use crate::secret::{Peppers, phc};
use zeroize::Zeroizing;

/// A slow comparison that is due: what was presented against each imported secret of the client.
pub struct SlowCheck {
    client_id: String,
    presented: Vec<Presented>,
    /// Credential id and PHC string.
    candidates: Vec<(String, String)>,
}

/// That a presented secret matched an imported credential. Only [`SlowCheck::run`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlowProof {
    pub(super) client_id: String,
    pub(super) credential_id: String,
    pub(super) phc: String,
    pub(super) unencoded: bool,
}

impl ClientAuth {
    /// The slow comparison that `verify` will need a proof of, if any: the client has imported secrets, and none
    /// of its generated ones matches what was presented.
    pub fn slow_check(&self, client: Option<&Client>, peppers: &Peppers, now: Timestamp) -> Option<SlowCheck> {
        let client = client?;
        let candidates: Vec<_> = client
            .credentials
            .iter()
            .filter(|credential| credential.usable(now).is_ok())
            .filter_map(|credential| match &credential.kind {
                CredentialKind::ImportedSecret { phc } => Some((credential.id.clone(), phc.clone())),
                _ => None,
            })
            .collect();
        let allowed = |read: &&Presented| !read.unencoded || client.metadata.allow_unencoded_basic;
        let presented: Vec<_> =
            self.readings().filter(|read| read.client_id == client.client_id).filter(allowed).cloned().collect();
        if candidates.is_empty() || presented.is_empty() || self.generated_match(Some(client), peppers, now).is_some() {
            return None;
        }
        Some(SlowCheck { client_id: client.client_id.clone(), presented, candidates })
    }
}

impl SlowCheck {
    /// Under which a proof may be remembered in memory: a keyed hash of all that went into the check.
    pub fn memory_key(&self, key: &[u8; 32]) -> [u8; 32] {
        let mut message = Zeroizing::new(Vec::new());
        let mut add = |part: &str| {
            message.extend_from_slice(&(part.len() as u64).to_be_bytes());
            message.extend_from_slice(part.as_bytes());
        };
        add(&self.client_id);
        add(&self.candidates.len().to_string());
        for (id, phc) in &self.candidates {
            add(id);
            add(phc);
        }
        for read in &self.presented {
            add(if read.unencoded { "as it stands" } else { "decoded" });
            add(&read.secret);
        }
        hmac_sha256(key, &message)
    }

    /// Runs the slow hashes, one after the other: tens of milliseconds and more.
    pub fn run(self) -> Option<SlowProof> {
        let Self { client_id, presented, candidates } = self;
        presented.iter().find_map(|read| {
            let (credential_id, phc) = candidates.iter().find(|(_, phc)| phc::verify(phc, &read.secret))?.clone();
            Some(SlowProof { client_id: client_id.clone(), credential_id, phc, unencoded: read.unencoded })
        })
    }
}

impl std::fmt::Debug for SlowCheck {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SlowCheck").field("client_id", &self.client_id).finish_non_exhaustive()
    }
}
