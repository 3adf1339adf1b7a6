//! Private keys and secrets at rest: sealed under the master key, bound to their place.

use crate::random;
use grantor_core::jose::{SealingKey, b64url_decode, b64url_encode, derive_key};
use std::sync::Arc;
use zeroize::Zeroizing;

/// The key that seals all other keys. Not in the database.
#[derive(Clone, Debug)]
pub struct MasterKey(Arc<SealingKey>);

const VERSION: &str = "v1.";

impl MasterKey {
    pub fn new(master: &[u8; 32]) -> Self {
        Self(Arc::new(SealingKey::new(&derive_key(master, &[b"grantor: seal domain keys"]))))
    }

    pub(super) fn seal(&self, domain: &str, kid: &str, alg: &str, private: &[u8]) -> String {
        format!("{VERSION}{}", b64url_encode(&self.0.seal(random::bytes(), &place(domain, kid, alg), private)))
    }

    pub(super) fn unseal(
        &self,
        domain: &str,
        kid: &str,
        alg: &str,
        sealed: &str,
    ) -> Result<Zeroizing<Vec<u8>>, String> {
        let bytes = sealed
            .strip_prefix(VERSION)
            .and_then(|text| b64url_decode(text).ok())
            .ok_or("its sealed form is not known here")?;
        self.0.open(&place(domain, kid, alg), &bytes).ok_or_else(|| {
            "the master key does not open it; start with the master key that this database was made with (master_key, by default master.key in the data folder)".into()
        })
    }
}

/// What stands in the place of an algorithm for a credential's secret: no key has this one.
const SECRET: &str = "client_secret_jwt";

impl MasterKey {
    /// A credential's secret that must be read again.
    pub fn seal_secret(&self, domain: &str, client_id: &str, credential_id: &str, secret: &str) -> String {
        self.seal(domain, &[client_id, credential_id].join("\0"), SECRET, secret.as_bytes())
    }

    /// `None` if it was sealed for another place, or under another master key.
    pub fn open_secret(
        &self,
        domain: &str,
        client_id: &str,
        credential_id: &str,
        sealed: &str,
    ) -> Option<Zeroizing<String>> {
        let bytes = self.unseal(domain, &[client_id, credential_id].join("\0"), SECRET, sealed).ok()?;
        std::str::from_utf8(&bytes).ok().map(|text| Zeroizing::new(text.to_owned()))
    }
}

/// A sealed key moved to another row does not open.
fn place(domain: &str, kid: &str, alg: &str) -> Vec<u8> {
    [domain, kid, alg].join("\0").into_bytes()
}
