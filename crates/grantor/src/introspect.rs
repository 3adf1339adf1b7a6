//! The introspection endpoint (RFC 7662), with signed answers (RFC 9701).

use crate::App;
use crate::audit::Decision;
use crate::authenticate::{Asked, authenticate, spend_assertion};
use grantor_core::Timestamp;
use grantor_core::client_auth::Caller;
use grantor_core::domain::Domain;
use grantor_core::error::Result;
use grantor_core::jose::Alg;
use grantor_core::token::{self, AccessToken, TOKEN_INTROSPECTION_JWT, TokenQuery};

/// An answer, in the form that the caller asked for.
#[derive(Debug)]
pub enum Answer {
    Json(serde_json::Value),
    Jwt(String),
}

pub async fn introspect(app: &App, domain: &Domain, asked: &Asked<'_>, decision: &mut Decision) -> Result<Answer> {
    let query = TokenQuery::parse(&asked.incoming, &app.parse_limits)?;
    let now = asked.now;
    let client = app.directory.client_of(domain, &query.client_auth).await?;
    let caller = authenticate(app, domain, &query.client_auth, client.as_deref(), asked, decision).await?;
    spend_assertion(app, domain, &caller, now).await?;
    let token = visible(app, domain, &caller, &query.token, now).await?;
    match &token {
        Ok(token) => {
            decision.outcome = "active".into();
            decision.jti = Some(token.jti.clone());
        }
        Err(Inactive { reason, detail }) => {
            decision.outcome = "inactive".into();
            decision.reason = Some((*reason).into());
            decision.detail = Some(detail.clone());
        }
    }
    let answer = token::introspect(token.as_ref().ok());
    if !query.wants_jwt {
        return Ok(Answer::Json(answer));
    }
    let claims = token::introspection_jwt_claims(&domain.issuer, &caller, &answer, now);
    let alg = signing_alg(domain, &caller);
    let jwt = app.keys.sign_jwt(domain, alg, TOKEN_INTROSPECTION_JWT, claims.to_string().as_bytes(), now).await?;
    Ok(Answer::Jwt(jwt))
}

/// Why a token is not active, for the operator.
#[derive(Debug)]
pub struct Inactive {
    pub reason: &'static str,
    pub detail: String,
}

/// The token if it is genuine, neither expired nor revoked, and its client exists and is enabled. "Cannot tell" is an
/// error, never "inactive" (RFC 7662 §2.2).
pub async fn active(
    app: &App,
    domain: &Domain,
    text: &str,
    now: Timestamp,
) -> Result<std::result::Result<AccessToken, Inactive>> {
    let inactive = |reason, detail| Ok(Err(Inactive { reason, detail }));
    let token = match app.keys.of(domain, now).await?.check(text, domain, now) {
        Ok(token) => token,
        Err(why) => return inactive("token_not_valid", why.0),
    };
    if app.directory.is_revoked(&domain.name, &token) {
        return inactive("token_revoked", format!("token {} was revoked", token.jti));
    }
    match app.directory.client(&domain.name, &token.client_id).await? {
        Some(owner) if owner.metadata.enabled => Ok(Ok(token)),
        Some(_) => inactive("client_disabled", format!("its client {} is disabled", token.client_id)),
        None => inactive("client_gone", format!("its client {} does not exist", token.client_id)),
    }
}

/// The token if it is active and this caller's business.
async fn visible(
    app: &App,
    domain: &Domain,
    caller: &Caller<'_>,
    text: &str,
    now: Timestamp,
) -> Result<std::result::Result<AccessToken, Inactive>> {
    let found = active(app, domain, text, now).await?;
    Ok(found.and_then(|token| {
        if token::may_introspect(caller, &token) {
            return Ok(token);
        }
        let detail =
            format!("its audience is {:?}; add one of them to the caller's introspect_resources", token.audience);
        Err(Inactive { reason: "not_for_this_caller", detail })
    }))
}

/// Signed answers use the algorithm of the API that asks.
fn signing_alg(domain: &Domain, caller: &Caller<'_>) -> Alg {
    let names = &caller.client().metadata.introspect_resources;
    names
        .iter()
        .find_map(|name| domain.resources.get(name))
        .map_or(Alg::default(), |resource| resource.access_token_signing_alg)
}
