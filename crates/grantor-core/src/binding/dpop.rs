//! DPoP proofs (RFC 9449): what they are, and the checks of §4.3.

use super::{Nonces, access_token_hash, htu};
use crate::Timestamp;
use crate::error::{ErrorCode, OAuthError, cleaned, quote};
use crate::jose::{Claims, JoseError, UnverifiedJws, VerifyingKey, constant_time_eq, typ_is};
use crate::jwk::Jwk;
use http::HeaderMap;
use std::fmt;

/// Media type of proofs, in `typ` (RFC 9449 §4.2).
pub const DPOP_JWT: &str = "dpop+jwt";
/// Longest proof that is looked at, in characters. With an RSA key of 8192 bits one has about 3,000.
pub const PROOF_MAX: usize = 8 * 1024;
/// How old a proof may be, in seconds, if nothing else is said.
pub const IAT_WINDOW_S: i64 = 60;
/// How far the client's clock may be ahead, in seconds, if nothing else is said.
pub const IAT_AHEAD_S: i64 = 10;
/// Longest `jti`, in octets.
const JTI_MAX: usize = 256;

/// A proof whose signature is not verified yet.
#[derive(Debug)]
pub struct DpopProof {
    jws: UnverifiedJws<'static>,
    key: VerifyingKey,
    jkt: String,
}

/// What the request was that carried the proof, and what the server asks for.
#[derive(Clone, Copy, Debug)]
pub struct DpopExpected<'a> {
    pub method: &'a str,
    /// The URIs by which the request may have been sent: any of them will do.
    pub uris: &'a [&'a str],
    pub now: Timestamp,
    /// How old the proof may be.
    pub iat_window_s: i64,
    /// How far the client's clock may be ahead.
    pub iat_ahead_s: i64,
    /// The access token of the request. With it, `ath` is due (§4.3 check 12); without it, `ath` is ignored.
    pub access_token: Option<&'a str>,
    /// Thumbprint of the key that the token is bound to.
    pub jkt: Option<&'a str>,
    pub nonces: Option<&'a Nonces>,
    /// Whose nonces: a name that no other server with the same key uses.
    pub nonce_domain: &'a str,
    pub nonce_required: bool,
}

impl<'a> DpopExpected<'a> {
    /// A request without a token, in the usual window, without nonces.
    pub const fn new(method: &'a str, uris: &'a [&'a str], now: Timestamp) -> Self {
        Self {
            method,
            uris,
            now,
            iat_window_s: IAT_WINDOW_S,
            iat_ahead_s: IAT_AHEAD_S,
            access_token: None,
            jkt: None,
            nonces: None,
            nonce_domain: "",
            nonce_required: false,
        }
    }
}

/// A proof that passed every check but one: whether its `jti` was seen before is for whoever remembers (§4.3, §11.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedProof {
    /// Thumbprint of the proof's key (RFC 7638).
    pub jkt: String,
    /// Unique only together with `jkt`: another client may choose the same one.
    pub jti: String,
    pub iat: Timestamp,
    /// From then on the proof is refused by its `iat` anyway.
    pub spend_until: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DpopErrorKind {
    /// `invalid_dpop_proof` (§5, §7.1).
    Invalid,
    /// `use_dpop_nonce`: the client shall try again with the nonce that the answer carries (§8, §9).
    UseNonce,
}

/// Why a proof is refused. For operators: it repeats no part of the proof but short, cleaned names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DpopError {
    pub kind: DpopErrorKind,
    /// A short fixed name, such as `dpop_expired`.
    pub reason: &'static str,
    /// What was found and what was expected.
    pub detail: String,
}

type Result<T> = std::result::Result<T, DpopError>;

impl DpopProof {
    /// The proof of a request, if it carries one. More than one is an error (§4.3 check 1).
    pub fn from_headers(headers: &HeaderMap) -> Result<Option<Self>> {
        let mut values = headers.get_all("dpop").iter();
        match (values.next(), values.next()) {
            (None, _) => Ok(None),
            (Some(value), None) => {
                let text = value.to_str().map_err(|_| invalid("dpop_malformed", "the DPoP header is not ASCII"))?;
                Self::parse(text).map(Some)
            }
            _ => Err(invalid("dpop_repeated", "the request has more than one DPoP header")),
        }
    }

    /// Checks form, type, algorithm and key (§4.3 checks 2, 4, 5 and 7).
    pub fn parse(header: &str) -> Result<Self> {
        if header.len() > PROOF_MAX {
            let detail = format!("the proof has {} characters, more than {PROOF_MAX}", header.len());
            return Err(invalid("dpop_malformed", detail));
        }
        let (jws, jwk) = UnverifiedJws::parse_with_jwk(header).map_err(malformed)?;
        match jws.header().typ.as_deref() {
            Some(typ) if typ_is(typ, DPOP_JWT) => {}
            Some(typ) => return Err(invalid("dpop_typ", format!("typ was '{}', expected {DPOP_JWT}", quote(typ)))),
            None => return Err(invalid("dpop_typ", format!("typ is missing, expected {DPOP_JWT}"))),
        }
        let jwk = jwk.ok_or_else(|| invalid("dpop_key", "the proof's header has no jwk"))?;
        let bad_key = |error: JoseError| invalid("dpop_key", format!("jwk in the proof's header: {error}"));
        let jwk = Jwk::parse(&jwk).map_err(bad_key)?;
        let key = VerifyingKey::from_jwk(&jwk, jws.header().alg).map_err(bad_key)?;
        Ok(Self { jws: jws.into_owned(), key, jkt: jwk.thumbprint() })
    }

    /// The other checks of §4.3: the signature first, since nothing else is worth a word without it.
    pub fn verify(&self, expected: &DpopExpected<'_>) -> Result<VerifiedProof> {
        let claims = self.jws.verify(&self.key).map_err(|error| invalid("dpop_signature", error.to_string()))?;
        let jti = text(&claims, "jti")?;
        if !(1..=JTI_MAX).contains(&jti.len()) {
            let detail = format!("jti has {} octets, expected 1 to {JTI_MAX}", jti.len());
            return Err(invalid("dpop_claims", detail));
        }
        check_request(&claims, expected)?;
        check_nonce(&claims, expected)?;
        let iat = check_time(&claims, expected)?;
        self.check_token(&claims, expected)?;
        let spend_until = iat.saturating_add(expected.iat_window_s).saturating_add(1);
        Ok(VerifiedProof { jkt: self.jkt.clone(), jti: jti.to_owned(), iat, spend_until })
    }

    /// §4.3 check 12: the proof was made for this token, and the token for this key.
    fn check_token(&self, claims: &Claims, expected: &DpopExpected<'_>) -> Result<()> {
        if let Some(access_token) = expected.access_token {
            let ath = claims.opt_str("ath").map_err(wrong)?;
            let ath = ath.ok_or_else(|| invalid("dpop_ath", "the claim ath is missing"))?;
            if !constant_time_eq(ath.as_bytes(), access_token_hash(access_token).as_bytes()) {
                return Err(invalid("dpop_ath", "ath is not the hash of the access token in this request"));
            }
        }
        if let Some(bound) = expected.jkt
            && bound != self.jkt
        {
            let detail = format!("the proof is by key {}, the token is bound to key {}", self.jkt, quote(bound));
            return Err(invalid("dpop_binding", detail));
        }
        Ok(())
    }
}

/// §4.3 checks 8 and 9.
fn check_request(claims: &Claims, expected: &DpopExpected<'_>) -> Result<()> {
    let htm = text(claims, "htm")?;
    if htm != expected.method {
        let detail = format!("htm was '{}', expected {}", quote(htm), quote(expected.method));
        return Err(invalid("dpop_htm", detail));
    }
    let written = text(claims, "htu")?;
    let Some(htu) = htu::normalised(written) else {
        return Err(invalid("dpop_htu", format!("htu was '{}', which is not an http or https URI", quote(written))));
    };
    if !expected.uris.iter().any(|uri| htu::normalised(uri).as_ref() == Some(&htu)) {
        let uris: Vec<_> = expected.uris.iter().map(|uri| quote(uri)).collect();
        return Err(invalid("dpop_htu", format!("htu was '{}', expected {}", quote(&htu), uris.join(" or "))));
    }
    Ok(())
}

/// §4.3 check 10.
fn check_nonce(claims: &Claims, expected: &DpopExpected<'_>) -> Result<()> {
    let use_nonce =
        |detail: &str| DpopError { kind: DpopErrorKind::UseNonce, reason: "dpop_nonce", detail: detail.to_owned() };
    let nonce = claims.opt_str("nonce").map_err(wrong)?;
    match (nonce, expected.nonces) {
        (Some(nonce), Some(nonces)) if nonces.check(expected.nonce_domain, nonce, expected.now) => Ok(()),
        (Some(_), Some(_)) => Err(use_nonce("the nonce is too old, or none of this server's")),
        _ if expected.nonce_required => Err(use_nonce("the proof has no nonce, and one is required here")),
        _ => Ok(()),
    }
}

/// §4.3 check 11 by `iat`, and `exp` and `nbf` where a client adds them (RFC 7519 §4.1).
fn check_time(claims: &Claims, expected: &DpopExpected<'_>) -> Result<Timestamp> {
    let time = |name| claims.opt_time(name).map_err(wrong);
    let now = expected.now;
    let iat = time("iat")?.ok_or_else(|| missing("iat"))?;
    let (age, window) = (now.saturating_sub(iat), expected.iat_window_s);
    if age > window {
        return Err(invalid("dpop_expired", format!("iat was {age} s ago, at most {window} s are accepted")));
    }
    for name in ["iat", "nbf"] {
        let ahead = time(name)?.map_or(0, |at| at.saturating_sub(now));
        if ahead > expected.iat_ahead_s {
            let detail = format!("{name} is {ahead} s ahead, at most {} s are accepted", expected.iat_ahead_s);
            return Err(invalid("dpop_early", detail));
        }
    }
    if let Some(exp) = time("exp")?
        && now >= exp
    {
        return Err(invalid("dpop_expired", format!("exp was {} s ago", now.saturating_sub(exp))));
    }
    Ok(iat)
}

fn text<'c>(claims: &'c Claims, name: &'static str) -> Result<&'c str> {
    claims.opt_str(name).map_err(wrong)?.ok_or_else(|| missing(name))
}

fn missing(name: &str) -> DpopError {
    invalid("dpop_claims", format!("the claim {name} is missing"))
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn wrong(error: JoseError) -> DpopError {
    invalid("dpop_claims", error.to_string())
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn malformed(error: JoseError) -> DpopError {
    invalid("dpop_malformed", format!("the proof: {error}"))
}

fn invalid(reason: &'static str, detail: impl Into<String>) -> DpopError {
    DpopError { kind: DpopErrorKind::Invalid, reason, detail: detail.into() }
}

impl fmt::Display for DpopError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.reason, self.detail)
    }
}

impl std::error::Error for DpopError {}

/// The refusal at the token endpoint (RFC 9449 §5, §8). The client made the proof, so it may know what is wrong with it.
impl From<DpopError> for OAuthError {
    fn from(error: DpopError) -> Self {
        let (code, public) = match error.kind {
            DpopErrorKind::Invalid => {
                (ErrorCode::InvalidDpopProof, format!("the DPoP proof is not valid: {}", cleaned(&error.detail, 256)))
            }
            DpopErrorKind::UseNonce => {
                (ErrorCode::UseDpopNonce, "make a new DPoP proof with the nonce in the DPoP-Nonce header".into())
            }
        };
        Self::new(code, public).because(error.reason, error.detail)
    }
}
