//! The token endpoint. Everything that it waits for is in `issue`.

use crate::App;
use crate::audit::Decision;
use crate::authenticate::{Asked, authenticate, spend_assertion};
use crate::dpop::spend_proof;
use crate::random;
use grantor_core::Timestamp;
use grantor_core::binding::{Possession, VerifiedProof};
use grantor_core::domain::Domain;
use grantor_core::error::{ErrorCode, OAuthError, Result};
use grantor_core::grant::Grant;
use grantor_core::jose::b64url_encode;
use grantor_core::metadata::TOKEN_PATH;
use grantor_core::token::TokenResponse;
use grantor_core::token_request::TokenRequest;
use std::time::Duration;

/// The token endpoint, from a request to an answer (RFC 6749 §4.4). Read it top to bottom.
pub async fn issue(app: &App, domain: &Domain, asked: &Asked<'_>, decision: &mut Decision) -> Result<TokenResponse> {
    let request = TokenRequest::parse(&asked.incoming, &app.parse_limits)?;
    let now = after_revocation(app, domain, request.client_auth.client_id(), asked.now).await?;
    let client = app.directory.client_of(domain, &request.client_auth).await?;
    let caller = authenticate(app, domain, &request.client_auth, client.as_deref(), asked, decision).await?;
    let proof = verify_proof(app, domain, &request, now).inspect_err(|_| note_asked(decision, &request))?;
    let possession = Possession { proof: proof.as_ref(), certificate: asked.incoming.certificate };
    let grant = request.grant.decide(&caller, domain, possession).inspect_err(|_| note_asked(decision, &request))?;
    note_grant(decision, &request, &grant);
    spend_assertion(app, domain, &caller, now).await?;
    spend_proof(app, proof.as_ref(), now).await?;
    let unsigned = grant.mint(now, random_id())?;
    decision.jti = Some(unsigned.jti.clone());
    app.keys.sign(domain, unsigned, now).await
}

/// RFC 9449 §5.
fn verify_proof(app: &App, domain: &Domain, request: &TokenRequest, now: Timestamp) -> Result<Option<VerifiedProof>> {
    request.proof.as_ref().map(|proof| app.dpop.verify(domain, TOKEN_PATH, proof, now)).transpose()
}

/// Tokens count by the second, and those of this client may have been ended up to this very one: a token issued now would
/// be born revoked. Waits for the next second, before anything is looked up.
async fn after_revocation(app: &App, domain: &Domain, client_id: &str, now: Timestamp) -> Result<Timestamp> {
    let Some(ended_at) = app.directory.tokens_ended_at(&domain.name, client_id).filter(|ended_at| *ended_at >= now)
    else {
        return Ok(now);
    };
    if ended_at > now {
        let wait_s = u32::try_from(ended_at - now + 1).unwrap_or(u32::MAX);
        return Err(OAuthError::new(ErrorCode::TemporarilyUnavailable, "try again shortly")
            .because("tokens_ended_ahead", format!("this client's tokens were ended up to {ended_at}, which is {wait_s} s ahead: the clocks of the nodes differ, or this one went back"))
            .retry_after(wait_s));
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    Ok(now + 1)
}

fn note_asked(decision: &mut Decision, request: &TokenRequest) {
    let (scope, resources) = request.grant.asked();
    decision.grant_type = Some(request.grant.grant_type().as_str().to_owned());
    decision.scope = scope.map(ToString::to_string);
    decision.audience = resources.to_vec();
}

fn note_grant(decision: &mut Decision, request: &TokenRequest, grant: &Grant<'_>) {
    decision.grant_type = Some(request.grant.grant_type().as_str().to_owned());
    decision.scope = Some(grant.scope().to_string());
    decision.audience = grant.audience().iter().map(|&name| name.to_owned()).collect();
    decision.token_format = Some(grant.format().as_str().to_owned());
    decision.lifetime_s = Some(grant.lifetime_s());
    decision.cnf = grant.confirmation().clone();
}

/// 128 random bits: nobody can guess or repeat a `jti`.
fn random_id() -> String {
    b64url_encode(&random::bytes::<16>())
}
