use super::dpop::DPOP_JWT;
use crate::Timestamp;
use crate::binding::access_token_hash;
use crate::jose::{JoseError, SigningKey};
use serde_json::{Map, Value, json};

/// A client's key for DPoP: it makes the proofs that [`super::DpopProof`] reads.
#[derive(Debug)]
pub struct DpopKey {
    key: SigningKey,
    jkt: String,
    /// `typ` and `jwk`.
    header: Map<String, Value>,
}

impl DpopKey {
    pub fn new(key: SigningKey) -> Result<Self, JoseError> {
        let mut jwk = key.public_jwk()?;
        (jwk.alg, jwk.kid, jwk.use_) = (None, None, None);
        let jkt = jwk.thumbprint();
        let header = [("typ".to_owned(), DPOP_JWT.into()), ("jwk".to_owned(), json!(jwk))].into_iter().collect();
        Ok(Self { key, jkt, header })
    }

    /// Thumbprint of the key (RFC 7638), as in `cnf.jkt`.
    pub fn jkt(&self) -> &str {
        &self.jkt
    }

    /// A proof for one request (RFC 9449 §4.2). `uri` may have a query and a fragment: they stay out of it. `jti` must be
    /// unique; §4.2 asks for 96 random bits at least. `access_token` is what the request carries, if it carries one.
    pub fn proof(
        &self,
        method: &str,
        uri: &str,
        access_token: Option<&str>,
        nonce: Option<&str>,
        jti: String,
        now: Timestamp,
    ) -> Result<String, JoseError> {
        let htu = uri.split(['?', '#']).next().unwrap_or_default();
        let mut claims = json!({ "jti": jti, "htm": method, "htu": htu, "iat": now });
        if let Some(access_token) = access_token {
            claims["ath"] = access_token_hash(access_token).into();
        }
        if let Some(nonce) = nonce {
            claims["nonce"] = nonce.into();
        }
        self.key.sign_with_header(&self.header, claims.to_string().as_bytes())
    }
}
