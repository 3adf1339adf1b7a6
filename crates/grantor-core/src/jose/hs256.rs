//! Compact JWS with HS256 (RFC 7518 §3.2), for `client_secret_jwt` alone. A type of its own, so that no public key can ever
//! be taken for a shared secret (RFC 8725 §3.1).

use super::jws::{Parts, text, understood};
use super::{Claims, JoseError, b64url_encode, b64url_encode_into, constant_time_eq, hmac_sha256};
use std::borrow::Cow;

/// `alg` of what this reads and writes.
pub const HS256: &str = "HS256";

pub struct UnverifiedHs256<'t> {
    typ: Option<String>,
    signing_input: Cow<'t, str>,
    payload: Vec<u8>,
    mac: Vec<u8>,
}

impl<'t> UnverifiedHs256<'t> {
    /// `None` if the header names another algorithm.
    pub fn parse(token: &'t str) -> Result<Option<Self>, JoseError> {
        let parts = Parts::of(token)?;
        if text(&parts.header, "alg")?.as_deref() != Some(HS256) {
            return Ok(None);
        }
        understood(&parts.header)?;
        Ok(Some(Self {
            typ: text(&parts.header, "typ")?,
            signing_input: Cow::Borrowed(parts.signing_input),
            payload: parts.payload,
            mac: parts.signature,
        }))
    }

    pub fn into_owned(self) -> UnverifiedHs256<'static> {
        UnverifiedHs256 { signing_input: Cow::Owned(self.signing_input.into_owned()), ..self }
    }

    pub fn typ(&self) -> Option<&str> {
        self.typ.as_deref()
    }

    /// The claims, if `secret` made the signature. The secret's octets are the key, as they are (OpenID Connect Core
    /// §10.1).
    pub fn verify(&self, secret: &[u8]) -> Result<Claims, JoseError> {
        if !constant_time_eq(&hmac_sha256(secret, self.signing_input.as_bytes()), &self.mac) {
            return Err(JoseError::new("its signature is wrong"));
        }
        Claims::parse(&self.payload)
    }

    /// The claims as anybody may have written them: for finding out whom to ask for a key, and for nothing else.
    pub fn unverified_claims(&self) -> Result<Claims, JoseError> {
        Claims::parse(&self.payload)
    }
}

impl std::fmt::Debug for UnverifiedHs256<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UnverifiedHs256").field("typ", &self.typ).finish_non_exhaustive()
    }
}

/// A compact JWS over these claims, with the secret's octets as key.
pub fn sign_hs256(typ: &str, claims_json: &[u8], secret: &[u8]) -> String {
    let header = serde_json::json!({ "typ": typ, "alg": HS256 }).to_string();
    let mut jwt = b64url_encode(header.as_bytes()) + ".";
    b64url_encode_into(claims_json, &mut jwt);
    let mac = hmac_sha256(secret, jwt.as_bytes());
    jwt.push('.');
    b64url_encode_into(&mac, &mut jwt);
    jwt
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_signed_verifies_under_the_same_secret_alone() {
        let jwt = sign_hs256("JWT", br#"{"a":1}"#, b"secret");
        let jws = UnverifiedHs256::parse(&jwt).unwrap().unwrap();
        assert_eq!(jws.verify(b"secret").unwrap().get("a"), Some(&1.into()));
        assert!(jws.verify(b"secreT").is_err());
        assert!(super::super::UnverifiedJws::parse(&jwt).is_err(), "it is no token for public keys");
    }
}
