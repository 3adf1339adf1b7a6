//! `/v1/domain/{domain}/client`.

use super::auth::Actor;
use super::domain::known_domain;
use super::entity::{self, Page, check_known, merged, object, precondition, read, show, status_of, with_status};
use super::problem::Problem;
use super::{Answer, Server, allowance};
use crate::admin::Admin;
use crate::clock;
use crate::store::Stored;
use axum::Extension;
use axum::body::Bytes;
use axum::extract::{Path, Query};
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use grantor_core::client::{ClientMetadata, Credential, CredentialKind};
use grantor_core::error::quote;
use serde::Deserialize;
use serde_json::{Value, json};

pub const CLIENT_MEMBERS: [&str; 17] = [
    "client_name",
    "enabled",
    "token_endpoint_auth_methods",
    "grant_types",
    "scope",
    "default_scope",
    "resources",
    "default_resource",
    "access_token_lifetime_s",
    "claims",
    "introspect_resources",
    "introspect_any",
    "allow_unencoded_basic",
    "allow_token_endpoint_audience",
    "token_endpoint_auth_signing_alg",
    "tls_client_certificate_bound_access_tokens",
    "dpop_bound_access_tokens",
];

/// RFC 7591 §3.2.1 calls it `client_id`.
fn shown(row: Stored<ClientMetadata>) -> Value {
    let mut shown = json!(row);
    if let Some(members) = shown.as_object_mut()
        && let Some(name) = members.remove("name")
    {
        members.insert("client_id".into(), name);
    }
    shown
}

/// An imported secret is shown, so that it gets replaced: it may be weak, and costs a slow hash.
fn with_credentials(mut shown: Value, credentials: &[Credential]) -> Value {
    let imported = |credential: &Credential| {
        credential.revoked_at.is_none() && matches!(credential.kind, CredentialKind::ImportedSecret { .. })
    };
    if credentials.iter().any(imported) {
        shown["has_imported_secret"] = true.into();
        shown["hint"] = "this client still has an imported secret; rotate it to a generated one".into();
    }
    shown
}

pub async fn list(server: Server, Path(domain): Path<String>, Query(page): Query<Page>) -> Answer {
    known_domain(&server, &domain)?;
    entity::list::<ClientMetadata>(&server, &domain, &page, shown).await
}

pub async fn get(server: Server, Path((domain, client_id)): Path<(String, String)>, headers: HeaderMap) -> Answer {
    known_domain(&server, &domain)?;
    let row = server.store.get::<ClientMetadata>(&domain, &client_id).await?;
    let row = row.ok_or_else(|| {
        Problem::not_found(format!("there is no client '{}' in domain '{domain}'", quote(&client_id)))
    })?;
    let credentials = server.store.credentials(&domain, &client_id).await?;
    let (version, allowances) = (row.version, allowance::of_client(&server, &domain, &row));
    let mut shown = with_credentials(shown(row), &credentials);
    if allowances.is_empty() {
        return Ok(show(version, &shown, StatusCode::OK, &headers));
    }
    shown["allowances"] = json!(allowances);
    // Uses are no part of the version: who has it already gets them, too.
    Ok(show(version, &shown, StatusCode::OK, &HeaderMap::new()))
}

pub async fn put(
    server: Server,
    Extension(Actor(actor)): Extension<Actor>,
    Path((domain, client_id)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    known_domain(&server, &domain)?;
    let admin = Admin { app: &server, actor: &actor, now: clock::now_s() };
    let (domain, client_id) = (&*domain, &*client_id);
    let write = |metadata, when| async move { admin.put_client(domain, client_id, &metadata, when).await };
    let (put, row) = merged(&server, (domain, client_id), (&headers, &body), &CLIENT_MEMBERS, write).await?;
    Ok(show(row.version, &shown(row), status_of(put), &HeaderMap::new()))
}

pub async fn delete(
    server: Server,
    Extension(Actor(actor)): Extension<Actor>,
    Path((domain, client_id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Answer {
    let admin = Admin { app: &server, actor: &actor, now: clock::now_s() };
    admin.delete_client(&domain, &client_id, precondition(&headers)?).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub async fn revoke_tokens(
    server: Server,
    Extension(Actor(actor)): Extension<Actor>,
    Path((domain, client_id)): Path<(String, String)>,
) -> Answer {
    let admin = Admin { app: &server, actor: &actor, now: clock::now_s() };
    admin.revoke_tokens(&domain, &client_id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// How the secrets of a client are rotated.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct Rotate {
    /// Seconds that the present secrets go on working.
    #[serde(default = "day")]
    overlap_s: u32,
    label: Option<String>,
}

fn day() -> u32 {
    86_400
}

pub async fn rotate(
    server: Server,
    Extension(Actor(actor)): Extension<Actor>,
    Path((domain, client_id)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let written = object(&headers, &body)?;
    check_known(&written, &["overlap_s", "label"])?;
    let Rotate { overlap_s, label } = read(written)?;
    let admin = Admin { app: &server, actor: &actor, now: clock::now_s() };
    let created = admin.rotate_secret(&domain, &client_id, overlap_s, label).await?;
    Ok(with_status(StatusCode::CREATED, &super::credential::shown_once(&created, admin.now)))
}
