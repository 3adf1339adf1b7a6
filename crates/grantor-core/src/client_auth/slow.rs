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
    presented: Zeroizing<String>,
    /// Credential id and PHC string.
    candidates: Vec<(String, String)>,
}

/// That a presented secret matched an imported credential. Only [`SlowCheck::run`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlowProof {
    pub(super) client_id: String,
    pub(super) credential_id: String,
    pub(super) phc: String,
}

impl ClientAuth {
    /// The slow comparison that `verify` will need a proof of, if any: the client has imported secrets, and none
    /// of its generated ones matches what was presented.
    pub fn slow_check(&self, client: Option<&Client>, peppers: &Peppers, now: Timestamp) -> Option<SlowCheck> {
        let client = client?;
        let presented = self.presented_to(client)?;
        let candidates: Vec<_> = client
            .credentials
            .iter()
            .filter(|credential| credential.usable(now).is_ok())
            .filter_map(|credential| match &credential.kind {
                CredentialKind::ImportedSecret { phc } => Some((credential.id.clone(), phc.clone())),
                CredentialKind::Secret(_) => None,
            })
            .collect();
        if candidates.is_empty() || super::verify::generated_match(client, presented, peppers).is_some() {
            return None;
        }
        Some(SlowCheck { client_id: client.client_id.clone(), presented: presented.secret.clone(), candidates })
    }

    /// The reading of the request that names this client.
    pub(super) fn presented_to(&self, client: &Client) -> Option<&Presented> {
        match self {
            Self::SecretPost(presented) => Some(presented),
            Self::SecretBasic { decoded: Some(decoded), .. } if decoded.client_id == client.client_id => Some(decoded),
            Self::SecretBasic { raw, .. } => Some(raw),
        }
        .filter(|presented| presented.client_id == client.client_id)
    }
}

impl SlowCheck {
    /// Under which a proof may be remembered in memory: a keyed hash of all that went into the check.
    pub fn memory_key(&self, key: &[u8; 32]) -> [u8; 32] {
        let mut message = Zeroizing::new(Vec::new());
        let parts = self.candidates.iter().flat_map(|(id, phc)| [id, phc]).chain([&self.client_id, &*self.presented]);
        for part in parts {
            message.extend_from_slice(&(part.len() as u64).to_be_bytes());
            message.extend_from_slice(part.as_bytes());
        }
        hmac_sha256(key, &message)
    }

    /// Runs the slow hashes, one after the other: tens of milliseconds and more.
    pub fn run(self) -> Option<SlowProof> {
        let Self { client_id, presented, candidates } = self;
        candidates.into_iter().find(|(_, phc)| phc::verify(phc, &presented)).map(|(credential_id, phc)| SlowProof {
            client_id,
            credential_id,
            phc,
        })
    }
}

impl std::fmt::Debug for SlowCheck {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SlowCheck").field("client_id", &self.client_id).finish_non_exhaustive()
    }
}
