//! DPoP at the token endpoint (RFC 9449 §5, §8): which proofs are taken, and the nonces that are asked for.

use crate::App;
use crate::config::Dpop as Settings;
use crate::replay::SpendId;
use grantor_core::Timestamp;
use grantor_core::binding::{DpopExpected, DpopProof, Nonces, VerifiedProof};
use grantor_core::domain::Domain;
use grantor_core::error::{ErrorCode, OAuthError, Result, quote};
use grantor_core::jose::derive_key;

/// What the server makes of proofs.
#[derive(Debug)]
pub struct Dpop {
    nonces: Nonces,
    nonce_required: bool,
    iat_window_s: i64,
    iat_ahead_s: i64,
}

impl Dpop {
    /// All nodes with this master key take each other's nonces.
    pub fn new(master: &[u8; 32], settings: &Settings) -> Self {
        Self {
            nonces: Nonces::new(&derive_key(master, &[b"grantor: DPoP nonces"]), settings.nonce_lifetime_s),
            nonce_required: settings.nonce_required,
            iat_window_s: settings.iat_window_s.into(),
            iat_ahead_s: settings.iat_ahead_s.into(),
        }
    }

    /// The nonce for the answer to a request with a proof: where one is required, the next request may need a newer one
    /// (RFC 9449 §8.2), and a refusal always says which one to use.
    pub fn nonce_due(&self, domain: &Domain, refused: Option<ErrorCode>, now: Timestamp) -> Option<String> {
        let due = self.nonce_required || refused == Some(ErrorCode::UseDpopNonce);
        due.then(|| self.nonces.current(&domain.name, now))
    }

    /// Every check but the one that needs a memory: see [`spend_proof`].
    pub fn verify(&self, domain: &Domain, path: &str, proof: &DpopProof, now: Timestamp) -> Result<VerifiedProof> {
        let uris: Vec<String> = domain.endpoints(path).collect();
        let uris: Vec<&str> = uris.iter().map(String::as_str).collect();
        let expected = DpopExpected {
            iat_window_s: self.iat_window_s,
            iat_ahead_s: self.iat_ahead_s,
            nonces: Some(&self.nonces),
            nonce_domain: &domain.name,
            nonce_required: self.nonce_required,
            ..DpopExpected::new("POST", &uris, now)
        };
        Ok(proof.verify(&expected)?)
    }
}

/// Makes sure that a proof was not used before (RFC 9449 §4.3, §11.1). After all other checks, like assertions.
pub async fn spend_proof(app: &App, proof: Option<&VerifiedProof>, now: Timestamp) -> Result<()> {
    let Some(proof) = proof else { return Ok(()) };
    let id = SpendId::new("dpop", &[&proof.jkt, &proof.jti]);
    if app.replay.spend(&id, proof.spend_until, now).await? {
        return Ok(());
    }
    let public = "the DPoP proof was used before; make a new one for each request";
    let detail = format!("proof jti '{}' of key {} was used before", quote(&proof.jti), proof.jkt);
    Err(OAuthError::new(ErrorCode::InvalidDpopProof, public).because("dpop_replayed", detail))
}
