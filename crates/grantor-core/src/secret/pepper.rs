//! The keyed hash of a strong secret: HMAC-SHA-256 under a pepper that is not in the database.

use crate::jose::{constant_time_eq, hmac_sha256};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// One pepper and the id that is kept beside every hash made with it.
#[derive(Clone, PartialEq, Eq)]
pub struct Pepper {
    pub id: String,
    pub key: Zeroizing<[u8; 32]>,
}

impl std::fmt::Debug for Pepper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pepper").field("id", &self.id).finish_non_exhaustive()
    }
}

/// All peppers in use. New hashes are made with the last; older ones still verify.
#[derive(Clone, Debug)]
pub struct Peppers(Vec<Pepper>);

impl Peppers {
    /// `None` for an empty list.
    pub fn new(peppers: Vec<Pepper>) -> Option<Self> {
        (!peppers.is_empty()).then_some(Self(peppers))
    }

    pub fn current(&self) -> &Pepper {
        self.0.last().expect("a list of peppers is never empty")
    }

    pub fn knows(&self, id: &str) -> bool {
        self.0.iter().any(|pepper| pepper.id == id)
    }

    /// Hashes a strong secret of a client for storage.
    pub fn hash(&self, domain: &str, client_id: &str, secret: &str) -> HashedSecret {
        let pepper = self.current();
        HashedSecret { pepper: pepper.id.clone(), hmac: keyed(pepper, domain, client_id, secret) }
    }

    /// Hashes what was presented under every pepper: the work is the same, whatever it is then compared with.
    pub fn hash_all(&self, domain: &str, client_id: &str, secret: &str) -> Hashes<'_> {
        Hashes(self.0.iter().map(|pepper| (pepper.id.as_str(), keyed(pepper, domain, client_id, secret))).collect())
    }
}

/// What one presented secret hashes to, by the id of the pepper.
pub struct Hashes<'p>(Vec<(&'p str, [u8; 32])>);

impl Hashes<'_> {
    /// Whether the secret at rest is the one presented. Hashes are compared in constant time.
    pub fn contains(&self, stored: &HashedSecret) -> bool {
        self.0.iter().any(|(pepper, hmac)| *pepper == stored.pepper && constant_time_eq(hmac, &stored.hmac))
    }
}

impl std::fmt::Debug for Hashes<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(pepper, _)| pepper)).finish()
    }
}

/// Domain and client are part of the message, so that equal secrets do not show as equal hashes.
fn keyed(pepper: &Pepper, domain: &str, client_id: &str, secret: &str) -> [u8; 32] {
    #[cfg(test)]
    KEYED_HASHES.with(|count| count.set(count.get() + 1));
    let mut message = Zeroizing::new(Vec::with_capacity(domain.len() + client_id.len() + secret.len() + 2));
    for part in [domain, client_id] {
        message.extend_from_slice(part.as_bytes());
        message.push(0);
    }
    message.extend_from_slice(secret.as_bytes());
    hmac_sha256(&*pepper.key, &message)
}

/// A secret at rest.
#[derive(Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct HashedSecret {
    pub pepper: String,
    #[serde(with = "b64")]
    pub hmac: [u8; 32],
}

impl std::fmt::Debug for HashedSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HashedSecret").field("pepper", &self.pepper).finish_non_exhaustive()
    }
}

mod b64 {
    use crate::jose::{b64url_decode, b64url_encode};
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8; 32], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&b64url_encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[u8; 32], D::Error> {
        let text = String::deserialize(deserializer)?;
        b64url_decode(&text)
            .ok()
            .and_then(|bytes| bytes.try_into().ok())
            .ok_or_else(|| D::Error::custom("expected 32 bytes in base64url"))
    }
}

#[cfg(test)]
thread_local! {
    /// How many keyed hashes this thread has made.
    pub(crate) static KEYED_HASHES: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peppers(ids: &[&str]) -> Peppers {
        let one = |id: &&str| Pepper { id: (*id).into(), key: Zeroizing::new([id.as_bytes()[0]; 32]) };
        Peppers::new(ids.iter().map(one).collect()).unwrap()
    }

    #[test]
    fn a_hash_outlives_the_rotation_of_its_pepper_but_not_its_loss() {
        let hashed = peppers(&["a"]).hash("default", "svc", "s");
        assert!(peppers(&["a", "b"]).hash_all("default", "svc", "s").contains(&hashed));
        assert!(!peppers(&["b"]).hash_all("default", "svc", "s").contains(&hashed));
    }

    #[test]
    fn equal_secrets_of_two_clients_hash_differently() {
        let peppers = peppers(&["a"]);
        assert_ne!(peppers.hash("d", "x", "s"), peppers.hash("d", "y", "s"));
        assert!(!peppers.hash_all("d", "x", "s\0").contains(&peppers.hash("d", "x", "s")));
    }
}
