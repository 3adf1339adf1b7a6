//! Compact JWS (RFC 7515 §7.1), taken apart strictly. Its claims stay out of reach until the signature is verified.

use super::{Alg, Claims, JoseError, VerifyingKey, b64url_decode, strict_json};
use serde_json::{Map, Value};
use std::borrow::Cow;

/// Longest token that is looked at, in characters.
pub const JWS_MAX: usize = 16 * 1024;

/// The parts of the header that are used. `jwk`, `jku`, `x5u` and `x5c` are not even read: a token does not say which
/// key to trust it by (RFC 8725 §3.10). [`UnverifiedJws::parse_with_jwk`] is the one exception.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JwsHeader {
    pub alg: Alg,
    pub kid: Option<String>,
    pub typ: Option<String>,
}

pub struct UnverifiedJws<'t> {
    header: JwsHeader,
    signing_input: Cow<'t, str>,
    payload: Vec<u8>,
    signature: Vec<u8>,
}

impl<'t> UnverifiedJws<'t> {
    pub fn parse(token: &'t str) -> Result<Self, JoseError> {
        Self::of(Parts::of(token)?)
    }

    /// Also the key that the header holds, not looked at yet: for DPoP proofs (RFC 9449 §4.2), whose signature says that
    /// somebody has that key, and nothing of who that is.
    pub fn parse_with_jwk(token: &'t str) -> Result<(Self, Option<Value>), JoseError> {
        let mut parts = Parts::of(token)?;
        let jwk = parts.header.remove("jwk");
        Ok((Self::of(parts)?, jwk))
    }

    fn of(parts: Parts<'t>) -> Result<Self, JoseError> {
        Ok(Self {
            header: parse_header(&parts.header)?,
            signing_input: Cow::Borrowed(parts.signing_input),
            payload: parts.payload,
            signature: parts.signature,
        })
    }

    pub fn into_owned(self) -> UnverifiedJws<'static> {
        UnverifiedJws { signing_input: Cow::Owned(self.signing_input.into_owned()), ..self }
    }

    pub const fn header(&self) -> &JwsHeader {
        &self.header
    }

    /// The claims, if `key` made the signature. The key's algorithm counts; the header must agree (RFC 8725 §3.1).
    pub fn verify(&self, key: &VerifyingKey) -> Result<Claims, JoseError> {
        if self.header.alg != key.alg() {
            return Err(JoseError::new(format!(
                "its alg is {}, but its key is for {}",
                self.header.alg.as_str(),
                key.alg().as_str()
            )));
        }
        key.verify(self.signing_input.as_bytes(), &self.signature)?;
        Claims::parse(&self.payload)
    }

    /// The claims as anybody may have written them: for finding out whom to ask for a key, and for nothing else.
    pub fn unverified_claims(&self) -> Result<Claims, JoseError> {
        Claims::parse(&self.payload)
    }
}

impl std::fmt::Debug for UnverifiedJws<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UnverifiedJws").field("header", &self.header).finish_non_exhaustive()
    }
}

/// The three parts of a compact JWS, decoded.
pub(super) struct Parts<'t> {
    pub(super) header: Map<String, Value>,
    pub(super) signing_input: &'t str,
    pub(super) payload: Vec<u8>,
    pub(super) signature: Vec<u8>,
}

impl<'t> Parts<'t> {
    pub(super) fn of(token: &'t str) -> Result<Self, JoseError> {
        if token.len() > JWS_MAX {
            return Err(JoseError::new(format!("it is longer than {JWS_MAX} characters")));
        }
        let mut parts = token.splitn(4, '.');
        let (Some(header), Some(payload), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(JoseError::new("it does not have the three parts of a signed JWT"));
        };
        Ok(Self {
            header: strict_json::object(&b64url_decode(header)?)?,
            signing_input: &token[..header.len() + 1 + payload.len()],
            payload: b64url_decode(payload)?,
            signature: b64url_decode(signature)?,
        })
    }
}

fn parse_header(header: &Map<String, Value>) -> Result<JwsHeader, JoseError> {
    understood(header)?;
    let alg = text(header, "alg")?.ok_or_else(|| JoseError::new("its header has no alg"))?;
    Ok(JwsHeader { alg: alg.parse()?, kid: text(header, "kid")?, typ: text(header, "typ")? })
}

pub(super) fn understood(header: &Map<String, Value>) -> Result<(), JoseError> {
    // Nothing that could be critical is understood here (RFC 7515 §4.1.11), and b64 is nothing for JWTs (RFC 7797 §7).
    for name in ["crit", "b64", "zip", "enc"] {
        if header.contains_key(name) {
            return Err(JoseError::new(format!("its header has {name}, which is not understood here")));
        }
    }
    Ok(())
}

pub(super) fn text(header: &Map<String, Value>, name: &str) -> Result<Option<String>, JoseError> {
    match header.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(JoseError::new(format!("{name} in its header is not a string"))),
    }
}

/// Whether a `typ` names this media type: without case, `application/` may be left out (RFC 7515 §4.1.9).
pub fn typ_is(typ: &str, media_type: &str) -> bool {
    const PREFIX: &str = "application/";
    let short = match typ.split_at_checked(PREFIX.len()) {
        Some((prefix, rest)) if prefix.eq_ignore_ascii_case(PREFIX) => rest,
        _ => typ,
    };
    short.eq_ignore_ascii_case(media_type)
}
