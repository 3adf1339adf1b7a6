//! `/v1/domain/{domain}/key`.

use super::auth::Actor;
use super::entity::{check_known, object, ok, read};
use super::{Answer, Server};
use crate::admin::Admin;
use crate::clock;
use axum::Extension;
use axum::body::Bytes;
use axum::extract::Path;
use axum::http::HeaderMap;
use serde::Deserialize;
use serde_json::json;

pub async fn list(server: Server, Extension(Actor(actor)): Extension<Actor>, Path(domain): Path<String>) -> Answer {
    let admin = Admin { app: &server, actor: &actor, now: clock::now_s() };
    Ok(ok(&json!({ "items": admin.keys(&domain).await? })))
}

/// Why keys are rotated.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct RotateKeys {
    /// A key has leaked: successors are used at once, and every token of the present keys ends.
    #[serde(default)]
    compromised: bool,
}

pub async fn rotate(
    server: Server,
    Extension(Actor(actor)): Extension<Actor>,
    Path(domain): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let written = object(&headers, &body)?;
    check_known(&written, &["compromised"])?;
    let RotateKeys { compromised } = read(written)?;
    let admin = Admin { app: &server, actor: &actor, now: clock::now_s() };
    let keys =
        if compromised { admin.replace_compromised_keys(&domain).await? } else { admin.rotate_keys(&domain).await? };
    Ok(ok(&json!({ "items": keys })))
}
