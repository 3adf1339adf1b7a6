//! Private keys at rest: sealed under the master key, bound to their place.

use crate::random;
use grantor_core::jose::{SealingKey, b64url_decode, b64url_encode, derive_key};
use zeroize::Zeroizing;

/// The key that seals all other keys. Not in the database.
#[derive(Debug)]
pub struct MasterKey(SealingKey);

const VERSION: &str = "v1.";

impl MasterKey {
    pub fn new(master: &[u8; 32]) -> Self {
        Self(SealingKey::new(&derive_key(master, &[b"grantor: seal domain keys"])))
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

/// A sealed key moved to another row does not open.
fn place(domain: &str, kid: &str, alg: &str) -> Vec<u8> {
    [domain, kid, alg].join("\0").into_bytes()
}
