//! Opaque access tokens: sealed handles. Their claims travel inside, encrypted and authenticated under a key of the
//! domain, so nothing is stored and only Grantor can read them.
//!
//! `grat_` and base64url of: version (1 byte), key id (4), nonce (12), AES-256-GCM-SIV of the claims. GCM-SIV keeps its
//! promise should a random nonce ever repeat, so no key is spent after 2^32 tokens.

use crate::jose::{JWS_MAX, SealingKey, b64url_decode, b64url_encode_into};
use zeroize::Zeroizing;

/// What secret scanners look for.
pub const PREFIX: &str = "grat_";
const VERSION: u8 = 1;
const HEAD: usize = 1 + 4;

/// A domain's key for handles, and the id by which a handle names it.
#[derive(Debug)]
pub struct HandleKey {
    pub id: [u8; 4],
    key: SealingKey,
}

impl HandleKey {
    pub const fn new(id: [u8; 4], key: SealingKey) -> Self {
        Self { id, key }
    }

    pub(super) fn seal(&self, domain: &str, nonce: [u8; 12], claims_json: &[u8]) -> String {
        let mut bytes = Vec::with_capacity(HEAD + 12 + claims_json.len() + 16);
        bytes.push(VERSION);
        bytes.extend_from_slice(&self.id);
        let aad = [&bytes[..], domain.as_bytes()].concat();
        bytes.extend_from_slice(&self.key.seal(nonce, &aad, claims_json));
        let mut handle = String::with_capacity(PREFIX.len() + bytes.len() * 4 / 3 + 4);
        handle.push_str(PREFIX);
        b64url_encode_into(&bytes, &mut handle);
        handle
    }

    pub(super) fn open(&self, domain: &str, handle: &Handle) -> Option<Zeroizing<Vec<u8>>> {
        let (head, sealed) = handle.0.split_at_checked(HEAD)?;
        self.key.open(&[head, domain.as_bytes()].concat(), sealed)
    }
}

/// A handle taken apart, not opened yet.
pub struct Handle(Vec<u8>);

impl Handle {
    /// `None` for anything that is not a handle to the letter: base64url is read strictly, so that a padded or
    /// otherwise rewritten handle is not the token.
    pub fn parse(token: &str) -> Option<Self> {
        let bytes =
            token.strip_prefix(PREFIX).filter(|_| token.len() <= JWS_MAX).and_then(|text| b64url_decode(text).ok())?;
        (bytes.first() == Some(&VERSION) && bytes.len() > HEAD + 12 + 16).then_some(Self(bytes))
    }

    pub fn key_id(&self) -> [u8; 4] {
        let mut id = [0; 4];
        id.copy_from_slice(&self.0[1..HEAD]);
        id
    }
}

impl std::fmt::Debug for Handle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Handle").field("key_id", &self.key_id()).finish_non_exhaustive()
    }
}
