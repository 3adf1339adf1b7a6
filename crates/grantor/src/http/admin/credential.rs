//! `/v1/domain/{domain}/client/{client_id}/credential`. A secret made here is shown once, in the answer that makes it.

use super::auth::Actor;
use super::entity::{check_known, existence, object, ok, read, with_status};
use super::problem::Problem;
use super::{Answer, Server};
use crate::admin::credential::{Created, CredentialChange, NewCredential, SecretSource};
use crate::admin::{Admin, AdminError};
use crate::clock;
use axum::Extension;
use axum::body::Bytes;
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use grantor_core::Timestamp;
use grantor_core::client::{Credential, CredentialKind, Unusable};
use grantor_core::secret::phc;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use zeroize::Zeroizing;

/// A credential as it is shown: never with its secret or hash.
#[derive(Debug, Serialize, ToSchema)]
pub struct CredentialView {
    id: String,
    /// `secret`, or `imported_secret` for one that was not made here.
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

/// A credential to be made. Without `secret` and `phc`, a secret is made here.
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
}

pub const CREDENTIAL_MEMBERS: [&str; 5] = ["label", "not_before", "expires_at", "secret", "phc"];

impl CredentialBody {
    fn read(written: Map<String, Value>) -> Result<NewCredential, Problem> {
        check_known(&written, &CREDENTIAL_MEMBERS)?;
        let body: Self = read(written)?;
        let source = match (body.secret, body.phc) {
            (Some(_), Some(_)) => return Err(Problem::bad("send secret or phc, not both")),
            (Some(secret), None) => SecretSource::Given(secret),
            (None, Some(phc)) => SecretSource::Phc(phc),
            (None, None) => SecretSource::Generate,
        };
        Ok(NewCredential { label: body.label, not_before: body.not_before, expires_at: body.expires_at, source })
    }
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
