//! `tls_client_auth` and `self_signed_tls_client_auth` (RFC 8705 §2): the certificate of the connection.

use super::verify::{Caller, Checks, Found, admit, known, refused};
use super::{ClientAuth, Method};
use crate::Timestamp;
use crate::client::{CLIENT_ID_MAX, Client, Credential, CredentialKind};
use crate::error::{ErrorCode, OAuthError, Result};
use crate::secret::is_vschar;
use crate::x509::{ClientCertificate, PathProblem};

pub(super) fn parse(client_id: &str) -> Result<ClientAuth> {
    if !is_vschar(client_id, CLIENT_ID_MAX) {
        return Err(OAuthError::new(
            ErrorCode::InvalidClient,
            "client_id must be 1 to 255 visible ASCII characters or spaces",
        )
        .because("malformed_credentials", "client_id in the body is outside RFC 6749 appendix A"));
    }
    Ok(ClientAuth::Certificate { client_id: client_id.to_owned() })
}

/// How a certificate stands to one credential.
#[derive(Clone, Debug)]
pub struct CertificateMatch<'c> {
    pub credential: &'c Credential,
    pub method: Method,
    /// Why it does not match: a fixed reason, and what was found and expected.
    pub outcome: std::result::Result<(), PathProblem>,
}

/// What a certificate is held against, one credential after the other. Credentials that are no business of certificates
/// are left out.
pub fn match_certificate<'c>(
    client: &'c Client,
    certificate: &ClientCertificate,
    checks: &Checks<'_>,
) -> Vec<CertificateMatch<'c>> {
    let keys = checks.keys_of(client);
    let published = |credential: &Credential| {
        keys.iter()
            .filter(|(of, _)| of.id == credential.id)
            .any(|(_, keys)| keys.has_certificate(certificate.x5t_s256()))
    };
    let held_against = |credential: &'c Credential| {
        let (method, outcome) = match &credential.kind {
            CredentialKind::TlsClientAuth(rule) => {
                let named = rule.matches(certificate).map_err(|why| problem("certificate_no_match", why));
                (Method::TlsClientAuth, named.and_then(|()| checks.path.cloned().unwrap_or_else(|| Err(no_anchors()))))
            }
            CredentialKind::Certificate { x5t_s256, .. } => (
                Method::SelfSignedTlsClientAuth,
                registered(x5t_s256 == certificate.x5t_s256(), certificate, checks.now),
            ),
            CredentialKind::Jwks { .. } | CredentialKind::JwksUri { .. } => {
                (Method::SelfSignedTlsClientAuth, registered(published(credential), certificate, checks.now))
            }
            CredentialKind::Secret(_) | CredentialKind::ImportedSecret { .. } | CredentialKind::HmacSecret { .. } => {
                return None;
            }
        };
        Some(CertificateMatch { credential, method, outcome })
    };
    client.credentials.iter().filter_map(held_against).collect()
}

fn problem(reason: &'static str, detail: String) -> PathProblem {
    PathProblem { reason, detail }
}

fn no_anchors() -> PathProblem {
    problem(
        "trust_anchors_missing",
        "this domain has no trust anchors; name those of its clients in trust_anchors".into(),
    )
}

/// RFC 8705 §2.2: the very certificate that was registered, without a look at who signed it; but in its time.
fn registered(same: bool, certificate: &ClientCertificate, now: Timestamp) -> std::result::Result<(), PathProblem> {
    let thumbprint = certificate.x5t_s256();
    if !same {
        return Err(problem(
            "certificate_no_match",
            format!("the certificate (x5t#S256 {thumbprint}) is not the one registered"),
        ));
    }
    let (from, to) = (certificate.not_before(), certificate.not_after());
    match (now < from, now > to) {
        (true, _) => {
            Err(problem("certificate_not_yet_valid", format!("the certificate is valid from {from} on, now is {now}")))
        }
        (_, true) => Err(problem("certificate_expired", format!("the certificate expired at {to}, now is {now}"))),
        _ => Ok(()),
    }
}

pub(super) fn check<'c>(client_id: &str, client: Option<&'c Client>, checks: &Checks<'_>) -> Result<Caller<'c>> {
    let client = known(client, client_id)?;
    let Some(certificate) = checks.certificate else {
        return Err(refused("no_client_certificate", "the connection has no client certificate".into()));
    };
    let matches = match_certificate(client, certificate, checks);
    let right = |found: &&CertificateMatch<'_>| found.outcome.is_ok();
    let usable = |found: &&CertificateMatch<'_>| {
        found.credential.usable(checks.now).is_ok()
            && client.metadata.token_endpoint_auth_methods.contains(&found.method)
    };
    let found = matches.iter().filter(right).find(usable).or_else(|| matches.iter().find(right));
    match found {
        Some(&CertificateMatch { credential, method, .. }) => {
            admit(client, Found { credential, method, what: "the certificate" }, checks.now)
        }
        None => Err(no_match(client, certificate, &matches, checks)),
    }
}

fn no_match(
    client: &Client,
    certificate: &ClientCertificate,
    matches: &[CertificateMatch<'_>],
    checks: &Checks<'_>,
) -> OAuthError {
    let methods = &client.metadata.token_endpoint_auth_methods;
    if !methods.iter().any(|method| method.is_mtls()) {
        let registered: Vec<_> = methods.iter().map(|method| method.as_str()).collect();
        return refused(
            "auth_method_not_registered",
            format!(
                "only a certificate was shown, but the client's token_endpoint_auth_methods are {}",
                registered.join(", ")
            ),
        );
    }
    if let Some(problem) = checks.fetch_problem() {
        return super::assertion::keys_away(problem);
    }
    // Of several failures the one that got furthest tells most: the name was right, but not the path.
    let furthest =
        matches.iter().filter_map(|one| one.outcome.as_ref().err()).find(|why| why.reason != "certificate_no_match");
    if let Some(PathProblem { reason, detail }) = furthest {
        return refused(reason, detail.clone());
    }
    let why: Vec<String> = matches
        .iter()
        .filter_map(|one| Some(format!("{}: {}", one.credential.id, one.outcome.as_ref().err()?.detail)))
        .take(8)
        .collect();
    let subject = certificate.subject();
    refused(
        "certificate_no_match",
        match why.is_empty() {
            true => format!("the client has no credential for certificates; shown was '{subject}'"),
            false => format!("the certificate '{subject}' matches no credential of the client ({})", why.join("; ")),
        },
    )
}
