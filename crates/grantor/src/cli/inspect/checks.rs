//! What can be wrong with a token, each by itself, in plain words.

use super::claims::span;
use grantor_client::KeySet;
use grantor_core::Timestamp;
use grantor_core::jose::{Claims, JoseError, JwsHeader, UnverifiedJws, typ_is};
use grantor_core::token::AT_JWT;
use serde_json::{Map, Value};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Passed,
    Failed,
    Skipped,
}

impl Outcome {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "ok",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    pub name: &'static str,
    pub outcome: Outcome,
    pub says: String,
}

impl Check {
    pub const fn passed(name: &'static str, says: String) -> Self {
        Self { name, outcome: Outcome::Passed, says }
    }

    pub const fn failed(name: &'static str, says: String) -> Self {
        Self { name, outcome: Outcome::Failed, says }
    }

    pub const fn skipped(name: &'static str, says: String) -> Self {
        Self { name, outcome: Outcome::Skipped, says }
    }
}

/// Whether the issuer's key made the signature.
pub fn signature(jws: &UnverifiedJws<'_>, keys: &KeySet, issuer: &str) -> Check {
    const NAME: &str = "signature";
    let header = jws.header();
    let Some(kid) = header.kid.as_deref() else {
        return Check::failed(NAME, "the header does not say which key made it (kid)".into());
    };
    let Some(key) = keys.key(kid, header.alg) else {
        let why = if keys.has(kid) {
            format!("the key '{kid}' of {issuer} is not for {}", header.alg.as_str())
        } else {
            format!("{issuer} has no key '{kid}': the token is forged, from elsewhere, or older than the key's life")
        };
        return Check::failed(NAME, why);
    };
    match jws.verify(key) {
        Ok(_) => Check::passed(NAME, format!("made with {} by the key '{kid}' of {issuer}", header.alg.as_str())),
        Err(error) => Check::failed(NAME, format!("{error}: the token was changed, or the key '{kid}' never made it")),
    }
}

/// Whether it is an access token at all (RFC 9068 §2.1).
pub fn header(header: &JwsHeader) -> Check {
    match header.typ.as_deref() {
        Some(typ) if typ_is(typ, AT_JWT) => Check::passed("typ", "an access token (RFC 9068)".into()),
        Some(typ) => {
            Check::failed("typ", format!("'{typ}' is not at+jwt: APIs refuse it as an access token (RFC 9068)"))
        }
        None => Check::failed(
            "typ",
            "the header has none, so it may be any kind of JWT; APIs want at+jwt (RFC 9068)".into(),
        ),
    }
}

/// Whether the claims hold now. What they mean is said elsewhere.
pub fn claims(jws: &UnverifiedJws<'_>, issuer: Option<&str>, audience: Option<&str>, now: Timestamp) -> Vec<Check> {
    match jws.unverified_claims() {
        Ok(claims) => [
            check_issuer(&claims, issuer),
            check_audience(&claims, audience),
            expiry(&claims, now),
            start(&claims, "nbf", now),
            start(&claims, "iat", now),
            required(&claims),
        ]
        .into_iter()
        .flatten()
        .collect(),
        Err(error) => vec![Check::failed("claims", error.to_string())],
    }
}

fn check_issuer(claims: &Claims, issuer: Option<&str>) -> Option<Check> {
    let told = text_of(claims.opt_str("iss"));
    Some(match (told, issuer) {
        (Err(check), _) => return Some(Check { name: "iss", ..check }),
        (Ok(None), _) => return None,
        (Ok(Some(iss)), Some(issuer)) if iss == issuer => Check::passed("iss", "the issuer that you named".into()),
        (Ok(Some(iss)), Some(issuer)) => Check::failed("iss", format!("it is from {iss}, not from {issuer}")),
        (Ok(Some(iss)), None) => Check::skipped("iss", format!("{iss}, as the token itself says")),
    })
}

fn check_audience(claims: &Claims, audience: Option<&str>) -> Option<Check> {
    let wanted = audience?;
    Some(match text_of(claims.opt_strings("aud")) {
        Err(check) => Check { name: "aud", ..check },
        Ok(Some(aud)) if aud.iter().any(|name| name == wanted) => Check::passed("aud", format!("it is for {wanted}")),
        Ok(Some(aud)) => Check::failed("aud", format!("it is for {}, not for {wanted}", aud.join(" and "))),
        Ok(None) => Check::failed("aud", "it does not say for which API it is".into()),
    })
}

fn expiry(claims: &Claims, now: Timestamp) -> Option<Check> {
    Some(match text_of(claims.opt_time("exp")) {
        Err(check) => Check { name: "exp", ..check },
        Ok(Some(exp)) if exp <= now => Check::failed("exp", format!("it expired {} ago", span(now - exp))),
        Ok(Some(exp)) => Check::passed("exp", format!("it expires in {}", span(exp - now))),
        Ok(None) => return None,
    })
}

fn start(claims: &Claims, name: &'static str, now: Timestamp) -> Option<Check> {
    match text_of(claims.opt_time(name)) {
        Err(check) => Some(Check { name, ..check }),
        Ok(Some(at)) if at > now => {
            let why = format!("it begins in {}: it is not valid yet, or a clock is wrong", span(at - now));
            Some(Check::failed(name, why))
        }
        Ok(_) => None,
    }
}

/// RFC 9068 §2.2: what every access token names.
fn required(claims: &Claims) -> Option<Check> {
    let needed = ["iss", "sub", "aud", "exp", "iat", "jti", "client_id"];
    let missing: Vec<_> = needed.into_iter().filter(|name| claims.get(name).is_none()).collect();
    (!missing.is_empty()).then(|| {
        Check::failed(
            "claims",
            format!("{} missing, which RFC 9068 asks for: strict APIs refuse it", missing.join(", ")),
        )
    })
}

fn text_of<T>(read: Result<T, JoseError>) -> Result<T, Check> {
    read.map_err(|error| Check::failed("claims", error.to_string()))
}

/// What the issuer says (RFC 7662 §2.2).
pub fn active(answer: &Map<String, Value>) -> Check {
    const NAME: &str = "active";
    match answer.get("active") {
        Some(Value::Bool(true)) => Check::passed(NAME, "the issuer says that it is good now".into()),
        Some(Value::Bool(false)) => Check::failed(
            NAME,
            "the issuer says that it is not active: expired, revoked, not one of its own, or none of this client's business"
                .into(),
        ),
        _ => Check::failed(NAME, "the issuer's answer does not say".into()),
    }
}
