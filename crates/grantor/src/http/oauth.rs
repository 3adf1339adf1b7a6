//! From a checked HTTP request to a protocol function and back: build, call, audit, count, render.

use super::listener::Checked;
use super::response::{Answer, document, json, no_store, refusal};
use crate::App;
use crate::audit::{Decision, Endpoint};
use crate::authenticate::Asked;
use crate::clock;
use crate::config::CertificateHeader;
use crate::introspect::{self, introspect};
use crate::revoke::revoke;
use crate::token::issue;
use bytes::Bytes;
use grantor_core::Timestamp;
use grantor_core::domain::Domain;
use grantor_core::error::{ErrorCode, OAuthError, Result};
use grantor_core::incoming::Incoming;
use grantor_core::jose::{b64url_encode, sha256};
use grantor_core::metadata::ServerMetadata;
use grantor_core::x509::ClientCertificate;
use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, StatusCode};
use std::sync::Arc;
use std::time::Instant;

const DPOP: HeaderName = HeaderName::from_static("dpop");
const DPOP_NONCE: HeaderName = HeaderName::from_static("dpop-nonce");

pub async fn answer(
    app: &App,
    domain: &Domain,
    endpoint: Endpoint,
    request: &Checked,
    request_id: &str,
    start: Instant,
) -> Answer {
    let now = clock::now_s();
    let source = request.origin.source;
    let mut decision = Decision {
        at: now,
        request_id: request_id.to_owned(),
        endpoint: endpoint.as_str().to_owned(),
        domain: domain.name.clone(),
        source: source.to_string(),
        ..Decision::default()
    };
    let answer = decide(app, domain, endpoint, request, now, &mut decision).await;
    let refused = answer.as_ref().err().map(|error| error.code);
    let mut answer = answer.unwrap_or_else(|error| {
        decision.refused(&error);
        refusal(&error)
    });
    if endpoint == Endpoint::Token && request.head.headers.contains_key(DPOP) {
        let nonce = app.dpop.nonce_due(domain, refused, now);
        add_nonce(&mut answer, nonce);
    }
    decision.duration_us = u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX);
    record(app, endpoint, answer.status(), decision).await;
    answer
}

async fn decide(
    app: &App,
    domain: &Domain,
    endpoint: Endpoint,
    request: &Checked,
    now: Timestamp,
    decision: &mut Decision,
) -> Result<Answer> {
    let certificate = certificate(request)?;
    let incoming = Incoming {
        uri: &request.head.uri,
        headers: &request.head.headers,
        body: &request.body,
        certificate: certificate.as_deref(),
    };
    let asked = Asked { incoming, source: request.origin.source, now };
    match endpoint {
        Endpoint::Token => {
            let issued = issue(app, domain, &asked, decision).await?;
            decision.outcome = "issued".into();
            Ok(json(StatusCode::OK, &issued))
        }
        Endpoint::Introspection => match introspect(app, domain, &asked, decision).await? {
            introspect::Answer::Json(body) => Ok(json(StatusCode::OK, &body)),
            introspect::Answer::Jwt(jwt) => {
                let media_type = HeaderValue::from_static("application/token-introspection+jwt");
                Ok(no_store(StatusCode::OK, media_type, jwt))
            }
        },
        Endpoint::Revocation => {
            revoke(app, domain, &asked, decision).await?;
            Ok(json(StatusCode::OK, &serde_json::json!({})))
        }
    }
}

/// The client's certificate: that of the connection, or the one that a trusted proxy passes on.
fn certificate(request: &Checked) -> Result<Option<Arc<ClientCertificate>>> {
    let origin = &request.origin;
    let malformed = |why: String| {
        OAuthError::invalid_request("the client certificate cannot be read").because("certificate_malformed", why)
    };
    if let Some(chain) = &origin.certificate {
        let read = ClientCertificate::from_der(chain.clone()).map_err(|error| malformed(error.to_string()))?;
        return Ok(Some(Arc::new(read)));
    }
    match request.peer.tls.as_ref().and_then(|tls| tls.client_certificate.as_ref()) {
        Some(presented) if origin.connection_counts => {
            presented.clone().map(Some).map_err(|why| malformed(why.to_string()))
        }
        _ => Ok(None),
    }
}

/// RFC 9449 §8.
fn add_nonce(answer: &mut Answer, nonce: Option<String>) {
    if let Some(Ok(nonce)) = nonce.map(HeaderValue::try_from) {
        answer.headers_mut().insert(DPOP_NONCE, nonce);
    }
}

/// One metric, one log line, one audit event per decision.
async fn record(app: &App, endpoint: Endpoint, status: StatusCode, decision: Decision) {
    app.metrics.decided(endpoint, &decision);
    let fields = (decision.client_id.as_deref().unwrap_or_default(), decision.reason.as_deref().unwrap_or_default());
    if status.is_server_error() {
        tracing::error!(
            request_id = decision.request_id,
            endpoint = decision.endpoint,
            domain = decision.domain,
            client_id = fields.0,
            source = decision.source,
            outcome = decision.outcome,
            status = status.as_u16(),
            reason = fields.1,
            detail = decision.detail.as_deref().unwrap_or_default(),
            duration_us = decision.duration_us,
            "request"
        );
    } else {
        tracing::info!(
            request_id = decision.request_id,
            endpoint = decision.endpoint,
            domain = decision.domain,
            client_id = fields.0,
            source = decision.source,
            outcome = decision.outcome,
            status = status.as_u16(),
            reason = fields.1,
            duration_us = decision.duration_us,
            "request"
        );
    }
    app.audit.record(decision).await;
}

/// RFC 8414 §3.2 and OpenID Connect Discovery §4.2.
pub fn metadata(app: &App, domain: &Domain, request: &HeaderMap) -> Answer {
    let by_proxy = app.config.proxy.certificate_header != CertificateHeader::None;
    let certificates = by_proxy || app.config.listen.mtls.is_some();
    let mut metadata = ServerMetadata::new(domain, certificates);
    if app.config.metadata.authorization_placeholder {
        metadata = metadata.with_authorization_placeholder();
    }
    let body = Bytes::from(serde_json::to_vec(&metadata).unwrap_or_default());
    let etag = format!("\"{}\"", &b64url_encode(&sha256(&body))[..16]);
    document(body, &etag, app.jwks_max_age_s, request)
}

/// RFC 7517 §5. Kept by others no longer than a key is published before its use.
pub async fn jwks(app: &App, domain: &Domain, request: &HeaderMap) -> Result<Answer> {
    let keys = app.keys.of(domain, clock::now_s()).await?;
    Ok(document(keys.jwks.clone(), &keys.jwks_etag, app.jwks_max_age_s, request))
}

pub fn alive() -> Answer {
    json(StatusCode::OK, &serde_json::json!({ "status": "alive" }))
}

/// Ready: the database answers, and the server is not about to stop.
pub async fn ready(app: &App) -> Result<Answer> {
    let not = |what: String| OAuthError::new(ErrorCode::TemporarilyUnavailable, "not ready").because("not_ready", what);
    if app.is_stopping() {
        return Err(not("the server is stopping".into()));
    }
    app.store.ping().await.map_err(|error| not(error.to_string()))?;
    Ok(json(StatusCode::OK, &serde_json::json!({ "status": "ready" })))
}
