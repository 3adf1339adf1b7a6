//! Who is calling, with all that has to be waited for: limits first, then what the proof takes, then the comparison.

use crate::App;
use crate::audit::Decision;
use crate::clock;
use crate::replay::SpendId;
use grantor_core::Timestamp;
use grantor_core::client::Client;
use grantor_core::client_auth::{Caller, Checks, ClientAuth, Fetched};
use grantor_core::domain::Domain;
use grantor_core::error::{ErrorCode, OAuthError, Result, quote};
use grantor_core::incoming::Incoming;
use grantor_core::x509::PathProblem;
use std::net::IpAddr;
use std::sync::Arc;

/// A request to an endpoint that authenticates its clients.
#[derive(Debug)]
pub struct Asked<'r> {
    pub incoming: Incoming<'r>,
    pub source: IpAddr,
    pub now: Timestamp,
}

/// From what a request shows to a caller. An assertion is not spent yet: see [`spend_assertion`].
pub async fn authenticate<'c>(
    app: &App,
    domain: &Domain,
    auth: &ClientAuth,
    client: Option<&'c Client>,
    asked: &Asked<'_>,
    decision: &mut Decision,
) -> Result<Caller<'c>> {
    decision.client_id = Some(auth.client_id().to_owned());
    decision.auth_method = Some(auth.method().as_str().to_owned());
    let start = clock::instant();
    let pair = app.throttle.pair(&domain.name, auth.client_id(), asked.source);
    app.throttle.admit(pair)?;
    let (now, certificate) = (asked.now, asked.incoming.certificate);
    let slow = app.imported.prove(auth.slow_check(client, &app.peppers, now)).await?;
    let path = path(app, domain, auth, client, asked)?;
    let checks = Checks {
        domain,
        peppers: &app.peppers,
        assertion_lifetime_max_s: app.config.limits.assertion_lifetime_max_s,
        slow: slow.as_ref(),
        fetched: &fetch(app, auth, client, asked).await,
        certificate,
        path: path.as_deref(),
        now,
    };
    match auth.verify(client, &checks) {
        Ok(caller) => {
            decision.credential_id = Some(caller.credential().id.clone());
            decision.auth_method = Some(caller.method().as_str().to_owned());
            if let Some(allowance) = caller.allowance() {
                app.metrics.allowance_used(&domain.name, allowance);
                app.allowances.used(&domain.name, &caller.client().client_id, allowance, now);
                decision.allowance = Some(allowance.as_str().to_owned());
            }
            Ok(caller)
        }
        Err(error) => {
            if error.code == ErrorCode::InvalidClient {
                app.throttle.failed(pair);
                app.imported.even_out(start).await;
            }
            Err(error)
        }
    }
}

/// Whether a path leads from the certificate to the domain's trust anchors, where that matters.
fn path(
    app: &App,
    domain: &Domain,
    auth: &ClientAuth,
    client: Option<&Client>,
    asked: &Asked<'_>,
) -> Result<Option<Arc<std::result::Result<(), PathProblem>>>> {
    let (ClientAuth::Certificate { .. }, Some(client), Some(certificate)) = (auth, client, asked.incoming.certificate)
    else {
        return Ok(None);
    };
    if !client.has_certificate_rules() {
        return Ok(None);
    }
    app.trust
        .verify(domain, certificate, asked.now)
        .map_err(|error| OAuthError::internal("trust_anchors_unreadable", error))
}

/// The keys that clients publish, as far as they are needed. All sources are asked at once.
async fn fetch(app: &App, auth: &ClientAuth, client: Option<&Client>, asked: &Asked<'_>) -> Vec<Fetched> {
    let certificate = asked.incoming.certificate;
    let ask = |(credential_id, uri)| {
        (credential_id, app.remote_keys.get(uri, asked.now, |keys| auth.suffices(keys, certificate)))
    };
    let asked: Vec<_> = auth.keys_to_fetch(client, certificate, asked.now).into_iter().map(ask).collect();
    let mut fetched = Vec::with_capacity(asked.len());
    for (credential_id, keys) in asked {
        fetched.push(Fetched { credential_id: str::to_owned(credential_id), keys: keys.await });
    }
    fetched
}

/// Makes sure that the caller's assertion, if it used one, was not used before (RFC 7523 §3 item 7). Last of all checks, so
/// that a request that is refused for something else can be mended and sent again.
pub async fn spend_assertion(app: &App, domain: &Domain, caller: &Caller<'_>, now: Timestamp) -> Result<()> {
    let Some(spend) = caller.spend_once() else { return Ok(()) };
    let id = SpendId::new("assertion", &[&domain.name, &caller.client().client_id, &spend.jti]);
    if app.replay.spend(&id, spend.until, now).await? {
        return Ok(());
    }
    let public = "client_assertion was used before; make a new one for each request";
    let detail = format!("assertion jti '{}' was used before", quote(&spend.jti));
    Err(OAuthError::new(ErrorCode::InvalidClient, public).because("assertion_replayed", detail))
}
