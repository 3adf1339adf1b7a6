//! `/v1/domain` and `/v1/domain/{domain}/resource`.

use super::auth::Actor;
use super::entity::{self, Page, merged, precondition, show, status_of};
use super::problem::Problem;
use super::{Answer, Server};
use crate::admin::Admin;
use crate::clock;
use crate::directory::issuer_of;
use crate::store::Stored;
use axum::Extension;
use axum::body::Bytes;
use axum::extract::{Path, Query};
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use grantor_core::domain::{DEFAULT_DOMAIN, DomainSettings};
use grantor_core::resource::Resource;
use serde::Deserialize;
use serde_json::{Value, json};

pub const DOMAIN_MEMBERS: [&str; 5] = ["issuer", "sandbox", "access_token_lifetime_s", "trust_anchors", "crls"];
pub const RESOURCE_MEMBERS: [&str; 6] = [
    "identifier",
    "scope",
    "access_token_format",
    "access_token_signing_alg",
    "access_token_lifetime_s",
    "sender_constraint",
];

fn shown_domain(server: &Server, row: Stored<DomainSettings>) -> Value {
    let issuer = issuer_of(server.directory.server_issuer(), &row.name, &row.body);
    let mut shown = json!(row);
    shown["issuer"] = issuer.into();
    shown
}

fn no_domain(name: &str) -> Problem {
    Problem::not_found(format!("there is no domain '{}'", grantor_core::error::quote(name)))
}

/// 404 unless the domain exists.
pub fn known_domain(server: &Server, name: &str) -> Result<(), Problem> {
    server.directory.domains().by_name(name).map(drop).ok_or_else(|| no_domain(name))
}

pub async fn list(server: Server, Query(page): Query<Page>) -> Answer {
    entity::list::<DomainSettings>(&server, DEFAULT_DOMAIN, &page, |row| shown_domain(&server, row)).await
}

pub async fn get(server: Server, Path(name): Path<String>, headers: HeaderMap) -> Answer {
    let row = server.store.get::<DomainSettings>(&name, &name).await?.ok_or_else(|| no_domain(&name))?;
    Ok(show(row.version, &shown_domain(&server, row), StatusCode::OK, &headers))
}

pub async fn put(
    server: Server,
    Extension(Actor(actor)): Extension<Actor>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let admin = Admin { app: &server, actor: &actor, now: clock::now_s() };
    let name = &*name;
    let write = |settings, when| async move { admin.put_domain(name, &settings, when).await };
    let (put, row) = merged(&server, (name, name), (&headers, &body), &DOMAIN_MEMBERS, write).await?;
    Ok(show(row.version, &shown_domain(&server, row), status_of(put), &HeaderMap::new()))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Force {
    #[serde(default)]
    force: bool,
}

pub async fn delete(
    server: Server,
    Extension(Actor(actor)): Extension<Actor>,
    Path(name): Path<String>,
    Query(Force { force }): Query<Force>,
    headers: HeaderMap,
) -> Answer {
    let admin = Admin { app: &server, actor: &actor, now: clock::now_s() };
    admin.delete_domain(&name, force, precondition(&headers)?).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub async fn list_resources(server: Server, Path(domain): Path<String>, Query(page): Query<Page>) -> Answer {
    known_domain(&server, &domain)?;
    entity::list::<Resource>(&server, &domain, &page, |row| json!(row)).await
}

pub async fn get_resource(server: Server, Path((domain, name)): Path<(String, String)>, headers: HeaderMap) -> Answer {
    known_domain(&server, &domain)?;
    let row = server.store.get::<Resource>(&domain, &name).await?;
    let row = row.ok_or_else(|| {
        Problem::not_found(format!("there is no resource '{}' in domain '{domain}'", grantor_core::error::quote(&name)))
    })?;
    Ok(show(row.version, &json!(row), StatusCode::OK, &headers))
}

pub async fn put_resource(
    server: Server,
    Extension(Actor(actor)): Extension<Actor>,
    Path((domain, name)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    known_domain(&server, &domain)?;
    let admin = Admin { app: &server, actor: &actor, now: clock::now_s() };
    let (domain, name) = (&*domain, &*name);
    let write = |resource, when| async move { admin.put_resource(domain, name, &resource, when).await };
    let (put, row) = merged(&server, (domain, name), (&headers, &body), &RESOURCE_MEMBERS, write).await?;
    Ok(show(row.version, &json!(row), status_of(put), &HeaderMap::new()))
}

pub async fn delete_resource(
    server: Server,
    Extension(Actor(actor)): Extension<Actor>,
    Path((domain, name)): Path<(String, String)>,
    headers: HeaderMap,
) -> Answer {
    let admin = Admin { app: &server, actor: &actor, now: clock::now_s() };
    admin.delete_resource(&domain, &name, precondition(&headers)?).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
