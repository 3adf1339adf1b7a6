//! The only door to JOSE.
use crate::jwk::Jwk;
use aws_lc_rs::signature::{self, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Alg {
    #[default]
    ES256,
    ES384,
    EdDSA,
    RS256,
    PS256,
}
impl Alg {
    pub const ALL: [Self; 5] = [Self::ES256, Self::ES384, Self::EdDSA, Self::RS256, Self::PS256];
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ES256 => "ES256",
            Self::ES384 => "ES384",
            Self::EdDSA => "EdDSA",
            Self::RS256 => "RS256",
            Self::PS256 => "PS256",
        }
    }
}
impl std::str::FromStr for Alg {
    type Err = JoseError;
    fn from_str(s: &str) -> Result<Self, JoseError> {
        Self::ALL.into_iter().find(|a| a.as_str() == s).ok_or(JoseError("unknown alg".into()))
    }
}
#[derive(Debug)]
pub struct JoseError(String);
impl std::fmt::Display for JoseError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
impl std::error::Error for JoseError {}
fn e<T: std::fmt::Debug>(x: T) -> JoseError {
    JoseError(format!("{x:?}"))
}
#[derive(Debug)]
pub struct SigningKey {
    kid: String,
    head: String,
    key: signature::EcdsaKeyPair,
}
impl SigningKey {
    pub fn generate(_alg: Alg) -> Result<(Self, Zeroizing<Vec<u8>>), JoseError> {
        let k = signature::EcdsaKeyPair::generate(&signature::ECDSA_P256_SHA256_FIXED_SIGNING).map_err(e)?;
        let d = k.to_pkcs8v1().map_err(e)?.as_ref().to_vec();
        let kid = b64url_encode(&sha256(k.public_key().as_ref()));
        Ok((Self::from_pkcs8(Alg::ES256, &kid, &d)?, d.into()))
    }
    pub fn from_pkcs8(_alg: Alg, kid: &str, der: &[u8]) -> Result<Self, JoseError> {
        let key = signature::EcdsaKeyPair::from_pkcs8(&signature::ECDSA_P256_SHA256_FIXED_SIGNING, der).map_err(e)?;
        Ok(Self {
            kid: kid.into(),
            head: B64.encode(format!("{{\"typ\":\"at+jwt\",\"alg\":\"ES256\",\"kid\":\"{kid}\"}}")),
            key,
        })
    }
    pub fn kid(&self) -> &str {
        &self.kid
    }
    pub fn public_jwk(&self) -> Jwk {
        let p = self.key.public_key().as_ref();
        Jwk(
            serde_json::json!({"kty":"EC","crv":"P-256","alg":"ES256","use":"sig","kid":self.kid,"x":B64.encode(&p[1..33]),"y":B64.encode(&p[33..65])}),
            p.to_vec(),
        )
    }
    #[expect(clippy::disallowed_methods, reason = "stub")]
    pub fn sign_jwt(&self, _typ: &str, claims: &[u8]) -> Result<String, JoseError> {
        let mut s = self.head.clone();
        s.push('.');
        B64.encode_string(claims, &mut s);
        let sig = self.key.sign(&aws_lc_rs::rand::SystemRandom::new(), s.as_bytes()).map_err(e)?;
        s.push('.');
        B64.encode_string(sig.as_ref(), &mut s);
        Ok(s)
    }
}
#[derive(Debug, Clone)]
pub struct VerifyingKey(Vec<u8>);
impl VerifyingKey {
    pub fn from_jwk(j: &Jwk, _a: Alg) -> Result<Self, JoseError> {
        Ok(Self(j.1.clone()))
    }
}
pub struct Header {
    pub alg: Alg,
    pub kid: Option<String>,
    pub typ: Option<String>,
}
pub struct UnverifiedJws<'a> {
    header: Header,
    input: &'a str,
    claims: Vec<u8>,
    sig: Vec<u8>,
}
impl<'a> UnverifiedJws<'a> {
    pub fn parse(t: &'a str) -> Result<Self, JoseError> {
        let (input, s) = t.rsplit_once('.').ok_or(JoseError("not a JWS".into()))?;
        let (h, c) = input.split_once('.').ok_or(JoseError("not a JWS".into()))?;
        let h: Value = serde_json::from_slice(&B64.decode(h).map_err(e)?).map_err(e)?;
        Ok(Self {
            header: Header {
                alg: h["alg"].as_str().unwrap_or("").parse()?,
                kid: h["kid"].as_str().map(Into::into),
                typ: h["typ"].as_str().map(Into::into),
            },
            input,
            claims: B64.decode(c).map_err(e)?,
            sig: B64.decode(s).map_err(e)?,
        })
    }
    pub fn header(&self) -> &Header {
        &self.header
    }
    pub fn verify(&self, k: &VerifyingKey) -> Result<Claims, JoseError> {
        signature::UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, &k.0)
            .verify(self.input.as_bytes(), &self.sig)
            .map_err(e)?;
        Claims::parse(&self.claims)
    }
}
pub fn typ_is(a: &str, b: &str) -> bool {
    a.trim_start_matches("application/").eq_ignore_ascii_case(b)
}
pub struct Claims(Map<String, Value>);
impl Claims {
    pub fn parse(j: &[u8]) -> Result<Self, JoseError> {
        serde_json::from_slice(j).map(Self).map_err(e)
    }
    pub fn opt_str(&self, n: &str) -> Result<Option<&str>, JoseError> {
        Ok(self.0.get(n).and_then(Value::as_str))
    }
    pub fn opt_time(&self, n: &str) -> Result<Option<i64>, JoseError> {
        Ok(self.0.get(n).and_then(Value::as_i64))
    }
    pub fn opt_strings(&self, n: &str) -> Result<Option<Vec<String>>, JoseError> {
        Ok(match self.0.get(n) {
            Some(Value::String(s)) => Some(vec![s.clone()]),
            Some(Value::Array(a)) => Some(a.iter().filter_map(|v| v.as_str().map(Into::into)).collect()),
            _ => None,
        })
    }
    pub fn into_map(self) -> Map<String, Value> {
        self.0
    }
}
#[derive(Debug)]
pub struct SealingKey(Zeroizing<[u8; 32]>);
impl SealingKey {
    pub fn new(k: &[u8; 32]) -> Self {
        Self(Zeroizing::new(*k))
    }
    fn k(&self) -> aws_lc_rs::aead::LessSafeKey {
        use aws_lc_rs::aead as a;
        a::LessSafeKey::new(a::UnboundKey::new(&a::AES_256_GCM_SIV, &*self.0).expect("32"))
    }
    pub fn seal(&self, n: [u8; 12], aad: &[u8], p: &[u8]) -> Vec<u8> {
        use aws_lc_rs::aead as a;
        let mut v = p.to_vec();
        self.k().seal_in_place_append_tag(a::Nonce::assume_unique_for_key(n), a::Aad::from(aad), &mut v).expect("x");
        [&n[..], &v].concat()
    }
    pub fn open(&self, aad: &[u8], s: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        use aws_lc_rs::aead as a;
        let (n, c) = s.split_at_checked(12)?;
        let mut v = c.to_vec();
        let p = self
            .k()
            .open_in_place(a::Nonce::assume_unique_for_key(n.try_into().ok()?), a::Aad::from(aad), &mut v)
            .ok()?
            .to_vec();
        Some(p.into())
    }
}
pub fn derive_key(m: &[u8; 32], info: &[&[u8]]) -> Zeroizing<[u8; 32]> {
    Zeroizing::new(hmac_sha256(m, &info.concat()))
}
pub fn hmac_sha256(k: &[u8], m: &[u8]) -> [u8; 32] {
    use aws_lc_rs::hmac;
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, k), m).as_ref().try_into().expect("32")
}
pub fn sha256(m: &[u8]) -> [u8; 32] {
    aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, m).as_ref().try_into().expect("32")
}
pub fn constant_time_eq(a: &[u8], b: &[u8]) -> bool {
    use subtle::ConstantTimeEq;
    a.ct_eq(b).into()
}
pub fn b64url_encode(b: &[u8]) -> String {
    B64.encode(b)
}
pub fn b64url_encode_into(b: &[u8], s: &mut String) {
    B64.encode_string(b, s)
}
pub fn b64url_decode(s: &str) -> Result<Vec<u8>, JoseError> {
    B64.decode(s).map_err(e)
}
pub fn pbkdf2(sha512: bool, r: u32, salt: &[u8], s: &[u8], out: &mut [u8]) {
    use aws_lc_rs::pbkdf2 as p;
    p::derive(
        if sha512 { p::PBKDF2_HMAC_SHA512 } else { p::PBKDF2_HMAC_SHA256 },
        r.try_into().expect("nz"),
        salt,
        s,
        out,
    )
}
