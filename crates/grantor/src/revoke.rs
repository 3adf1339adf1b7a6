//! The revocation endpoint (RFC 7009): one token, by its own client.

use crate::App;
use crate::audit::Decision;
use crate::store::{Revocation, RevocationKind, Write};
use crate::token::authenticate;
use grantor_core::Timestamp;
use grantor_core::domain::Domain;
use grantor_core::error::{ErrorCode, OAuthError, Result};
use grantor_core::incoming::Incoming;
use grantor_core::token::TokenQuery;
use std::net::IpAddr;

/// When this returns, the revocation is on disk and in force here. A token that is not known needs none (§2.2).
pub async fn revoke(
    app: &App,
    domain: &Domain,
    incoming: &Incoming<'_>,
    source: IpAddr,
    now: Timestamp,
    decision: &mut Decision,
) -> Result<()> {
    let query = TokenQuery::parse(incoming, &app.parse_limits)?;
    let client = app.directory.client_of(domain, &query.client_auth).await?;
    let caller = authenticate(app, domain, &query.client_auth, client.as_deref(), source, now, decision).await?;
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
