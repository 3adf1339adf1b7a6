//! The revocation endpoint (RFC 7009): one token, by its own client.

use crate::App;
use crate::audit::Decision;
use crate::authenticate::{Asked, authenticate, spend_assertion};
use crate::store::{Revocation, RevocationKind, Write};
use grantor_core::domain::Domain;
use grantor_core::error::{ErrorCode, OAuthError, Result};
use grantor_core::token::TokenQuery;

/// When this returns, the revocation is on disk and in force here. A token that is not known needs none (§2.2).
pub async fn revoke(app: &App, domain: &Domain, asked: &Asked<'_>, decision: &mut Decision) -> Result<()> {
    let query = TokenQuery::parse(&asked.incoming, &app.parse_limits)?;
    let now = asked.now;
    let client = app.directory.client_of(domain, &query.client_auth).await?;
    let caller = authenticate(app, domain, &query.client_auth, client.as_deref(), asked, decision).await?;
    spend_assertion(app, domain, &caller, now).await?;
    let keys = app.keys.of(domain, now).await?;
    let token = match keys.check(&query.token, domain, now) {
        Ok(token) => token,
        Err(why) => {
            decision.outcome = "ignored".into();
            decision.detail = Some(why.0);
            return Ok(());
        }
    };
    let caller_id = &caller.client().client_id;
    if token.client_id != *caller_id {
        return Err(OAuthError::new(ErrorCode::UnauthorizedClient, "this token was issued to another client")
            .because("token_of_another_client", format!("the token belongs to {}", token.client_id)));
    }
    let revocation = Revocation {
        domain: domain.name.clone(),
        kind: RevocationKind::Token,
        subject: token.jti.clone(),
        issued_before: token.iat,
        expires_at: token.exp,
    };
    app.store.insert_revocation(&revocation, &Write { actor: format!("client {caller_id}"), at: now }).await?;
    app.catch_up(now).await?;
    decision.outcome = "revoked".into();
    decision.jti = Some(token.jti);
    Ok(())
}
