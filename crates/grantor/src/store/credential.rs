//! Credentials of clients. A client has many, of mixed kinds.

use super::changes::{ChangeKind, Op, Subject, Write, append_change};
use super::{Result, Store, StoreError, read, write};
use grantor_core::client::{Credential, CredentialKind};
use grantor_core::jwk::Jwk;
use serde_json::json;

const OF_CLIENT: &str = "SELECT body FROM credential WHERE domain = $1 AND client_id = $2 ORDER BY id";
const ONE: &str = "SELECT body FROM credential WHERE domain = $1 AND client_id = $2 AND id = $3";

fn credential(body: &str) -> Result<Credential> {
    serde_json::from_str(body).map_err(|error| StoreError::Corrupt(format!("a credential: {error}")))
}

fn body(credential: &Credential) -> Result<String> {
    serde_json::to_string(credential).map_err(|error| StoreError::Corrupt(error.to_string()))
}

/// What the log keeps: no hash, which would let a reader of the log try secrets. Of keys their thumbprints.
fn public(credential: &Credential) -> String {
    let mut kept = json!({
        "id": credential.id,
        "type": credential.kind.as_str(),
        "label": credential.label,
        "created_at": credential.created_at,
        "not_before": credential.not_before,
        "expires_at": credential.expires_at,
        "revoked_at": credential.revoked_at,
    });
    match &credential.kind {
        CredentialKind::Secret(_) | CredentialKind::ImportedSecret { .. } | CredentialKind::HmacSecret { .. } => {}
        CredentialKind::Jwks { jwks } => {
            kept["keys"] = jwks.keys.iter().map(Jwk::thumbprint).collect();
        }
        CredentialKind::JwksUri { jwks_uri } => kept["jwks_uri"] = jwks_uri.as_str().into(),
        CredentialKind::Certificate { x5t_s256 } => kept["x5t#S256"] = x5t_s256.as_str().into(),
        CredentialKind::TlsClientAuth(rule) => kept[rule.member()] = rule.value().into(),
    }
    kept.to_string()
}

impl Store {
    /// Oldest first: ids begin with the time of their making.
    pub async fn credentials(&self, domain: &str, client_id: &str) -> Result<Vec<Credential>> {
        let rows: Vec<String> =
            read!(self, |db| sqlx::query_scalar(OF_CLIENT).bind(domain).bind(client_id).fetch_all(db).await)?;
        rows.iter().map(|row| credential(row)).collect()
    }

    /// Up to `limit` credentials of a domain after one of them, in the order of clients.
    pub async fn credentials_after(
        &self,
        domain: &str,
        (client_id, id): (&str, &str),
        limit: i64,
    ) -> Result<Vec<(String, Credential)>> {
        const AFTER: &str = "SELECT client_id, body FROM credential WHERE domain = $1 AND (client_id > $2 OR (client_id = $2 AND id > $3)) ORDER BY client_id, id LIMIT $4";
        let rows: Vec<(String, String)> = read!(self, |db| {
            sqlx::query_as(AFTER).bind(domain).bind(client_id).bind(id).bind(limit).fetch_all(db).await
        })?;
        rows.into_iter().map(|(client_id, body)| Ok((client_id, credential(&body)?))).collect()
    }

    /// Adds and alters credentials of a client, from what they are at that moment, in one transaction: nothing done by
    /// another administrator in between is undone. `change` gets them all; those it takes out stay as they are. What a
    /// credential proves never changes.
    pub async fn change_credentials<T: Send, E: Send>(
        &self,
        domain: &str,
        client_id: &str,
        change: impl FnOnce(&mut Vec<Credential>) -> std::result::Result<T, E> + Send,
        by: &Write,
    ) -> Result<std::result::Result<T, E>> {
        const UPSERT: &str = "INSERT INTO credential (domain, client_id, id, expires_at, body) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (domain, client_id, id) DO UPDATE SET expires_at = excluded.expires_at, body = excluded.body";
        write!(self, |tx| {
            let rows: Vec<String> =
                sqlx::query_scalar(OF_CLIENT).bind(domain).bind(client_id).fetch_all(&mut *tx).await?;
            let before = rows.iter().map(|row| credential(row)).collect::<Result<Vec<_>>>()?;
            let mut after = before.clone();
            let done = match change(&mut after) {
                Ok(done) => done,
                Err(refused) => return Ok(Err(refused)),
            };
            for new in &after {
                let have = before.iter().find(|have| have.id == new.id);
                if have == Some(new) {
                    continue;
                }
                if have.is_some_and(|have| have.kind != new.kind) {
                    return Err(StoreError::Conflict("another credential of this client has the same id".into()));
                }
                sqlx::query(UPSERT)
                    .bind(domain)
                    .bind(client_id)
                    .bind(&new.id)
                    .bind(new.expires_at)
                    .bind(body(new)?)
                    .execute(&mut *tx)
                    .await
                    .map_err(no_client)?;
                let op = if have.is_some() { Op::Update } else { Op::Create };
                let subject = Subject { domain, kind: ChangeKind::Credential, name: client_id };
                append_change!(tx, by, subject, op, have.map(public), Some(public(new)));
            }
            Ok(done)
        })
    }

    pub async fn delete_credential(&self, domain: &str, client_id: &str, id: &str, by: &Write) -> Result<()> {
        const DELETE: &str = "DELETE FROM credential WHERE domain = $1 AND client_id = $2 AND id = $3";
        write!(self, |tx| {
            let have: Option<String> =
                sqlx::query_scalar(ONE).bind(domain).bind(client_id).bind(id).fetch_optional(&mut *tx).await?;
            let have = credential(&have.ok_or(StoreError::NotFound)?)?;
            sqlx::query(DELETE).bind(domain).bind(client_id).bind(id).execute(&mut *tx).await?;
            let subject = Subject { domain, kind: ChangeKind::Credential, name: client_id };
            append_change!(tx, by, subject, Op::Delete, Some(public(&have)), None::<String>);
        })
    }
}

fn no_client(error: sqlx::Error) -> StoreError {
    match error.as_database_error() {
        Some(database) if database.is_foreign_key_violation() => StoreError::NotFound,
        _ => error.into(),
    }
}
