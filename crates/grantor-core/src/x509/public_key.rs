//! The public key in a certificate, or in a file of its own, as a JWK.

use super::{X509Error, pem};
use crate::jwk::Jwk;
use x509_cert::der::asn1::{AnyRef, ObjectIdentifier, UintRef};
use x509_cert::der::{Decode, Reader, SliceReader, Tag, Tagged};
use x509_cert::spki::SubjectPublicKeyInfoOwned;

pub(super) const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// The one public key of a PEM text (RFC 7468 §13), without a name.
pub fn public_key_from_pem(text: &[u8]) -> Result<Jwk, X509Error> {
    let keys = pem::public_keys(text)?;
    let [key] = keys.as_slice() else {
        return Err(X509Error::new("there are several public keys in it; give one, or a JWK set"));
    };
    let usable = SubjectPublicKeyInfoOwned::from_der(key).ok().and_then(|key| jwk(&key));
    usable.ok_or_else(|| {
        X509Error::new("the public key cannot be used: it must be P-256, P-384, Ed25519, or RSA of 2048 to 8192 bits")
    })
}

/// `None` for kinds that registrations do not hold.
pub(super) fn jwk(key: &SubjectPublicKeyInfoOwned) -> Option<Jwk> {
    let bytes = key.subject_public_key.as_bytes()?;
    let jwk = match key.algorithm.oid {
        EC => Jwk::from_ec_point(bytes).ok()?,
        ED25519 => Jwk::from_ed25519(bytes),
        RSA => rsa(bytes).map(|(modulus, exponent)| Jwk::from_rsa(modulus, exponent))?,
        _ => return None,
    };
    jwk.material().is_ok().then_some(jwk)
}

/// Modulus and exponent of an RSAPublicKey (RFC 8017 appendix A.1.1).
pub(super) fn rsa(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let key = AnyRef::from_der(der).ok()?;
    key.tag().assert_eq(Tag::Sequence).ok()?;
    let mut reader = SliceReader::new(key.value()).ok()?;
    let modulus = UintRef::decode(&mut reader).ok()?;
    let exponent = UintRef::decode(&mut reader).ok()?;
    reader.is_finished().then(|| (modulus.as_bytes(), exponent.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_key_in_pem_becomes_a_jwk() {
        let jwk = |pem: &str| public_key_from_pem(pem.as_bytes()).map_err(|error| error.to_string());
        let p256 = "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE
axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54W
K84zV2sxXs7LtkBoN79R9Q==
-----END PUBLIC KEY-----
";
        let key = jwk(p256).unwrap();
        assert_eq!((key.kty.as_str(), key.crv.as_deref(), key.kid), ("EC", Some("P-256"), None));
        let ed25519 = "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=
-----END PUBLIC KEY-----
";
        assert_eq!(jwk(ed25519).unwrap().kty, "OKP");
        assert!(jwk(&p256.repeat(2)).unwrap_err().contains("several"));
        assert!(jwk("MFkw").unwrap_err().contains("no public key"));
        assert!(jwk(&p256.replace("MFkw", "MFkx")).unwrap_err().contains("cannot be used"));
        assert!(jwk("-----BEGIN PRIVATE KEY-----").unwrap_err().contains("private key"));
    }
}
