//! Private keys: parsed once, bound to one algorithm, with the usual header encoded once.

use super::{Alg, JoseError, b64url_encode, b64url_encode_into};
use crate::jwk::Jwk;
use crate::token::AT_JWT;
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
    Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding, RsaKeyPair,
};
use serde_json::{Map, Value, json};
use std::sync::LazyLock;
use zeroize::Zeroizing;

/// Nonces and salts of signatures are the algorithms' own business, not the caller's.
#[expect(clippy::disallowed_methods, reason = "signature algorithms need randomness of their own")]
static RANDOM: LazyLock<SystemRandom> = LazyLock::new(SystemRandom::new);

pub struct SigningKey {
    alg: Alg,
    kid: String,
    pair: Pair,
    /// The header of access tokens, encoded, with the dot behind it.
    access_token_header: String,
}

pub(super) enum Pair {
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Rsa(RsaKeyPair, &'static dyn RsaEncoding),
}

impl SigningKey {
    /// A new key (RSA: 2048 bits) and its PKCS#8 form, named by its thumbprint (RFC 7638).
    pub fn generate(alg: Alg) -> Result<(Self, Zeroizing<Vec<u8>>), JoseError> {
        let failed = |_| JoseError::new("the key could not be made");
        let ecdsa = |algorithm| EcdsaKeyPair::generate(algorithm).and_then(|pair| pair.to_pkcs8v1()).map(bytes);
        let pkcs8 = match alg {
            Alg::ES256 => ecdsa(&ECDSA_P256_SHA256_FIXED_SIGNING),
            Alg::ES384 => ecdsa(&ECDSA_P384_SHA384_FIXED_SIGNING),
            Alg::EdDSA => Ed25519KeyPair::generate().and_then(|pair| pair.to_pkcs8v1()).map(bytes),
            Alg::RS256 | Alg::PS256 => RsaKeyPair::generate(KeySize::Rsa2048)
                .and_then(|pair| AsDer::<Pkcs8V1Der<'_>>::as_der(&pair))
                .map(|der| bytes(der.as_ref())),
        }
        .map_err(failed)?;
        Ok((Self::from_pair(alg, None, Pair::parse(alg, &pkcs8)?)?, pkcs8))
    }

    pub fn from_pkcs8(alg: Alg, kid: &str, pkcs8: &[u8]) -> Result<Self, JoseError> {
        Self::from_pair(alg, Some(kid), Pair::parse(alg, pkcs8)?)
    }

    pub(super) fn from_pair(alg: Alg, kid: Option<&str>, pair: Pair) -> Result<Self, JoseError> {
        let kid = match kid {
            Some(kid) => kid.to_owned(),
            None => pair.jwk()?.thumbprint(),
        };
        let access_token_header = header(AT_JWT, alg, &kid);
        Ok(Self { alg, kid, pair, access_token_header })
    }

    pub fn kid(&self) -> &str {
        &self.kid
    }

    pub const fn alg(&self) -> Alg {
        self.alg
    }

    /// The public half, as it is published: with `alg`, `kid` and `use`.
    pub fn public_jwk(&self) -> Result<Jwk, JoseError> {
        Ok(Jwk {
            alg: Some(self.alg.as_str().to_owned()),
            kid: Some(self.kid.clone()),
            use_: Some("sig".into()),
            ..self.pair.jwk()?
        })
    }

    /// A compact JWS with this `typ` over these claims, in one string that is allocated once.
    pub fn sign_jwt(&self, typ: &str, claims_json: &[u8]) -> Result<String, JoseError> {
        let other;
        let header = if typ == AT_JWT {
            &self.access_token_header
        } else {
            other = header(typ, self.alg, &self.kid);
            &other
        };
        self.sign_after(header, claims_json)
    }

    /// A compact JWS with a header of these members, such as `typ` and `jwk`; `alg` is always the key's own.
    pub fn sign_with_header(&self, members: &Map<String, Value>, claims_json: &[u8]) -> Result<String, JoseError> {
        let mut members = members.clone();
        members.insert("alg".into(), self.alg.as_str().into());
        self.sign_after(&encoded(&Value::Object(members)), claims_json)
    }

    /// `header` is encoded, with the dot behind it.
    fn sign_after(&self, header: &str, claims_json: &[u8]) -> Result<String, JoseError> {
        let mut jwt =
            String::with_capacity(header.len() + claims_json.len() * 4 / 3 + 4 + self.pair.encoded_signature_len());
        jwt.push_str(header);
        b64url_encode_into(claims_json, &mut jwt);
        self.pair.sign_onto(&mut jwt).map_err(|_| JoseError::new("the signature could not be made"))?;
        Ok(jwt)
    }
}

fn bytes(pkcs8: impl AsRef<[u8]>) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(pkcs8.as_ref().to_vec())
}

fn header(typ: &str, alg: Alg, kid: &str) -> String {
    encoded(&json!({ "typ": typ, "alg": alg, "kid": kid }))
}

fn encoded(header: &Value) -> String {
    b64url_encode(header.to_string().as_bytes()) + "."
}

impl Pair {
    fn parse(alg: Alg, pkcs8: &[u8]) -> Result<Self, JoseError> {
        let ecdsa =
            |algorithm: &'static EcdsaSigningAlgorithm| EcdsaKeyPair::from_pkcs8(algorithm, pkcs8).map(Self::Ecdsa);
        match alg {
            Alg::ES256 => ecdsa(&ECDSA_P256_SHA256_FIXED_SIGNING),
            Alg::ES384 => ecdsa(&ECDSA_P384_SHA384_FIXED_SIGNING),
            Alg::EdDSA => Ed25519KeyPair::from_pkcs8(pkcs8).map(Self::Ed25519),
            Alg::RS256 => RsaKeyPair::from_pkcs8(pkcs8).map(|pair| Self::Rsa(pair, &RSA_PKCS1_SHA256)),
            Alg::PS256 => RsaKeyPair::from_pkcs8(pkcs8).map(|pair| Self::Rsa(pair, &RSA_PSS_SHA256)),
        }
        .map_err(|_| JoseError::new(format!("it is not a private key for {} in PKCS#8", alg.as_str())))
    }

    fn jwk(&self) -> Result<Jwk, JoseError> {
        match self {
            Self::Ecdsa(pair) => Jwk::from_ec_point(pair.public_key().as_ref()),
            Self::Ed25519(pair) => Ok(Jwk::from_ed25519(pair.public_key().as_ref())),
            Self::Rsa(pair, _) => {
                let key = pair.public_key();
                Ok(Jwk::from_rsa(
                    key.modulus().big_endian_without_leading_zero(),
                    key.exponent().big_endian_without_leading_zero(),
                ))
            }
        }
    }

    fn encoded_signature_len(&self) -> usize {
        match self {
            Self::Ecdsa(_) | Self::Ed25519(_) => 130,
            Self::Rsa(pair, _) => pair.public_modulus_len() * 4 / 3 + 4,
        }
    }

    /// Signs what stands in `jwt`, and appends a dot and the signature. ECDSA as R‖S (RFC 7518 §3.4).
    fn sign_onto(&self, jwt: &mut String) -> Result<(), aws_lc_rs::error::Unspecified> {
        let append = |jwt: &mut String, signature: &[u8]| {
            jwt.push('.');
            b64url_encode_into(signature, jwt);
        };
        match self {
            Self::Ecdsa(pair) => {
                let signature = pair.sign(&*RANDOM, jwt.as_bytes())?;
                append(jwt, signature.as_ref());
            }
            Self::Ed25519(pair) => {
                let signature = pair.sign(jwt.as_bytes());
                append(jwt, signature.as_ref());
            }
            Self::Rsa(pair, encoding) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(*encoding, &*RANDOM, jwt.as_bytes(), &mut signature)?;
                append(jwt, &signature);
            }
        }
        Ok(())
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SigningKey").field("alg", &self.alg).field("kid", &self.kid).finish_non_exhaustive()
    }
}
