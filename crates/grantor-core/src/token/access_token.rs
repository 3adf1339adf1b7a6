//! Access tokens that came back, checked whole: signature or seal, issuer, type and time (RFC 9068 §4).

use super::opaque::{Handle, HandleKey};
use super::{AT_JWT, TokenFormat};
use crate::Timestamp;
use crate::domain::Domain;
use crate::jose::{Claims, UnverifiedJws, VerifyingKey, typ_is};
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
        let no = |why: &dyn std::fmt::Display| NotAccepted(why.to_string());
        let jws = UnverifiedJws::parse(token).map_err(|error| no(&error))?;
        let header = jws.header();
        if !header.typ.as_deref().is_some_and(|typ| typ_is(typ, AT_JWT)) {
            return Err(no(&"typ is not at+jwt"));
        }
        let kid = header.kid.as_deref().ok_or_else(|| no(&"the header has no kid"))?;
        let key = key(kid).ok_or_else(|| no(&"its kid is none of this domain's keys"))?;
        let claims = jws.verify(key).map_err(|error| no(&error))?;
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
        let claims = Claims::parse(&json).map_err(|error| NotAccepted(error.to_string()))?;
        Self::from_claims(claims, TokenFormat::Opaque, domain, now)
    }

    fn from_claims(claims: Claims, format: TokenFormat, domain: &Domain, now: Timestamp) -> Result<Self, NotAccepted> {
        let no = |why: &dyn std::fmt::Display| NotAccepted(why.to_string());
        let text = |name: &'static str| match claims.opt_str(name) {
            Ok(Some(value)) => Ok(value.to_owned()),
            Ok(None) => Err(NotAccepted(format!("the claim {name} is missing"))),
            Err(error) => Err(no(&error)),
        };
        let time = |name: &'static str| match claims.opt_time(name) {
            Ok(Some(value)) => Ok(value),
            Ok(None) => Err(NotAccepted(format!("the claim {name} is missing"))),
            Err(error) => Err(no(&error)),
        };
        if text("iss")? != domain.issuer {
            return Err(no(&"iss is not this domain's issuer"));
        }
        let exp = time("exp")?;
        if now >= exp {
            return Err(NotAccepted(format!("it expired {} s ago", now - exp)));
        }
        Ok(Self {
            client_id: text("client_id")?,
            audience: claims.opt_strings("aud").map_err(|error| no(&error))?.unwrap_or_default(),
            jti: text("jti")?,
            iat: time("iat")?,
            exp,
            format,
            claims: claims.into_map(),
        })
    }
}
