//! Public keys: parsed and checked once, bound to one algorithm.

use super::{Alg, JoseError};
use crate::jwk::{Jwk, KeyMaterial};
use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
    RSA_PSS_2048_8192_SHA256, RsaPublicKeyComponents, VerificationAlgorithm,
};

#[derive(Clone)]
pub struct VerifyingKey {
    alg: Alg,
    key: std::sync::Arc<ParsedPublicKey>,
}

impl VerifyingKey {
    /// The key must suit `alg`, and `alg` what the key says of itself.
    pub fn from_jwk(jwk: &Jwk, alg: Alg) -> Result<Self, JoseError> {
        if jwk.alg.as_deref().is_some_and(|own| own.parse().ok() != Some(alg)) {
            return Err(JoseError::new(format!("the key is not for {}", alg.as_str())));
        }
        if jwk.use_.as_deref().is_some_and(|purpose| purpose != "sig") {
            return Err(JoseError::new("the key is not for signatures"));
        }
        let parse = |algorithm: &'static dyn VerificationAlgorithm, bytes: &[u8]| {
            ParsedPublicKey::new(algorithm, bytes).map_err(|_| JoseError::new("the key is malformed or too weak"))
        };
        let key = match (alg, jwk.material()?) {
            (Alg::ES256, KeyMaterial::P256(point)) => parse(&ECDSA_P256_SHA256_FIXED, &point),
            (Alg::ES384, KeyMaterial::P384(point)) => parse(&ECDSA_P384_SHA384_FIXED, &point),
            (Alg::EdDSA, KeyMaterial::Ed25519(bytes)) => parse(&ED25519, &bytes),
            (Alg::RS256 | Alg::PS256, KeyMaterial::Rsa { n, e }) => {
                let algorithm = if alg == Alg::RS256 { &RSA_PKCS1_2048_8192_SHA256 } else { &RSA_PSS_2048_8192_SHA256 };
                let der: PublicKeyX509Der<'_> = RsaPublicKeyComponents { n: &n[..], e: &e[..] }
                    .as_der()
                    .map_err(|_| JoseError::new("the RSA key is malformed"))?;
                parse(algorithm, der.as_ref())
            }
            _ => Err(JoseError::new(format!("the kind of key is not the one for {}", alg.as_str()))),
        }?;
        Ok(Self { alg, key: std::sync::Arc::new(key) })
    }

    pub const fn alg(&self) -> Alg {
        self.alg
    }

    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), JoseError> {
        self.key.verify_sig(message, signature).map_err(|_| JoseError::new("its signature is wrong"))
    }
}

impl std::fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VerifyingKey").field("alg", &self.alg).finish_non_exhaustive()
    }
}
