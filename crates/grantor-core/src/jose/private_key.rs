//! Private keys as clients have them in files: PEM with PKCS#8 (RFC 5958), SEC 1 (RFC 5915) or PKCS#1 (RFC 8017) in it.

use super::sign::{Pair, SigningKey};
use super::{Alg, JoseError};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RSA_PKCS1_SHA256,
    RSA_PSS_SHA256, RsaEncoding, RsaKeyPair,
};
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::{PemObject, SectionKind};
use zeroize::Zeroizing;

/// Longest text that is looked at; an RSA key of 8192 bits takes 6,400 bytes.
const PEM_MAX: usize = 64 * 1024;

/// How an RSA key signs. Other kinds of key suit one algorithm only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RsaAlg {
    #[default]
    PS256,
    RS256,
}

impl SigningKey {
    /// The private key in a text, which may hold other things beside it, such as its certificate. The algorithm follows
    /// from the key. Without a name the key is named by its thumbprint (RFC 7638).
    pub fn from_pem(pem: &[u8], kid: Option<&str>, rsa: RsaAlg) -> Result<Self, JoseError> {
        let der = private_key(pem)?;
        let (alg, pair) = match &*der {
            PrivateKeyDer::Pkcs8(der) => any(der.secret_pkcs8_der(), rsa),
            PrivateKeyDer::Sec1(der) => ecdsa(der.secret_sec1_der()),
            PrivateKeyDer::Pkcs1(der) => RsaKeyPair::from_der(der.secret_pkcs1_der()).ok().map(|pair| rsa.pair(pair)),
            _ => None,
        }
        .ok_or_else(|| {
            JoseError::new(
                "the private key cannot be used: it must be P-256, P-384, Ed25519, or RSA of 2048 to 8192 bits",
            )
        })?;
        Self::from_pair(alg, kid, pair)
    }
}

fn private_key(pem: &[u8]) -> Result<Zeroizing<PrivateKeyDer<'static>>, JoseError> {
    if pem.len() > PEM_MAX {
        return Err(JoseError::new(format!("the text with the private key is longer than {PEM_MAX} bytes")));
    }
    let mut found = None;
    for section in <(SectionKind, Vec<u8>)>::pem_slice_iter(pem) {
        let (kind, der) = section.map_err(|_| JoseError::new("the private key is not PEM that can be read"))?;
        if let Some(key) = PrivateKeyDer::from_pem(kind, der)
            && found.replace(Zeroizing::new(key)).is_some()
        {
            return Err(JoseError::new("there are several private keys in it; give one"));
        }
    }
    // The label is not a kind that the reader knows, so it is passed over.
    let encrypted = pem.windows(17).any(|window| window == b"BEGIN ENCRYPTED P");
    found.ok_or_else(|| {
        JoseError::new(match encrypted {
            true => {
                "the private key is encrypted with a passphrase; decrypt it first (openssl pkey -in KEY -out PLAIN)"
            }
            false => {
                "there is no private key in it; PEM text has -----BEGIN PRIVATE KEY----- and -----END PRIVATE KEY-----"
            }
        })
    })
}

fn any(pkcs8: &[u8], rsa: RsaAlg) -> Option<(Alg, Pair)> {
    let ed25519 = || Ed25519KeyPair::from_pkcs8(pkcs8).ok().map(|pair| (Alg::EdDSA, Pair::Ed25519(pair)));
    let or_rsa = || RsaKeyPair::from_pkcs8(pkcs8).ok().map(|pair| rsa.pair(pair));
    ecdsa(pkcs8).or_else(ed25519).or_else(or_rsa)
}

fn ecdsa(der: &[u8]) -> Option<(Alg, Pair)> {
    [(Alg::ES256, &ECDSA_P256_SHA256_FIXED_SIGNING), (Alg::ES384, &ECDSA_P384_SHA384_FIXED_SIGNING)]
        .into_iter()
        .find_map(|(alg, curve)| Some((alg, Pair::Ecdsa(EcdsaKeyPair::from_private_key_der(curve, der).ok()?))))
}

impl RsaAlg {
    fn pair(self, pair: RsaKeyPair) -> (Alg, Pair) {
        let (alg, encoding): (_, &'static dyn RsaEncoding) = match self {
            Self::PS256 => (Alg::PS256, &RSA_PSS_SHA256),
            Self::RS256 => (Alg::RS256, &RSA_PKCS1_SHA256),
        };
        (alg, Pair::Rsa(pair, encoding))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::encoding::{AsDer, EcPrivateKeyRfc5915Der};
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    fn pem(label: &str, der: &[u8]) -> String {
        let text = STANDARD.encode(der);
        let lines: Vec<_> = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
        format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
    }

    #[test]
    fn rfc5958_the_algorithm_follows_from_the_key() {
        for alg in [Alg::ES256, Alg::ES384, Alg::EdDSA, Alg::PS256] {
            let (made, pkcs8) = SigningKey::generate(alg).unwrap();
            let text = format!("key of somebody\n{}", pem("PRIVATE KEY", &pkcs8));
            let read = SigningKey::from_pem(text.as_bytes(), None, RsaAlg::default()).unwrap();
            assert_eq!((read.alg(), read.kid()), (alg, made.kid()), "named by its thumbprint");
            let read = SigningKey::from_pem(text.as_bytes(), Some("k-1"), RsaAlg::RS256).unwrap();
            assert_eq!(read.kid(), "k-1");
            assert_eq!(read.alg(), if alg == Alg::PS256 { Alg::RS256 } else { alg });
        }
    }

    #[test]
    fn rfc5915_and_rfc8017_the_older_forms_are_read_too() {
        for (alg, curve) in
            [(Alg::ES256, &ECDSA_P256_SHA256_FIXED_SIGNING), (Alg::ES384, &ECDSA_P384_SHA384_FIXED_SIGNING)]
        {
            let pair = EcdsaKeyPair::generate(curve).unwrap();
            let der: EcPrivateKeyRfc5915Der<'_> = pair.private_key().as_der().unwrap();
            // As `openssl ecparam -genkey` writes it.
            let text = pem("EC PARAMETERS", b"\x06\x08") + &pem("EC PRIVATE KEY", der.as_ref());
            assert_eq!(SigningKey::from_pem(text.as_bytes(), None, RsaAlg::default()).unwrap().alg(), alg);
        }
        let (made, pkcs8) = SigningKey::generate(Alg::PS256).unwrap();
        // What PKCS#8 wraps around an RSA key of this size.
        let text = pem("RSA PRIVATE KEY", &pkcs8[26..]);
        let read = SigningKey::from_pem(text.as_bytes(), None, RsaAlg::default()).unwrap();
        assert_eq!((read.alg(), read.kid()), (Alg::PS256, made.kid()));
    }

    #[test]
    fn what_is_no_single_private_key_is_told_apart() {
        let pkcs8 = SigningKey::generate(Alg::ES256).unwrap().1;
        let good = pem("PRIVATE KEY", &pkcs8);
        for (text, why) in [
            (String::new(), "no private key"),
            (pem("CERTIFICATE", b"x"), "no private key"),
            (pem("ENCRYPTED PRIVATE KEY", b"x"), "passphrase"),
            (pem("PRIVATE KEY", b"x"), "cannot be used"),
            (pem("EC PRIVATE KEY", &pkcs8[..40]), "cannot be used"),
            (good.clone() + &good, "several"),
            (good[..60].to_owned(), "not PEM"),
            (" ".repeat(PEM_MAX + 1), "longer"),
        ] {
            let error = SigningKey::from_pem(text.as_bytes(), None, RsaAlg::default()).unwrap_err();
            assert!(error.to_string().contains(why), "{text}: {error}");
        }
    }
}
