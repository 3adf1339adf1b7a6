//! What was changed, and what was decided.

use super::domain::known_domain;
use super::entity::ok;
use super::problem::Problem;
use super::{Answer, Server};
use crate::admin::AdminError;
use crate::audit;
use axum::extract::{Path, Query};
use serde::Deserialize;
use serde_json::json;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Before {
    before: Option<i64>,
    limit: Option<i64>,
}

/// The changes of a domain, newest first. They outlast it.
pub async fn changes(server: Server, Path(domain): Path<String>, Query(page): Query<Before>) -> Answer {
    let limit = page.limit.unwrap_or(100);
    if !(1..=1000).contains(&limit) {
        return Err(Problem::bad("limit: 1 to 1000"));
    }
    // One more than asked for tells whether there is a next page.
    let mut items = server.store.changes_before(&domain, page.before.unwrap_or(i64::MAX), limit + 1).await?;
    let more = items.len() as i64 > limit;
    items.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    if items.is_empty() {
        known_domain(&server, &domain)?;
    }
    let next = items.last().filter(|_| more).map(|change| change.seq);
    let mut answer = json!({ "items": items });
    if let Some(next) = next {
        answer["next"] = next.into();
    }
    Ok(ok(&answer))
}

/// What was decided about a request, and why.
pub async fn decision(server: Server, Path(request_id): Path<String>) -> Answer {
    let folder = server.config.audit.folder.clone();
    let id = request_id.clone();
    let found = tokio::task::spawn_blocking(move || audit::find(&folder, &id)).await;
    let found = found.map_err(|error| AdminError::Failed(error.to_string()))?;
    let found = found.map_err(|error| AdminError::Failed(format!("the audit files cannot be read: {error}")))?;
    found.map(|decision| ok(&decision)).ok_or_else(|| {
        Problem::not_found("no decision is recorded under this request id; it may be mistyped, older than the audit files kept, or of a request that was refused before a decision")
    })
}
