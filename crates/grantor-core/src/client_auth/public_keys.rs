//! The public keys of a registered or fetched set (RFC 7517), ready for use.

use crate::jose::{Alg, VerifyingKey, b64url_encode, sha256};
use crate::jwk::{Jwk, JwkSet};

/// Keys parsed once and bound to algorithms, and the certificates registered with them.
#[derive(Clone, Debug, Default)]
pub struct PublicKeys {
    keys: Vec<PublicKey>,
    /// `x5t#S256` of the first certificate of each `x5c` (RFC 8705 §2.2.2).
    certificates: Vec<String>,
}

#[derive(Clone, Debug)]
struct PublicKey {
    /// As registered; else the thumbprint of RFC 7638, by which many clients name a key that has no name.
    kid: String,
    verifying: VerifyingKey,
}

/// Most keys tried for one signature.
const TRIES_MAX: usize = 8;

impl PublicKeys {
    /// Keys that are not for signatures, or not for an algorithm known here, are left out.
    pub fn new(set: &JwkSet) -> Self {
        let certificate = |jwk: &Jwk| jwk.certificate().map(|der| b64url_encode(&sha256(&der)));
        Self {
            keys: set.keys.iter().flat_map(keys).collect(),
            certificates: set.keys.iter().filter_map(certificate).collect(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.keys.is_empty() && self.certificates.is_empty()
    }

    /// The keys that may have made a signature with this algorithm. A `kid` is a name to look up and nothing more; without
    /// one, any key may be meant, of which only the first few are tried.
    pub fn candidates(&self, kid: Option<&str>, alg: Alg) -> impl Iterator<Item = &VerifyingKey> {
        let named = move |key: &&PublicKey| kid.is_none_or(|kid| key.kid == kid);
        self.keys
            .iter()
            .filter(move |key| key.verifying.alg() == alg)
            .filter(named)
            .map(|key| &key.verifying)
            .take(TRIES_MAX)
    }

    /// The names of the keys, for telling why none was found.
    pub fn kids(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().map(|key| key.kid.as_str())
    }

    /// Whether this very certificate is registered, by its `x5t#S256`.
    pub fn has_certificate(&self, x5t_s256: &str) -> bool {
        self.certificates.iter().any(|have| have == x5t_s256)
    }
}

/// An RSA key that does not say its algorithm can be used with two.
fn keys(jwk: &Jwk) -> Vec<PublicKey> {
    let usable = Alg::ALL.into_iter().filter_map(|alg| VerifyingKey::from_jwk(jwk, alg).ok());
    let kid = jwk.kid.clone().unwrap_or_else(|| jwk.thumbprint());
    usable.map(|verifying| PublicKey { kid: kid.clone(), verifying }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::SigningKey;

    #[test]
    fn keys_are_found_by_name_and_algorithm() {
        let jwk = |alg, kid: Option<&str>| {
            let mut jwk = SigningKey::generate(alg).unwrap().0.public_jwk().unwrap();
            (jwk.kid, jwk.alg) = (kid.map(str::to_owned), None);
            jwk
        };
        let nameless = jwk(Alg::ES256, None);
        let keys = PublicKeys::new(&JwkSet {
            keys: vec![jwk(Alg::ES256, Some("a")), jwk(Alg::RS256, Some("r")), nameless.clone()],
        });
        let count = |kid, alg| keys.candidates(kid, alg).count();
        assert_eq!((count(Some("a"), Alg::ES256), count(Some("a"), Alg::RS256)), (1, 0));
        assert_eq!((count(Some("r"), Alg::RS256), count(Some("r"), Alg::PS256)), (1, 1));
        assert_eq!((count(None, Alg::ES256), count(Some("b"), Alg::ES256)), (2, 0));
        assert_eq!(count(Some(&nameless.thumbprint()), Alg::ES256), 1);
    }
}
