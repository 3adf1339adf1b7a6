//! The append-only log of everything an administrator changed. Written in the same transaction as the change.

use super::{Result, Store, read};
use grantor_core::Timestamp;
use serde::Serialize;
use serde_json::Value;

/// Who changes something, and when.
#[derive(Clone, Debug)]
pub struct Write {
    pub actor: String,
    pub at: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    Domain,
    Resource,
    Client,
    Credential,
    Key,
    Revocation,
}

impl ChangeKind {
    pub const ALL: [Self; 6] =
        [Self::Domain, Self::Resource, Self::Client, Self::Credential, Self::Key, Self::Revocation];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Domain => "domain",
            Self::Resource => "resource",
            Self::Client => "client",
            Self::Credential => "credential",
            Self::Key => "key",
            Self::Revocation => "revocation",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Op {
    Create,
    Update,
    Delete,
}

impl Op {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

/// One row of the log.
#[derive(Clone, Debug, Serialize, sqlx::FromRow)]
pub struct Change {
    pub seq: i64,
    pub at: Timestamp,
    pub actor: String,
    pub domain: String,
    pub kind: String,
    /// The name of what changed within its domain; of a credential, its client's.
    pub subject: String,
    pub op: String,
    #[sqlx(json(nullable))]
    pub before: Option<Value>,
    #[sqlx(json(nullable))]
    pub after: Option<Value>,
}

impl Change {
    pub fn kind(&self) -> Option<ChangeKind> {
        ChangeKind::ALL.into_iter().find(|kind| kind.as_str() == self.kind)
    }
}

/// What changed, by name.
pub(super) struct Subject<'a> {
    pub domain: &'a str,
    pub kind: ChangeKind,
    pub name: &'a str,
}

/// Appends a row to the log, inside the transaction `$tx`. Bodies hold no secrets and no hashes.
macro_rules! append_change {
    ($tx:ident, $by:expr, $subject:expr, $op:expr, $before:expr, $after:expr) => {{
        let subject: $crate::store::changes::Subject<'_> = $subject;
        sqlx::query("INSERT INTO changes (at, actor, domain, kind, subject, op, before, after) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)")
            .bind($by.at)
            .bind(&$by.actor)
            .bind(subject.domain)
            .bind(subject.kind.as_str())
            .bind(subject.name)
            .bind($op.as_str())
            .bind($before)
            .bind($after)
            .execute(&mut *$tx)
            .await?
    }};
}
pub(super) use append_change;

const COLUMNS: &str =
    "SELECT seq, at, actor, domain, kind, subject, op, before, after FROM changes WHERE seq > $1 ORDER BY seq LIMIT $2";

impl Store {
    /// The changes after `seq`, oldest first.
    pub async fn changes_after(&self, seq: i64, limit: i64) -> Result<Vec<Change>> {
        Ok(read!(self, |db| sqlx::query_as(COLUMNS).bind(seq).bind(limit).fetch_all(db).await)?)
    }

    /// The latest changes of one domain before `seq`, newest first.
    pub async fn changes_before(&self, domain: &str, seq: i64, limit: i64) -> Result<Vec<Change>> {
        const SQL: &str = "SELECT seq, at, actor, domain, kind, subject, op, before, after FROM changes WHERE domain = $1 AND seq < $2 ORDER BY seq DESC LIMIT $3";
        Ok(read!(self, |db| sqlx::query_as(SQL).bind(domain).bind(seq).bind(limit).fetch_all(db).await)?)
    }

    /// The number of the latest change, or 0.
    pub async fn last_change(&self) -> Result<i64> {
        const SQL: &str = "SELECT COALESCE(MAX(seq), 0) FROM changes";
        Ok(read!(self, |db| sqlx::query_scalar(SQL).fetch_one(db).await)?)
    }
}
