//! Authenticated encryption for what Grantor hands out or stores closed: AES-256-GCM-SIV (RFC 8452). Should a random
//! nonce ever repeat, it tells no more than that two plaintexts were equal.

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, Nonce, UnboundKey};
use zeroize::Zeroizing;

pub const NONCE_LEN: usize = 12;

pub struct SealingKey(LessSafeKey);

impl SealingKey {
    pub fn new(key: &[u8; 32]) -> Self {
        Self(LessSafeKey::new(UnboundKey::new(&AES_256_GCM_SIV, key).expect("AES-256 takes 32 bytes")))
    }

    /// `nonce`, ciphertext and tag in one. `nonce` must be random; `aad` must be given again to open it.
    pub fn seal(&self, nonce: [u8; NONCE_LEN], aad: &[u8], plaintext: &[u8]) -> Vec<u8> {
        let mut sealed = Vec::with_capacity(NONCE_LEN + plaintext.len() + AES_256_GCM_SIV.tag_len());
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(plaintext);
        let tag = self
            .0
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(aad), &mut sealed[NONCE_LEN..])
            .expect("no plaintext here nears the 2^36 bytes that AES-GCM-SIV can seal");
        sealed.extend_from_slice(tag.as_ref());
        sealed
    }

    /// `None` if anything differs from what was sealed.
    pub fn open(&self, aad: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, ciphertext) = sealed.split_at_checked(NONCE_LEN)?;
        let mut plaintext = Zeroizing::new(ciphertext.to_vec());
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let length = self.0.open_in_place(nonce, Aad::from(aad), &mut plaintext).ok()?.len();
        plaintext.truncate(length);
        Some(plaintext)
    }
}

impl std::fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SealingKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_only_whole_and_in_its_place() {
        let key = SealingKey::new(&[1; 32]);
        let sealed = key.seal([2; 12], b"here", b"secret");
        assert_eq!(key.open(b"here", &sealed).unwrap().as_slice(), b"secret");
        assert!(key.open(b"there", &sealed).is_none());
        assert!(SealingKey::new(&[3; 32]).open(b"here", &sealed).is_none());
        for i in 0..sealed.len() {
            let mut bent = sealed.clone();
            bent[i] ^= 1;
            assert!(key.open(b"here", &bent).is_none(), "byte {i}");
            assert!(key.open(b"here", &sealed[..i]).is_none(), "cut to {i}");
        }
    }
}
