//! A key that tokens are bound to (RFC 9449), and the nonces that servers want to see in proofs made with it.

use crate::clock::{Clock, random};
use crate::error::ConfigError;
use grantor_core::binding;
use grantor_core::jose::{Alg, RsaAlg, SigningKey, b64url_encode};
use http::header::WWW_AUTHENTICATE;
use http::{HeaderMap, HeaderName, HeaderValue};
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use url::Url;

pub(crate) const DPOP: HeaderName = HeaderName::from_static("dpop");
pub(crate) const DPOP_NONCE: HeaderName = HeaderName::from_static("dpop-nonce");
/// Most servers whose nonces are kept.
const ORIGINS_MAX: usize = 256;
/// Longest nonce that is believed.
const NONCE_MAX: usize = 1024;

/// A private key for DPoP (RFC 9449): tokens that are bound to it are of no use to whoever has not got it.
///
/// Clones are one key, and share the nonces that servers gave out. A key lives as long as the tokens bound to it; one that
/// is [generated](Self::generate) at each start is fine.
///
/// Shows nothing but its thumbprint in `Debug`.
#[derive(Clone)]
pub struct DpopKey(Arc<Inner>);

struct Inner {
    key: binding::DpopKey,
    /// The last nonce of each server, by origin (RFC 9449 §8.2).
    nonces: Mutex<HashMap<String, String>>,
}

impl DpopKey {
    /// Makes a new key (ES256), which lives in memory only.
    pub fn generate() -> Result<Self, ConfigError> {
        let (key, _) = SigningKey::generate(Alg::ES256).map_err(|error| ConfigError::new(error.to_string()))?;
        Self::of(key)
    }

    /// Reads a key: EC (P-256 or P-384), Ed25519 or RSA (2048 bits or more), in PEM. An RSA key signs with PS256.
    pub fn from_pem(pem: impl AsRef<[u8]>) -> Result<Self, ConfigError> {
        Self::with(pem, RsaAlg::default())
    }

    /// Reads a key; an RSA key signs with `rsa`.
    pub fn with(pem: impl AsRef<[u8]>, rsa: RsaAlg) -> Result<Self, ConfigError> {
        let key = SigningKey::from_pem(pem.as_ref(), None, rsa);
        Self::of(key.map_err(|error| ConfigError::new(format!("the DPoP key cannot be used: {error}")))?)
    }

    fn of(key: SigningKey) -> Result<Self, ConfigError> {
        let key = binding::DpopKey::new(key).map_err(|error| ConfigError::new(error.to_string()))?;
        Ok(Self(Arc::new(Inner { key, nonces: Mutex::default() })))
    }

    /// The thumbprint of the key (RFC 7638), which tokens that are bound to it hold as `cnf`.`jkt` (RFC 9449 §6.1).
    pub fn jkt(&self) -> &str {
        self.0.key.jkt()
    }

    /// A proof for one request, for its `DPoP` header (RFC 9449 §4.2): with the hash of the access token that the request
    /// carries, and with the last nonce of that server. For a [`Token`](crate::Token) there is
    /// [`Token::headers`](crate::Token::headers).
    pub fn proof(&self, method: &str, url: &str, access_token: Option<&str>) -> Result<HeaderValue, ConfigError> {
        let mut url = target(url)?;
        let nonce = self.nonces().get(&origin(&url)).cloned();
        // What is sent holds neither.
        let _ = (url.set_username(""), url.set_password(None));
        let (jti, now) = (b64url_encode(&random::<16>()), Clock::default().now().unix_s());
        let proof = self.0.key.proof(method, url.as_str(), access_token, nonce.as_deref(), jti, now);
        let proof = proof.map_err(|error| ConfigError::new(format!("no DPoP proof can be made: {error}")))?;
        let mut value = HeaderValue::from_str(&proof).expect("base64url and dots fit into a header");
        value.set_sensitive(true);
        Ok(value)
    }

    /// Remembers the nonce in an answer from `url` (RFC 9449 §8.2). `true` if the answer refuses the request for want of it
    /// (§9): try once more, with a new proof.
    pub fn remember_nonce(&self, url: &str, answer: &HeaderMap) -> bool {
        let nonce = answer.get(DPOP_NONCE).and_then(|nonce| nonce.to_str().ok());
        let (Some(nonce), Ok(url)) = (nonce.filter(|nonce| is_nonce(nonce)), target(url)) else { return false };
        let mut nonces = self.nonces();
        let origin = origin(&url);
        if nonces.len() >= ORIGINS_MAX && !nonces.contains_key(&origin) {
            // A server whose nonce is forgotten asks for it again.
            nonces.clear();
        }
        nonces.insert(origin, nonce.to_owned());
        answer.get_all(WWW_AUTHENTICATE).iter().any(|challenge| {
            let challenge = challenge.to_str().unwrap_or_default().to_ascii_lowercase();
            challenge.contains("dpop ") && challenge.contains("use_dpop_nonce")
        })
    }

    fn nonces(&self) -> MutexGuard<'_, HashMap<String, String>> {
        self.0.nonces.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn target(url: &str) -> Result<Url, ConfigError> {
    let wrong = || ConfigError::new("a request with a DPoP proof goes to an absolute http or https URL");
    Url::parse(url).ok().filter(|url| matches!(url.scheme(), "http" | "https")).ok_or_else(wrong)
}

fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

/// `1*NQCHAR` (RFC 9449 §8.1)
fn is_nonce(text: &str) -> bool {
    (1..=NONCE_MAX).contains(&text.len()) && text.bytes().all(|byte| matches!(byte, b'!' | b'#'..=b'[' | b']'..=b'~'))
}

impl fmt::Debug for DpopKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DpopKey").field("jkt", &self.jkt()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::private_key;
    use grantor_core::binding::{DpopExpected, DpopProof};

    fn verified(proof: &HeaderValue, url: &str) -> Result<String, String> {
        let now = Clock::default().now().unix_s();
        let proof = DpopProof::parse(proof.to_str().unwrap()).unwrap();
        let uris = [url];
        let expected = DpopExpected { access_token: Some("token"), ..DpopExpected::new("GET", &uris, now) };
        proof.verify(&expected).map(|proof| proof.jkt).map_err(|error| error.to_string())
    }

    fn nonce(value: &str, challenge: Option<&str>) -> HeaderMap {
        let mut answer = HeaderMap::new();
        answer.insert(DPOP_NONCE, value.parse().unwrap());
        if let Some(challenge) = challenge {
            answer.append(WWW_AUTHENTICATE, "Bearer".parse().unwrap());
            answer.append(WWW_AUTHENTICATE, challenge.parse().unwrap());
        }
        answer
    }

    fn claim(key: &DpopKey, url: &str, name: &str) -> Option<String> {
        let proof = key.proof("GET", url, None).unwrap();
        let payload = proof.to_str().unwrap().split('.').nth(1).unwrap();
        let claims: serde_json::Value =
            serde_json::from_slice(&grantor_core::jose::b64url_decode(payload).unwrap()).unwrap();
        claims.get(name).map(|value| value.as_str().unwrap().to_owned())
    }

    #[test]
    fn rfc9449_s4_2_proofs_of_all_kinds_of_keys_are_good() {
        let keys = Alg::ALL.into_iter().filter(|alg| !matches!(alg, Alg::RS256));
        for key in keys.map(|alg| DpopKey::from_pem(private_key(alg).0).unwrap()).chain([DpopKey::generate().unwrap()])
        {
            let proof = key.proof("GET", "HTTPS://u:p@API.example:443/a b/../c?q=1#f", Some("token")).unwrap();
            assert!(proof.is_sensitive());
            assert_eq!(verified(&proof, "https://api.example/c").unwrap(), key.jkt());
            assert!(verified(&proof, "https://api.example/d").is_err());
        }
        let rs256 = DpopKey::with(private_key(Alg::RS256).0, RsaAlg::RS256).unwrap();
        let proof = rs256.proof("GET", "https://api.example/c", Some("token")).unwrap();
        assert_eq!(verified(&proof, "https://api.example/c").unwrap(), rs256.jkt());
    }

    #[test]
    fn rfc9449_s4_2_each_proof_has_a_jti_of_its_own() {
        let key = DpopKey::generate().unwrap();
        let jti = || claim(&key, "https://api.example/", "jti").unwrap();
        assert!(jti() != jti() && jti().len() == 22);
    }

    #[test]
    fn rfc9449_s8_2_nonces_are_kept_by_origin() {
        let key = DpopKey::generate().unwrap();
        let of = |url| claim(&key, url, "nonce");
        assert!(!key.remember_nonce("https://a.example/x", &nonce("one", None)));
        assert!(!key.clone().remember_nonce("https://a.example:8443/x", &nonce("two", Some("DPoP error=\"x\""))));
        assert_eq!(of("https://A.example:443/y?z").as_deref(), Some("one"));
        assert_eq!(of("https://a.example:8443/").as_deref(), Some("two"));
        assert_eq!((of("http://a.example/"), of("https://b.example/")), (None, None));
        let challenge = "DPoP algs=\"ES256\", error=\"use_dpop_nonce\"";
        assert!(key.remember_nonce("https://a.example/", &nonce("three", Some(challenge))));
        assert_eq!(of("https://a.example/").as_deref(), Some("three"));
        for odd in ["", "a b", "a\"", "a\\", &"a".repeat(NONCE_MAX + 1)] {
            assert!(!key.remember_nonce("https://a.example/", &nonce(odd, Some(challenge))), "{odd}");
        }
        assert!(!key.remember_nonce("https://a.example/", &HeaderMap::new()));
        assert_eq!(of("https://a.example/").as_deref(), Some("three"));
        for number in 0..2 * ORIGINS_MAX {
            key.remember_nonce(&format!("https://{number}.example"), &nonce("n", None));
        }
        assert!(key.nonces().len() <= ORIGINS_MAX);
    }

    #[test]
    fn what_is_no_key_or_url_is_told() {
        assert!(DpopKey::from_pem("nothing").unwrap_err().to_string().contains("the DPoP key cannot be used"));
        let key = DpopKey::generate().unwrap();
        for url in ["", "/things", "ftp://a.example/", "a.example"] {
            assert!(key.proof("GET", url, None).is_err(), "{url}");
        }
        assert!(format!("{key:?}").contains(key.jkt()));
    }
}
