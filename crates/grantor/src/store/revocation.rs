//! The few facts about tokens that must die early (RFC 7009).

use super::changes::{ChangeKind, Write};
use super::{Change, Result, Store, StoreError, read, write};
use grantor_core::Timestamp;
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(rename_all = "snake_case")]
pub enum RevocationKind {
    /// One token, by its `jti`.
    Token,
    /// All tokens of a client issued up to a moment.
    Client,
}

#[derive(Clone, Debug, Serialize, Deserialize, sqlx::FromRow)]
pub struct Revocation {
    pub domain: String,
    pub kind: RevocationKind,
    /// A `jti`, or a `client_id`.
    pub subject: String,
    pub issued_before: Timestamp,
    /// When every token concerned would have expired anyway.
    pub expires_at: Timestamp,
}

/// Adds a revocation inside the transaction `$tx`. Doing it twice is doing it once; a later one of a client covers the
/// earlier.
macro_rules! add_revocation {
    ($tx:ident, $revocation:expr, $by:expr) => {{
        use $crate::store::changes::{ChangeKind, Op, Subject, append_change};
        const SQL: &str = "INSERT INTO revocation (domain, kind, subject, issued_before, expires_at) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (domain, kind, subject) DO UPDATE SET issued_before = excluded.issued_before, expires_at = excluded.expires_at \
             WHERE excluded.issued_before > revocation.issued_before";
        let row: &$crate::store::Revocation = $revocation;
        let done = sqlx::query(SQL)
            .bind(&row.domain)
            .bind(row.kind)
            .bind(&row.subject)
            .bind(row.issued_before)
            .bind(row.expires_at)
            .execute(&mut *$tx)
            .await?;
        if done.rows_affected() == 1 {
            let subject = Subject { domain: &row.domain, kind: ChangeKind::Revocation, name: &row.subject };
            let after = serde_json::to_string(row).map_err(|error| StoreError::Corrupt(error.to_string()))?;
            append_change!($tx, $by, subject, Op::Create, None::<String>, Some(after));
        }
    }};
}
pub(super) use add_revocation;

impl Store {
    /// Durable when this returns.
    pub async fn insert_revocation(&self, revocation: &Revocation, by: &Write) -> Result<()> {
        write!(self, |tx| add_revocation!(tx, revocation, by))
    }

    /// All that still matters.
    pub async fn revocations(&self, now: Timestamp) -> Result<Vec<Revocation>> {
        const SQL: &str =
            "SELECT domain, kind, subject, issued_before, expires_at FROM revocation WHERE expires_at > $1";
        Ok(read!(self, |db| sqlx::query_as(SQL).bind(now).fetch_all(db).await)?)
    }

    /// Forgets what no longer matters. Not a change of anything, so the log does not hear of it.
    pub async fn forget_expired_revocations(&self, now: Timestamp) -> Result<u64> {
        const SQL: &str = "DELETE FROM revocation WHERE expires_at <= $1";
        write!(self, |tx| sqlx::query(SQL).bind(now).execute(&mut *tx).await?.rows_affected())
    }
}

impl Change {
    /// The revocation that this change made, if it made one.
    pub fn revocation(&self) -> Option<Revocation> {
        self.after
            .clone()
            .filter(|_| self.kind() == Some(ChangeKind::Revocation))
            .and_then(|after| serde_json::from_value(after).ok())
    }
}
