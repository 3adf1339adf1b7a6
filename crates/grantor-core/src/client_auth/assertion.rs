//! `private_key_jwt` and `client_secret_jwt` (RFC 7521, RFC 7523, OpenID Connect Core §9), with the audience as
//! draft-ietf-oauth-rfc7523bis has it.

use super::verify::{Caller, Checks, Found, admit, known, refused};
use super::{ClientAuth, FetchProblem, Method};
use crate::Timestamp;
use crate::client::{CLIENT_ID_MAX, Client, Credential, CredentialKind};
use crate::error::{ErrorCode, OAuthError, Result, quote};
use crate::jose::{Alg, Claims, HS256, JoseError, UnverifiedHs256, UnverifiedJws, typ_is};
use crate::metadata::TOKEN_PATH;
use crate::secret::is_vschar;

/// The one value of `client_assertion_type` (RFC 7523 §2.2).
pub const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// `typ` of an assertion (rfc7523bis). Its absence is accepted, another type is not (RFC 8725 §3.11).
pub const CLIENT_AUTHENTICATION_JWT: &str = "client-authentication+jwt";
/// How far clocks may be apart, in seconds: into the future for `iat` and `nbf`, and beyond the longest lifetime.
pub const CLOCK_SKEW_S: i64 = 60;
/// Longest `jti`, in characters.
pub const JTI_MAX: usize = 256;

/// A signed assertion. Its signature is not verified yet.
#[derive(Debug)]
pub struct Assertion {
    jws: Jws,
    client_id: String,
}

#[derive(Debug)]
enum Jws {
    Signed(UnverifiedJws<'static>),
    Hs256(UnverifiedHs256<'static>),
}

/// What a client uses up by proving itself: an assertion is good for one request (RFC 7523 §3 item 7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpendOnce {
    pub jti: String,
    /// From then on the assertion is refused by its `exp` anyway.
    pub until: Timestamp,
}

pub(super) fn parse(
    assertion_type: Option<&str>,
    assertion: Option<&str>,
    client_id: Option<&str>,
) -> Result<ClientAuth> {
    let (Some(assertion_type), Some(assertion)) = (assertion_type, assertion) else {
        return Err(OAuthError::invalid_request("client_assertion and client_assertion_type go together; send both")
            .because("assertion_incomplete", "one of client_assertion and client_assertion_type is missing"));
    };
    if assertion_type != JWT_BEARER {
        return Err(OAuthError::new(ErrorCode::InvalidClient, format!("client_assertion_type must be {JWT_BEARER}"))
            .because("assertion_type", format!("client_assertion_type was '{}'", quote(assertion_type))));
    }
    let malformed = |error: JoseError| malformed(&error.to_string());
    let (jws, claims) = match UnverifiedHs256::parse(assertion).map_err(malformed)? {
        Some(jws) => {
            let claims = jws.unverified_claims().map_err(malformed)?;
            (Jws::Hs256(jws.into_owned()), claims)
        }
        None => {
            let jws = UnverifiedJws::parse(assertion).map_err(malformed)?;
            let claims = jws.unverified_claims().map_err(malformed)?;
            (Jws::Signed(jws.into_owned()), claims)
        }
    };
    let sub = claims.opt_str("sub").map_err(malformed)?.ok_or_else(|| self::malformed("the claim sub is missing"))?;
    if !is_vschar(sub, CLIENT_ID_MAX) {
        return Err(self::malformed("its sub is no client_id (RFC 6749 appendix A.1)"));
    }
    if let Some(id) = client_id.filter(|id| *id != sub) {
        return Err(OAuthError::new(ErrorCode::InvalidClient, "client_id differs from the sub of client_assertion")
            .because("client_ids_differ", format!("client_id was '{}', sub was '{}'", quote(id), quote(sub))));
    }
    Ok(ClientAuth::Assertion(Box::new(Assertion { client_id: sub.to_owned(), jws })))
}

fn malformed(what: &str) -> OAuthError {
    OAuthError::new(ErrorCode::InvalidClient, "client_assertion is not a JWT that can be read here")
        .because("assertion_malformed", format!("client_assertion: {what}"))
}

/// Whether the proof is right cannot be told.
pub(super) fn keys_away(problem: &FetchProblem) -> OAuthError {
    OAuthError::new(ErrorCode::TemporarilyUnavailable, "the client's keys cannot be fetched now; try again")
        .because(problem.reason, problem.detail.clone())
        .retry_after(5)
}

impl Assertion {
    pub(super) fn client_id(&self) -> &str {
        &self.client_id
    }

    pub(super) const fn method(&self) -> Method {
        match self.jws {
            Jws::Signed(_) => Method::PrivateKeyJwt,
            Jws::Hs256(_) => Method::ClientSecretJwt,
        }
    }

    /// The name of the key and the algorithm, where a public key is due.
    pub(super) fn key_wanted(&self) -> Option<(Option<&str>, Alg)> {
        match &self.jws {
            Jws::Signed(jws) => Some((jws.header().kid.as_deref(), jws.header().alg)),
            Jws::Hs256(_) => None,
        }
    }

    fn alg(&self) -> &'static str {
        match &self.jws {
            Jws::Signed(jws) => jws.header().alg.as_str(),
            Jws::Hs256(_) => HS256,
        }
    }

    fn typ(&self) -> Option<&str> {
        match &self.jws {
            Jws::Signed(jws) => jws.header().typ.as_deref(),
            Jws::Hs256(jws) => jws.typ(),
        }
    }

    pub(super) fn check<'c>(&self, client: Option<&'c Client>, checks: &Checks<'_>) -> Result<Caller<'c>> {
        let client = known(client, &self.client_id)?;
        if let Some(pinned) = &client.metadata.token_endpoint_auth_signing_alg
            && pinned != self.alg()
        {
            return Err(refused(
                "assertion_alg",
                format!("assertion alg was {}, expected {pinned} (token_endpoint_auth_signing_alg)", self.alg()),
            ));
        }
        let (credential, claims) = match &self.jws {
            Jws::Signed(jws) => self.signed_by(jws, client, checks)?,
            Jws::Hs256(jws) => Self::made_with(jws, client, checks.now)?,
        };
        let found = Found { credential, method: self.method(), what: "the assertion's key" };
        let caller = admit(client, found, checks.now)?;
        let (spend, audience_allowance) = self.accept(&claims, client, checks)?;
        Ok(caller.with_assertion(spend, audience_allowance))
    }

    /// The credential whose key made the signature, and the claims beneath it. A usable credential goes before others.
    fn signed_by<'c>(
        &self,
        jws: &UnverifiedJws<'_>,
        client: &'c Client,
        checks: &Checks<'_>,
    ) -> Result<(&'c Credential, Claims)> {
        let (kid, alg) = (jws.header().kid.as_deref(), jws.header().alg);
        let mut wrong: Option<JoseError> = None;
        let mut found: Option<(&Credential, Claims)> = None;
        for (credential, keys) in checks.keys_of(client) {
            if found.as_ref().is_some_and(|(have, _)| have.usable(checks.now).is_ok()) {
                break;
            }
            for key in keys.candidates(kid, alg) {
                match jws.verify(key) {
                    Ok(claims) => {
                        found = Some((credential, claims));
                        break;
                    }
                    Err(error) => wrong = Some(error),
                }
            }
        }
        found.ok_or_else(|| self.no_key(client, checks, kid, wrong))
    }

    fn no_key(&self, client: &Client, checks: &Checks<'_>, kid: Option<&str>, wrong: Option<JoseError>) -> OAuthError {
        if let Some(problem) = checks.fetch_problem() {
            return keys_away(problem);
        }
        let named = kid.map_or("it has no kid".to_owned(), |kid| format!("its kid is '{}'", quote(kid)));
        if let Some(error) = wrong {
            return refused(
                "assertion_signature",
                format!("assertion: {error} under each key tried ({named}, alg {})", self.alg()),
            );
        }
        let have: Vec<String> = checks
            .keys_of(client)
            .into_iter()
            .flat_map(|(_, keys)| keys.kids().map(quote).collect::<Vec<_>>())
            .take(8)
            .collect();
        refused(
            "assertion_key_unknown",
            format!("no key of the client suits the assertion: {named}, alg {}; the client has {have:?}", self.alg()),
        )
    }

    fn made_with<'c>(
        jws: &UnverifiedHs256<'_>,
        client: &'c Client,
        now: Timestamp,
    ) -> Result<(&'c Credential, Claims)> {
        let mut found: Option<(&Credential, Claims)> = None;
        let mut count = 0;
        for (credential, secret) in client.hmac_secrets() {
            count += 1;
            if let Ok(claims) = jws.verify(secret)
                && found.as_ref().is_none_or(|(have, _)| have.usable(now).is_err())
            {
                found = Some((credential, claims));
            }
        }
        let other = client.credentials.iter().any(|c| !matches!(c.kind, CredentialKind::HmacSecret { .. }));
        found.ok_or_else(|| {
            let hint = match (count, other) {
                (0, true) => "; secrets for the other methods are kept as a hash and cannot verify HS256: make one for it (type hmac_secret)",
                _ => "",
            };
            refused(
                "assertion_signature",
                format!("assertion: its HS256 signature was made with none of the client's {count} hmac_secret credentials{hint}"),
            )
        })
    }

    /// Whoever made it has the key, so it may be told what is wrong. RFC 7523 §3, rfc7523bis §4.
    fn accept(&self, claims: &Claims, client: &Client, checks: &Checks<'_>) -> Result<(SpendOnce, bool)> {
        let wrong = |reason: &'static str, what: String| {
            OAuthError::new(ErrorCode::InvalidClient, format!("client_assertion: {what}"))
                .because(reason, format!("assertion {what}"))
        };
        let of_type = |error: JoseError| wrong("assertion_malformed", error.to_string());
        let now = checks.now;
        if let Some(typ) = self.typ().filter(|typ| !typ_is(typ, "JWT") && !typ_is(typ, CLIENT_AUTHENTICATION_JWT)) {
            return Err(wrong(
                "assertion_typ",
                format!("typ was '{}', expected {CLIENT_AUTHENTICATION_JWT}", quote(typ)),
            ));
        }
        let iss = claims.opt_str("iss").map_err(of_type)?.unwrap_or_default();
        if iss != client.client_id || claims.opt_str("sub").map_err(of_type)? != Some(&client.client_id) {
            return Err(wrong("assertion_iss", format!("iss was '{}', expected the client_id, like sub", quote(iss))));
        }
        let allowance = self.audience(claims, client, checks, &wrong)?;
        let exp = claims.opt_time("exp").map_err(of_type)?;
        let exp = exp.ok_or_else(|| wrong("assertion_exp", "has no exp".into()))?;
        if exp <= now {
            return Err(wrong("assertion_expired", format!("expired {} s ago (exp {exp}, now {now})", now - exp)));
        }
        let latest = now + i64::from(checks.assertion_lifetime_max_s) + CLOCK_SKEW_S;
        if exp > latest {
            return Err(wrong(
                "assertion_too_long",
                format!(
                    "lives too long: exp is {} s ahead, at most {} s are accepted",
                    exp - now,
                    checks.assertion_lifetime_max_s
                ),
            ));
        }
        for name in ["nbf", "iat"] {
            if let Some(at) = claims.opt_time(name).map_err(of_type)?.filter(|at| *at > now + CLOCK_SKEW_S) {
                return Err(wrong("assertion_not_yet", format!("{name} is {} s ahead: the clocks differ", at - now)));
            }
        }
        let jti = claims.opt_str("jti").map_err(of_type)?.filter(|jti| !jti.is_empty());
        let jti = jti.ok_or_else(|| wrong("assertion_jti", "has no jti".into()))?;
        if jti.len() > JTI_MAX {
            return Err(wrong("assertion_jti", format!("jti is longer than {JTI_MAX} characters")));
        }
        Ok((SpendOnce { jti: jti.to_owned(), until: exp }, allowance))
    }

    /// The issuer as sole value (CVE-2025-27370, CVE-2025-27371). Whether the allowance was used.
    fn audience(
        &self,
        claims: &Claims,
        client: &Client,
        checks: &Checks<'_>,
        wrong: &impl Fn(&'static str, String) -> OAuthError,
    ) -> Result<bool> {
        let issuer = &checks.domain.issuer;
        let aud = claims.opt_strings("aud").map_err(|error| wrong("assertion_malformed", error.to_string()))?;
        let aud = aud.unwrap_or_default();
        let [only] = aud.as_slice() else {
            return Err(wrong(
                "assertion_aud",
                format!("aud has {} values, expected '{issuer}' as the only one", aud.len()),
            ));
        };
        if only == issuer {
            return Ok(false);
        }
        let endpoint = checks.domain.endpoints(TOKEN_PATH).any(|url| url == *only);
        match (endpoint, client.metadata.allow_token_endpoint_audience) {
            (true, true) => Ok(true),
            (true, false) => Err(wrong(
                "assertion_aud",
                format!(
                    "aud was the token endpoint '{}', expected the issuer '{issuer}' (or set allow_token_endpoint_audience for this client)",
                    quote(only)
                ),
            )),
            (false, _) => Err(wrong("assertion_aud", format!("aud was '{}', expected '{issuer}'", quote(only)))),
        }
    }
}
