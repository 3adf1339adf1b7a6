//! Hashes, keyed and not, and comparison in constant time.

use aws_lc_rs::{digest, hkdf, hmac, pbkdf2 as kdf};
use std::num::NonZeroU32;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

pub fn sha256(message: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest::digest(&digest::SHA256, message).as_ref());
    out
}

pub fn hmac_sha256(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message).as_ref());
    out
}

/// HKDF-SHA-256 (RFC 5869): a key for one purpose from a master key.
pub fn derive_key(master: &[u8; 32], info: &[&[u8]]) -> Zeroizing<[u8; 32]> {
    let mut out = Zeroizing::new([0; 32]);
    hkdf::Salt::new(hkdf::HKDF_SHA256, &[])
        .extract(master)
        .expand(info, hkdf::HKDF_SHA256)
        .and_then(|key| key.fill(&mut *out))
        .expect("32 bytes are within what HKDF-SHA-256 gives");
    out
}

/// PBKDF2 (RFC 8018 §5.2) with HMAC-SHA-256 or HMAC-SHA-512. No round at all is one round.
pub fn pbkdf2(sha512: bool, rounds: u32, salt: &[u8], secret: &[u8], out: &mut [u8]) {
    let algorithm = if sha512 { kdf::PBKDF2_HMAC_SHA512 } else { kdf::PBKDF2_HMAC_SHA256 };
    kdf::derive(algorithm, NonZeroU32::new(rounds).unwrap_or(NonZeroU32::MIN), salt, secret, out);
}

/// Whether both are equal, in a time that depends on their lengths alone.
pub fn constant_time_eq(a: &[u8], b: &[u8]) -> bool {
    a.ct_eq(b).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 5869 appendix A.3: no salt, no info. Our master keys have 32 bytes, the vector's key 22, so the vector is run
    /// through the same primitive by hand.
    #[test]
    fn rfc5869_a3() {
        let mut out = [0; 32];
        let key = hkdf::Salt::new(hkdf::HKDF_SHA256, &[]).extract(&[0x0b; 22]);
        key.expand(&[], hkdf::HKDF_SHA256).unwrap().fill(&mut out).unwrap();
        assert_eq!(out[..4], [0x8d, 0xa4, 0xe7, 0x75]);
    }

    #[test]
    fn purposes_have_different_keys() {
        assert_ne!(*derive_key(&[1; 32], &[b"a"]), *derive_key(&[1; 32], &[b"b"]));
        assert_ne!(*derive_key(&[1; 32], &[b"a"]), *derive_key(&[2; 32], &[b"a"]));
    }

    /// RFC 4231 §4.3.
    #[test]
    fn rfc4231_test_case_2() {
        let mac = hmac_sha256(b"Jefe", b"what do ya want for nothing?");
        assert_eq!(mac[..4], [0x5b, 0xdc, 0xc1, 0x46]);
    }
}
