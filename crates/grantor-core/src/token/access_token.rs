//! Access tokens that came back, checked whole: signature or seal, issuer, type and time (RFC 9068 §4).

use super::opaque::{Handle, HandleKey};
use super::{AT_JWT, TokenFormat};
use crate::Timestamp;
use crate::binding::Confirmation;
use crate::domain::Domain;
use crate::jose::{Claims, JoseError, UnverifiedJws, VerifyingKey, typ_is};
use serde_json::{Map, Value};

/// An access token of this domain that is genuine and not expired. Whether it was revoked is for the server to know.
#[derive(Clone, Debug)]
pub struct AccessToken {
    pub client_id: String,
    pub audience: Vec<String>,
    pub jti: String,
    pub iat: Timestamp,
    pub exp: Timestamp,
    pub format: TokenFormat,
    /// What it is bound to (RFC 7800 §3.1).
    pub confirmation: Confirmation,
    pub claims: Map<String, Value>,
}

/// Why a string is no valid access token of this domain: for the operator, and for `grantor inspect`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotAccepted(pub String);

impl AccessToken {
    /// Checks a JWT of this domain. `key` finds one of the domain's keys by `kid`.
    pub fn verify_jwt<'k>(
        token: &str,
        domain: &Domain,
        now: Timestamp,
        key: impl FnOnce(&str) -> Option<&'k VerifyingKey>,
    ) -> Result<Self, NotAccepted> {
        let no = |why: &str| NotAccepted(why.into());
        let jws = UnverifiedJws::parse(token).map_err(NotAccepted::because)?;
        let header = jws.header();
        if !header.typ.as_deref().is_some_and(|typ| typ_is(typ, AT_JWT)) {
            return Err(no("typ is not at+jwt"));
        }
        let kid = header.kid.as_deref().ok_or_else(|| no("the header has no kid"))?;
        let key = key(kid).ok_or_else(|| no("its kid is none of this domain's keys"))?;
        let claims = jws.verify(key).map_err(NotAccepted::because)?;
        Self::from_claims(claims, TokenFormat::Jwt, domain, now)
    }

    /// Opens a sealed handle of this domain. `key` finds one of the domain's keys by id.
    pub fn open<'k>(
        handle: &Handle,
        domain: &Domain,
        now: Timestamp,
        key: impl FnOnce([u8; 4]) -> Option<&'k HandleKey>,
    ) -> Result<Self, NotAccepted> {
        let key = key(handle.key_id()).ok_or_else(|| NotAccepted("its key id is none of this domain's keys".into()))?;
        let json = key.open(&domain.name, handle).ok_or_else(|| NotAccepted("the seal is broken".into()))?;
        let claims = Claims::parse(&json).map_err(NotAccepted::because)?;
        Self::from_claims(claims, TokenFormat::Opaque, domain, now)
    }

    fn from_claims(claims: Claims, format: TokenFormat, domain: &Domain, now: Timestamp) -> Result<Self, NotAccepted> {
        if required("iss", claims.opt_str("iss"))? != domain.issuer {
            return Err(NotAccepted("iss is not this domain's issuer".into()));
        }
        let iat = required("iat", claims.opt_time("iat"))?;
        // A cap that was lowered since holds for it too: a revocation is remembered no longer than that.
        let cap = iat.saturating_add(domain.access_token_lifetime_max_s.into());
        let exp = required("exp", claims.opt_time("exp"))?.min(cap);
        if now >= exp {
            return Err(NotAccepted(format!("it expired {} s ago", now - exp)));
        }
        let client_id = required("client_id", claims.opt_str("client_id"))?.to_owned();
        let jti = required("jti", claims.opt_str("jti"))?.to_owned();
        let audience = required("aud", claims.opt_strings("aud"))?;
        let mut claims = claims.into_map();
        let confirmation = claims.get("cnf").map(Confirmation::parse).transpose().map_err(NotAccepted::because)?;
        claims.insert("exp".into(), exp.into());
        Ok(Self { client_id, audience, jti, iat, exp, format, confirmation: confirmation.unwrap_or_default(), claims })
    }
}

/// A claim of the wrong type is refused like one that is not there.
fn required<T>(name: &str, claim: Result<Option<T>, JoseError>) -> Result<T, NotAccepted> {
    claim.map_err(NotAccepted::because)?.ok_or_else(|| NotAccepted(format!("the claim {name} is missing")))
}

impl NotAccepted {
    fn because(error: JoseError) -> Self {
        Self(error.to_string())
    }
}
