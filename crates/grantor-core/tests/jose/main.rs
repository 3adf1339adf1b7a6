//! JOSE by RFC section, with the RFCs' own vectors and another library as oracle.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop here")]

mod oracle;
mod rfc7515;
mod rfc7517;
mod rfc7638;
mod rfc8037;
mod rfc8725;

use grantor_core::jose::{Alg, SigningKey, VerifyingKey, b64url_encode};

/// A fresh key and its public half.
fn key(alg: Alg) -> (SigningKey, VerifyingKey) {
    let (key, _) = SigningKey::generate(alg).unwrap();
    let public = VerifyingKey::from_jwk(&key.public_jwk().unwrap(), alg).unwrap();
    (key, public)
}

/// A JWS with this header, signed rightly.
fn with_header(header: &str, key: &SigningKey) -> String {
    let signed = key.sign_jwt("at+jwt", b"{}").unwrap();
    let mut parts = signed.split('.').skip(1);
    // The signature is for another header: what is tested with it must fail before, or for that reason.
    format!("{}.{}.{}", b64url_encode(header.as_bytes()), parts.next().unwrap(), parts.next().unwrap())
}
