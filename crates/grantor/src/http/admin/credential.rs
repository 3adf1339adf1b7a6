//! `/v1/domain/{domain}/client/{client_id}/credential`. A secret made here is shown once, in the answer that makes it.

use super::auth::Actor;
use super::entity::{check_known, existence, object, ok, read, with_status};
use super::problem::Problem;
use super::{Answer, Server};
use crate::admin::credential::{Created, CredentialChange, CredentialSource, LABEL_MAX, NewCredential};
use crate::admin::{Admin, AdminError};
use crate::clock;
use axum::Extension;
use axum::body::Bytes;
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use grantor_core::Timestamp;
use grantor_core::client::{Credential, CredentialKind, Unusable};
use grantor_core::error::quote;
use grantor_core::jwk::JwkSet;
use grantor_core::secret::phc;
use grantor_core::x509::{CertificateRule, ClientCertificate};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use zeroize::Zeroizing;

/// A credential as it is shown: never with its secret or hash.
#[derive(Debug, Serialize, ToSchema)]
pub struct CredentialView {
    id: String,
    /// `secret`, `imported_secret` for one that was not made here, `hmac_secret` for `client_secret_jwt`, `jwks` or
    /// `jwks_uri` for public keys, `certificate` or `tls_client_auth` for certificates.
    r#type: &'static str,
    /// How an imported secret is hashed.
    #[serde(skip_serializing_if = "Option::is_none")]
    scheme: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<String>,
    /// Seconds since 1970, as all times here.
    created_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_before: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked_at: Option<Timestamp>,
    /// `active`, `pending`, `expired` or `revoked`.
    status: &'static str,
    #[serde(flatten)]
    #[schema(value_type = PublicMembers, inline)]
    public: Map<String, Value>,
}

/// What is shown of keys and certificates: of each type its own member.
#[derive(ToSchema)]
#[expect(dead_code, reason = "described, and written by `public`")]
struct PublicMembers {
    /// The set of public keys.
    jwks: Option<Value>,
    /// Where the client publishes it.
    jwks_uri: Option<String>,
    /// The thumbprint of the certificate (RFC 8705 section 3.1).
    #[schema(rename = "x5t#S256")]
    x5t_s256: Option<String>,
    /// The subject that the certificate must have.
    tls_client_auth_subject_dn: Option<String>,
    /// Or one of its alternative names.
    tls_client_auth_san_dns: Option<String>,
    tls_client_auth_san_uri: Option<String>,
    tls_client_auth_san_ip: Option<String>,
    tls_client_auth_san_email: Option<String>,
}

/// Keys and certificates as they are written; of secrets, nothing.
fn public(kind: &CredentialKind) -> Map<String, Value> {
    match (kind.is_secret(), json!(kind)) {
        (false, Value::Object(mut members)) => {
            members.remove("type");
            members
        }
        _ => Map::new(),
    }
}

impl CredentialView {
    fn new(credential: &Credential, now: Timestamp) -> Self {
        Self {
            id: credential.id.clone(),
            r#type: credential.kind.as_str(),
            scheme: match &credential.kind {
                CredentialKind::ImportedSecret { phc } => Some(phc::scheme(phc).to_owned()),
                _ => None,
            },
            public: public(&credential.kind),
            label: credential.label.clone(),
            created_at: credential.created_at,
            not_before: credential.not_before,
            expires_at: credential.expires_at,
            revoked_at: credential.revoked_at,
            status: match credential.usable(now) {
                Ok(()) => "active",
                Err(Unusable::NotYet(_)) => "pending",
                Err(Unusable::Expired(_)) => "expired",
                Err(Unusable::Revoked(_)) => "revoked",
            },
        }
    }
}

/// The only answer that holds a secret.
pub(super) fn shown_once(created: &Created, now: Timestamp) -> Value {
    let mut shown = json!(CredentialView::new(&created.credential, now));
    if let Some(secret) = &created.secret {
        shown["secret"] = secret.expose().into();
    }
    shown
}

/// A credential to be made. It has one source; where none is named, a secret is made here.
#[derive(Deserialize, ToSchema)]
pub struct CredentialBody {
    #[serde(default)]
    label: Option<String>,
    /// Seconds since 1970 from which on it works.
    #[serde(default)]
    not_before: Option<Timestamp>,
    /// Seconds since 1970 from which on it works no more.
    #[serde(default)]
    expires_at: Option<Timestamp>,
    /// A secret of your own choosing, 1 to 1,024 visible ASCII characters or spaces. Kept behind a slow hash.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    secret: Option<Zeroizing<String>>,
    /// The hash of a secret, from another server: argon2id, bcrypt or PBKDF2.
    #[serde(default)]
    phc: Option<String>,
    /// What it is. Needed for `hmac_secret` only, a secret for `client_secret_jwt`; else it follows from the source.
    #[serde(default)]
    r#type: Option<String>,
    /// A set of public keys (RFC 7517 §5), or one key, for `private_key_jwt`; with `x5c`, the certificates are for
    /// `self_signed_tls_client_auth`.
    #[serde(default)]
    jwks: Option<Value>,
    /// Where the client publishes such a set.
    #[serde(default)]
    jwks_uri: Option<String>,
    /// The client's own certificate as PEM text, for `self_signed_tls_client_auth`. Its thumbprint is kept; label and end are
    /// the certificate's, unless they are written.
    #[serde(default)]
    certificate: Option<String>,
    /// Or its thumbprint: the SHA-256 of its DER in base64url (RFC 8705 section 3.1).
    #[serde(default, rename = "x5t#S256")]
    x5t_s256: Option<String>,
    /// The subject of the client's certificates, as RFC 4514 writes it, for `tls_client_auth` (RFC 8705 section 2.1.2).
    #[serde(default)]
    tls_client_auth_subject_dn: Option<String>,
    /// Or a DNS name that they have as alternative name.
    #[serde(default)]
    tls_client_auth_san_dns: Option<String>,
    /// Or a URI, such as a SPIFFE ID.
    #[serde(default)]
    tls_client_auth_san_uri: Option<String>,
    /// Or an IP address.
    #[serde(default)]
    tls_client_auth_san_ip: Option<String>,
    /// Or an email address.
    #[serde(default)]
    tls_client_auth_san_email: Option<String>,
}

pub const CREDENTIAL_MEMBERS: [&str; 15] = [
    "label",
    "not_before",
    "expires_at",
    "secret",
    "phc",
    "type",
    "jwks",
    "jwks_uri",
    "certificate",
    "x5t#S256",
    "tls_client_auth_subject_dn",
    "tls_client_auth_san_dns",
    "tls_client_auth_san_uri",
    "tls_client_auth_san_ip",
    "tls_client_auth_san_email",
];

impl CredentialBody {
    fn read(written: Map<String, Value>) -> Result<NewCredential, Problem> {
        check_known(&written, &CREDENTIAL_MEMBERS)?;
        let body: Self = read(written)?;
        let hmac = body.r#type.as_deref() == Some("hmac_secret");
        let certificate = body.certificate.as_deref().map(own_certificate).transpose()?;
        let mut sources = body.public_sources(certificate.as_ref())?;
        if let Some(secret) = body.secret {
            sources.push(match hmac {
                true => CredentialSource::Hmac(Some(secret)),
                false => CredentialSource::Given(secret),
            });
        }
        sources.extend(body.phc.map(CredentialSource::Phc));
        let source = match (sources.len(), body.r#type.as_deref()) {
            (0, Some("hmac_secret")) => CredentialSource::Hmac(None),
            (0, None | Some("secret")) => CredentialSource::Generate,
            (1, _) => sources.remove(0),
            (0, Some(named)) => return Err(without_source(named)),
            _ => {
                let sources = SOURCES.join(", ");
                return Err(Problem::bad(format!("a credential has one source; send one of {sources}")));
            }
        };
        let kind = kind_of(&source);
        if let Some(named) = body.r#type.filter(|named| named != kind) {
            return Err(Problem::bad(format!(
                "type: '{}' does not go with what was sent, which makes {kind}",
                quote(&named)
            )));
        }
        let of_certificate = certificate.as_ref();
        let label = body.label.or_else(|| Some(of_certificate?.subject().chars().take(LABEL_MAX).collect()));
        let expires_at = body.expires_at.or_else(|| Some(of_certificate?.not_after().saturating_add(1)));
        Ok(NewCredential { label, not_before: body.not_before, expires_at, source })
    }

    /// Keys and certificates in it.
    fn public_sources(&self, certificate: Option<&ClientCertificate>) -> Result<Vec<CredentialSource>, Problem> {
        let mut kinds = Vec::new();
        if let Some(jwks) = &self.jwks {
            let jwks = JwkSet::read(jwks).map_err(|error| Problem::bad(format!("jwks: {error}")))?;
            kinds.push(CredentialKind::Jwks { jwks });
        }
        if let Some(jwks_uri) = &self.jwks_uri {
            kinds.push(CredentialKind::JwksUri { jwks_uri: jwks_uri.clone() });
        }
        let thumbprints = certificate.map(ClientCertificate::x5t_s256).into_iter().chain(self.x5t_s256.as_deref());
        kinds.extend(thumbprints.map(|x5t_s256| CredentialKind::Certificate { x5t_s256: x5t_s256.to_owned() }));
        let names = [
            &self.tls_client_auth_subject_dn,
            &self.tls_client_auth_san_dns,
            &self.tls_client_auth_san_uri,
            &self.tls_client_auth_san_ip,
            &self.tls_client_auth_san_email,
        ];
        for (member, name) in CertificateRule::MEMBERS.into_iter().zip(names) {
            if let Some(name) = name {
                kinds.push(CredentialKind::TlsClientAuth(CertificateRule::parse(member, name).map_err(Problem::bad)?));
            }
        }
        Ok(kinds.into_iter().map(CredentialSource::Public).collect())
    }
}

/// The members that say what a credential is made from.
const SOURCES: [&str; 11] = [
    "secret",
    "phc",
    "jwks",
    "jwks_uri",
    "certificate",
    "x5t#S256",
    "tls_client_auth_subject_dn",
    "tls_client_auth_san_dns",
    "tls_client_auth_san_uri",
    "tls_client_auth_san_ip",
    "tls_client_auth_san_email",
];

const fn kind_of(source: &CredentialSource) -> &'static str {
    match source {
        CredentialSource::Generate | CredentialSource::Given(_) => "secret",
        CredentialSource::Phc(_) => "imported_secret",
        CredentialSource::Hmac(_) => "hmac_secret",
        CredentialSource::Public(kind) => kind.as_str(),
    }
}

fn own_certificate(pem: &str) -> Result<ClientCertificate, Problem> {
    ClientCertificate::from_pem(pem.as_bytes()).map_err(|error| Problem::bad(format!("certificate: {error}")))
}

fn without_source(kind: &str) -> Problem {
    let send = match kind {
        "imported_secret" => "phc",
        "jwks" | "jwks_uri" => kind,
        "certificate" => "certificate or x5t#S256",
        "tls_client_auth" => {
            return Problem::bad(format!("type: tls_client_auth needs one of {}", CertificateRule::MEMBERS.join(", ")));
        }
        _ => {
            let known = "secret, imported_secret, hmac_secret, jwks, jwks_uri, certificate, tls_client_auth";
            return Problem::bad(format!("type: '{}' is not known; write one of {known}", quote(kind)));
        }
    };
    Problem::bad(format!("type: {kind} needs {send}"))
}

type OfClient = Path<(String, String)>;
type OneOf = Path<(String, String, String)>;

pub async fn list(
    server: Server,
    Extension(Actor(actor)): Extension<Actor>,
    Path((domain, client_id)): OfClient,
) -> Answer {
    let admin = Admin { app: &server, actor: &actor, now: clock::now_s() };
    let credentials = admin.credentials(&domain, &client_id).await?;
    let items: Vec<_> = credentials.iter().map(|credential| CredentialView::new(credential, admin.now)).collect();
    Ok(ok(&json!({ "items": items })))
}

pub async fn create(
    server: Server,
    Extension(Actor(actor)): Extension<Actor>,
    Path((domain, client_id)): OfClient,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let new = CredentialBody::read(object(&headers, &body)?)?;
    let admin = Admin { app: &server, actor: &actor, now: clock::now_s() };
    let created = admin.create_credential(&domain, &client_id, new).await?;
    Ok(with_status(StatusCode::CREATED, &shown_once(&created, admin.now)))
}

pub async fn get(
    server: Server,
    Extension(Actor(actor)): Extension<Actor>,
    Path((domain, client_id, id)): OneOf,
) -> Answer {
    let admin = Admin { app: &server, actor: &actor, now: clock::now_s() };
    let credential = admin.credential(&domain, &client_id, &id).await?;
    Ok(ok(&CredentialView::new(&credential, admin.now)))
}

/// Creates the credential under a name of the caller's choosing, or changes label, start and end of the one there.
pub async fn put(
    server: Server,
    Extension(Actor(actor)): Extension<Actor>,
    Path((domain, client_id, id)): OneOf,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let written = object(&headers, &body)?;
    let admin = Admin { app: &server, actor: &actor, now: clock::now_s() };
    let have = admin.credentials(&domain, &client_id).await?.into_iter().find(|credential| credential.id == id);
    if existence(&headers)?.is_some_and(|there| there != have.is_some()) {
        return Err(AdminError::PreconditionFailed.into());
    }
    let Some(have) = have else {
        let created = admin.create_credential_as(&domain, &client_id, &id, CredentialBody::read(written)?).await?;
        return Ok(with_status(StatusCode::CREATED, &shown_once(&created, admin.now)));
    };
    let named = |name: &str| written.contains_key(name);
    let (label, not_before, expires_at) = (named("label"), named("not_before"), named("expires_at"));
    let new = CredentialBody::read(written)?;
    if !admin.has_secret(&domain, &client_id, &have, &new.source).await? {
        return Err(Problem::new(
            StatusCode::CONFLICT,
            "this credential has another secret; make a new credential for a new secret, so that both work meanwhile",
        ));
    }
    let change = CredentialChange {
        label: label.then_some(new.label),
        not_before: not_before.then_some(new.not_before),
        expires_at: expires_at.then_some(new.expires_at),
    };
    let changed = admin.update_credential(&domain, &client_id, &id, change).await?;
    Ok(ok(&CredentialView::new(&changed, admin.now)))
}

pub async fn delete(
    server: Server,
    Extension(Actor(actor)): Extension<Actor>,
    Path((domain, client_id, id)): OneOf,
) -> Answer {
    let admin = Admin { app: &server, actor: &actor, now: clock::now_s() };
    admin.delete_credential(&domain, &client_id, &id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub async fn revoke(
    server: Server,
    Extension(Actor(actor)): Extension<Actor>,
    Path((domain, client_id, id)): OneOf,
) -> Answer {
    let admin = Admin { app: &server, actor: &actor, now: clock::now_s() };
    let credential = admin.revoke_credential(&domain, &client_id, &id).await?;
    Ok(ok(&CredentialView::new(&credential, admin.now)))
}
