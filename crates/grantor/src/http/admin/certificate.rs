//! `/v1/domain/{domain}/test-certificate`.

use super::auth::Actor;
use super::entity::{check_known, object, ok, read};
use super::problem::Problem;
use super::{Answer, Server};
use crate::admin::Admin;
use crate::admin::certificate::TestedCertificate;
use crate::clock;
use axum::Extension;
use axum::body::Bytes;
use axum::extract::Path;
use axum::http::HeaderMap;
use grantor_core::Timestamp;
use grantor_core::x509::ClientCertificate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A certificate to be tested.
#[derive(Debug, Deserialize, ToSchema)]
pub struct TestCertificate {
    /// PEM text: the client's certificate, and the intermediates that it would send, behind it.
    certificate: String,
    /// Only against this client. Then keys at its `jwks_uri` are fetched, too.
    #[serde(default)]
    client_id: Option<String>,
}

/// What the token endpoint would make of the certificate.
#[derive(Debug, Serialize, ToSchema)]
pub struct CertificateTest {
    subject: String,
    issuer: String,
    /// Its thumbprint (RFC 8705 section 3.1).
    #[serde(rename = "x5t#S256")]
    x5t_s256: String,
    not_before: Timestamp,
    not_after: Timestamp,
    alternative_names: Vec<String>,
    /// Whether a path leads to a trust anchor of the domain; absent if the domain has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    trusted: Option<bool>,
    /// Why none does.
    #[serde(skip_serializing_if = "Option::is_none")]
    trust_problem: Option<Refusal>,
    /// Clients that it would be let in as.
    matches: Vec<CertificateMatch>,
    /// Clients that it would not be let in as, those that it comes closest to first.
    near_misses: Vec<Refusal>,
    /// How many clients it was held against.
    clients: usize,
    /// How many more matches and near misses there are than are told.
    left_off: usize,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct CertificateMatch {
    client_id: String,
    credential: String,
    /// tls_client_auth or self_signed_tls_client_auth.
    method: &'static str,
}

/// Why a certificate is refused.
#[derive(Debug, Serialize, ToSchema)]
pub struct Refusal {
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<String>,
    /// As in logs, metrics and the audit file.
    reason: &'static str,
    detail: String,
}

impl CertificateTest {
    fn new(certificate: &ClientCertificate, tested: TestedCertificate) -> Self {
        Self {
            subject: certificate.subject(),
            issuer: certificate.issuer(),
            x5t_s256: certificate.x5t_s256().to_owned(),
            not_before: certificate.not_before(),
            not_after: certificate.not_after(),
            alternative_names: certificate.sans().iter().take(NAMES_MAX).map(ToString::to_string).collect(),
            trusted: tested.path.as_ref().map(Result::is_ok),
            trust_problem: tested.path.and_then(Result::err).map(|problem| Refusal {
                client_id: None,
                reason: problem.reason,
                detail: problem.detail,
            }),
            matches: (tested.matches.into_iter())
                .map(|found| CertificateMatch {
                    client_id: found.client_id,
                    credential: found.credential_id,
                    method: found.method.as_str(),
                })
                .collect(),
            near_misses: (tested.near_misses.into_iter())
                .map(|miss| Refusal { client_id: Some(miss.client_id), reason: miss.reason, detail: miss.detail })
                .collect(),
            clients: tested.clients,
            left_off: tested.left_off,
        }
    }
}

/// Most alternative names that are shown.
const NAMES_MAX: usize = 100;

pub async fn test(
    server: Server,
    Extension(Actor(actor)): Extension<Actor>,
    Path(domain): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let written = object(&headers, &body)?;
    check_known(&written, &["certificate", "client_id"])?;
    let TestCertificate { certificate, client_id } = read(written)?;
    let certificate = ClientCertificate::from_pem(certificate.as_bytes())
        .map_err(|error| Problem::bad(format!("certificate: {error}")))?;
    let admin = Admin { app: &server, actor: &actor, now: clock::now_s() };
    let tested = admin.test_certificate(&domain, client_id.as_deref(), &certificate).await?;
    Ok(ok(&CertificateTest::new(&certificate, tested)))
}
