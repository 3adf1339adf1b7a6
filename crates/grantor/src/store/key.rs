//! Signing keys, and the keys of opaque tokens. Private parts are sealed before they come here.

use super::changes::{ChangeKind, Op, Subject, Write, append_change};
use super::{Result, Store, StoreError, read, write};
use grantor_core::Timestamp;

/// A key as stored.
#[derive(Clone, sqlx::FromRow)]
pub struct KeyRow {
    pub kid: String,
    /// A JOSE algorithm, or `A256GCMSIV` for a key of opaque tokens.
    pub alg: String,
    pub generation: i64,
    pub created_at: Timestamp,
    pub activates_at: Timestamp,
    pub expires_at: Option<Timestamp>,
    pub sealed: String,
    pub public_jwk: Option<String>,
}

impl std::fmt::Debug for KeyRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyRow")
            .field("kid", &self.kid)
            .field("alg", &self.alg)
            .field("generation", &self.generation)
            .finish_non_exhaustive()
    }
}

/// Adds a key inside the transaction `$tx`, unless there is one of its generation.
macro_rules! insert_row {
    ($tx:ident, $domain:expr, $key:expr, $by:expr) => {{
        const SQL: &str = "INSERT INTO domain_key (domain, kid, alg, generation, created_at, activates_at, expires_at, sealed, public_jwk) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (domain, alg, generation) DO NOTHING";
        let key: &KeyRow = $key;
        let done = sqlx::query(SQL)
            .bind($domain)
            .bind(&key.kid)
            .bind(&key.alg)
            .bind(key.generation)
            .bind(key.created_at)
            .bind(key.activates_at)
            .bind(key.expires_at)
            .bind(&key.sealed)
            .bind(&key.public_jwk)
            .execute(&mut *$tx)
            .await?;
        let inserted = done.rows_affected() == 1;
        if inserted {
            append_change!($tx, $by, subject($domain, &key.kid), Op::Create, None::<String>, Some(times(key)));
        }
        inserted
    }};
}

/// Deletes a key inside the transaction `$tx`.
macro_rules! delete_row {
    ($tx:ident, $domain:expr, $kid:expr, $by:expr) => {{
        const SQL: &str = "DELETE FROM domain_key WHERE domain = $1 AND kid = $2";
        let done = sqlx::query(SQL).bind($domain).bind($kid).execute(&mut *$tx).await?;
        if done.rows_affected() == 1 {
            append_change!($tx, $by, subject($domain, $kid), Op::Delete, None::<String>, None::<String>);
        }
    }};
}

impl Store {
    /// All keys of a domain, oldest first.
    pub async fn keys(&self, domain: &str) -> Result<Vec<KeyRow>> {
        const SQL: &str = "SELECT kid, alg, generation, created_at, activates_at, expires_at, sealed, public_jwk FROM domain_key WHERE domain = $1 ORDER BY alg, generation";
        Ok(read!(self, |db| sqlx::query_as(SQL).bind(domain).fetch_all(db).await)?)
    }

    /// Whether any key was ever sealed here: then the master key and pepper must be the ones of that time.
    pub async fn has_keys(&self) -> Result<bool> {
        const SQL: &str = "SELECT COUNT(*) FROM (SELECT kid FROM domain_key LIMIT 1) AS some";
        let count: i64 = read!(self, |db| sqlx::query_scalar(SQL).fetch_one(db).await)?;
        Ok(count > 0)
    }

    /// Adds the next key of its algorithm. False if another node has made that generation: then its key is the one.
    pub async fn insert_key(&self, domain: &str, key: &KeyRow, by: &Write) -> Result<bool> {
        write!(self, |tx| insert_row!(tx, domain, key, by))
    }

    /// Puts keys in the place of others, all or none: a leaked key is not left beside its successor.
    pub async fn replace_keys(&self, domain: &str, old: &[String], new: &[KeyRow], by: &Write) -> Result<()> {
        write!(self, |tx| {
            for key in new {
                if !insert_row!(tx, domain, key, by) {
                    return Err(StoreError::Conflict("the keys were changed meanwhile; repeat the request".into()));
                }
            }
            for kid in old {
                delete_row!(tx, domain, kid, by);
            }
        })
    }

    /// Sets when a key starts and ends.
    pub async fn set_key_times(&self, domain: &str, key: &KeyRow, by: &Write) -> Result<()> {
        const SQL: &str = "UPDATE domain_key SET activates_at = $3, expires_at = $4 WHERE domain = $1 AND kid = $2";
        write!(self, |tx| {
            let done = sqlx::query(SQL)
                .bind(domain)
                .bind(&key.kid)
                .bind(key.activates_at)
                .bind(key.expires_at)
                .execute(&mut *tx)
                .await?;
            if done.rows_affected() == 0 {
                return Err(StoreError::NotFound);
            }
            append_change!(tx, by, subject(domain, &key.kid), Op::Update, None::<String>, Some(times(key)));
        })
    }

    /// One that is gone already needs nothing: two nodes may tidy at once.
    pub async fn delete_key(&self, domain: &str, kid: &str, by: &Write) -> Result<()> {
        write!(self, |tx| delete_row!(tx, domain, kid, by))
    }
}

fn subject<'a>(domain: &'a str, kid: &'a str) -> Subject<'a> {
    Subject { domain, kind: ChangeKind::Key, name: kid }
}

fn times(key: &KeyRow) -> String {
    serde_json::json!({ "alg": key.alg, "generation": key.generation, "activates_at": key.activates_at, "expires_at": key.expires_at }).to_string()
}
