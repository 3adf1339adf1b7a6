//! `/v1/domain/{domain}/allowance`: who still needs to be let off from a rule.

use super::domain::known_domain;
use super::entity::{Page, ok};
use super::{Answer, Server};
use crate::App;
use crate::allowances::AllowanceUse;
use crate::store::Stored;
use axum::extract::{Path, Query};
use grantor_core::Timestamp;
use grantor_core::client::ClientMetadata;
use grantor_core::client_auth::Allowance;
use serde::Serialize;
use utoipa::ToSchema;

/// How often this server let a client off from a rule that the others keep.
#[derive(Debug, Serialize, ToSchema)]
pub struct AllowanceUsed {
    client_id: String,
    /// The member of the client that allows it.
    allowance: &'static str,
    /// Requests that would have been refused without it.
    count: u64,
    /// Absent: never since then.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used_at: Option<Timestamp>,
    /// When this server began to count: at its start.
    since: Timestamp,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct AllowanceList {
    items: Vec<AllowanceUsed>,
    /// Send it as `after` for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

fn used(app: &App, client_id: &str, used: AllowanceUse) -> AllowanceUsed {
    AllowanceUsed {
        client_id: client_id.to_owned(),
        allowance: used.allowance.as_str(),
        count: used.count,
        last_used_at: Some(used.last_used_at),
        since: app.allowances.since(),
    }
}

/// Those that it used, and those that it has and did not use.
pub fn of_client(app: &App, domain: &str, client: &Stored<ClientMetadata>) -> Vec<AllowanceUsed> {
    let mut all: Vec<_> = app.allowances.of_client(domain, &client.name);
    all.sort_by_key(|one| one.allowance.as_str());
    let mut shown: Vec<_> = all.into_iter().map(|one| used(app, &client.name, one)).collect();
    for allowance in Allowance::ALL.into_iter().filter(|allowance| allowance.is_given(&client.body)) {
        let allowance = allowance.as_str();
        if !shown.iter().any(|one| one.allowance == allowance) {
            let (client_id, since) = (client.name.clone(), app.allowances.since());
            shown.push(AllowanceUsed { client_id, allowance, count: 0, last_used_at: None, since });
        }
    }
    shown
}

pub async fn list(server: Server, Path(domain): Path<String>, Query(page): Query<Page>) -> Answer {
    known_domain(&server, &domain)?;
    let limit = usize::try_from(page.limit()?).unwrap_or(usize::MAX);
    let mut rest = server.allowances.of_domain(&domain).into_iter().filter(|(id, _)| **id > *page.after).peekable();
    let mut items: Vec<AllowanceUsed> = Vec::new();
    // A page ends between two clients, as `after` names one: it may be longer by what the last client used besides.
    while let Some((id, one)) =
        rest.next_if(|(id, _)| items.len() < limit || items.last().is_some_and(|last| last.client_id == *id))
    {
        items.push(used(&server, &id, one));
    }
    let next = rest.peek().and(items.last()).map(|last| last.client_id.clone());
    Ok(ok(&AllowanceList { items, next }))
}
