//! Tokens that are useless when stolen: bound to a key that the bearer has to prove (RFC 7800, RFC 8705 §3, RFC 9449).

mod dpop;
mod dpop_key;
mod htu;
mod nonce;
mod possession;

pub use dpop::{
    DPOP_JWT, DpopError, DpopErrorKind, DpopExpected, DpopProof, IAT_AHEAD_S, IAT_WINDOW_S, PROOF_MAX, VerifiedProof,
};
pub use dpop_key::DpopKey;
pub use nonce::Nonces;
pub use possession::Possession;

use crate::jose::{JoseError, b64url_decode, b64url_encode, sha256};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What a token is bound to: the members of `cnf` (RFC 7800 §3.1).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmation {
    /// Thumbprint of a DPoP key (RFC 9449 §6.1).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jkt: Option<String>,
    /// Thumbprint of a certificate (RFC 8705 §3.1).
    #[serde(rename = "x5t#S256", skip_serializing_if = "Option::is_none")]
    pub x5t_s256: Option<String>,
}

impl Confirmation {
    pub const fn is_empty(&self) -> bool {
        self.jkt.is_none() && self.x5t_s256.is_none()
    }

    /// The name in `token_type` of a token that is bound to this (RFC 9449 §5, RFC 6750).
    pub const fn token_type(&self) -> &'static str {
        if self.jkt.is_some() { "DPoP" } else { "Bearer" }
    }

    /// `cnf` among the claims of a token. A `cnf` that names nothing which can be checked here is an error: a token that is
    /// bound in another way must not pass for one that is not bound. Beside a known member, others are ignored (RFC 7800
    /// §3.1).
    pub fn from_claims(claims: &Value) -> Result<Option<Self>, JoseError> {
        let claims = claims.as_object().ok_or_else(|| JoseError::new("the claims are not a JSON object"))?;
        claims.get("cnf").map(Self::parse).transpose()
    }

    /// The value of a claim `cnf`, by the rules of [`Self::from_claims`].
    pub fn parse(cnf: &Value) -> Result<Self, JoseError> {
        let members = cnf.as_object().ok_or_else(|| JoseError::new("the claim cnf is not a JSON object"))?;
        let found = Self { jkt: thumbprint(members, "jkt")?, x5t_s256: thumbprint(members, "x5t#S256")? };
        if found.is_empty() {
            return Err(JoseError::new(
                "the claim cnf has neither jkt nor x5t#S256: its binding cannot be checked here",
            ));
        }
        Ok(found)
    }
}

/// A SHA-256 in base64url.
fn thumbprint(members: &Map<String, Value>, name: &str) -> Result<Option<String>, JoseError> {
    let Some(value) = members.get(name) else { return Ok(None) };
    value
        .as_str()
        .filter(|text| b64url_decode(text).is_ok_and(|bytes| bytes.len() == 32))
        .map(|text| Some(text.to_owned()))
        .ok_or_else(|| JoseError::new(format!("{name} in the claim cnf is not a SHA-256 thumbprint")))
}

/// What `ath` in a proof must be for this access token (RFC 9449 §4.2).
fn access_token_hash(access_token: &str) -> String {
    b64url_encode(&sha256(access_token.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const THUMBPRINT: &str = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";

    #[test]
    fn rfc7800_s3_1_what_is_written_is_read() {
        for (jkt, x5t_s256) in [(true, false), (false, true), (true, true)] {
            let text = |yes: bool| yes.then(|| THUMBPRINT.to_owned());
            let confirmation = Confirmation { jkt: text(jkt), x5t_s256: text(x5t_s256) };
            let claims = json!({ "cnf": confirmation });
            assert_eq!(Confirmation::from_claims(&claims).unwrap(), Some(confirmation), "{claims}");
        }
        assert_eq!(json!(Confirmation { jkt: Some("a".into()), x5t_s256: None }), json!({ "jkt": "a" }));
        assert_eq!(json!(Confirmation { jkt: None, x5t_s256: Some("a".into()) }), json!({ "x5t#S256": "a" }));
        assert_eq!(Confirmation::from_claims(&json!({})), Ok(None));
    }

    #[test]
    fn rfc7800_s3_1_a_binding_that_cannot_be_checked_is_no_absent_binding() {
        for cnf in [
            json!(null),
            json!({}),
            json!("x"),
            json!([]),
            json!({ "kid": "a" }),
            json!({ "jwk": { "kty": "EC" } }),
            json!({ "x5t": THUMBPRINT }),
            json!({ "JKT": THUMBPRINT }),
            json!({ "jkt": null }),
            json!({ "jkt": 1 }),
            json!({ "jkt": "" }),
            json!({ "jkt": "short" }),
            json!({ "jkt": format!("{THUMBPRINT}=") }),
            json!({ "jkt": THUMBPRINT, "x5t#S256": null }),
            json!({ "jkt": THUMBPRINT, "x5t#S256": "short" }),
        ] {
            assert!(Confirmation::from_claims(&json!({ "cnf": cnf })).is_err(), "{cnf}");
        }
        assert!(Confirmation::from_claims(&json!([])).is_err());
        let beside = json!({ "cnf": { "jkt": THUMBPRINT, "kid": "a" } });
        assert!(Confirmation::from_claims(&beside).unwrap().is_some());
    }
}
