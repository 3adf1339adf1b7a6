//! Domains, resources and clients: named, versioned JSON bodies. Their queries differ in nothing but names.

use super::changes::{ChangeKind, Op, Subject, Write, append_change};
use super::revocation::{Revocation, add_revocation};
use super::{Result, Store, StoreError, read, write};
use grantor_core::Timestamp;
use grantor_core::client::ClientMetadata;
use grantor_core::domain::DomainSettings;
use grantor_core::resource::Resource;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A row as stored.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Stored<T> {
    pub name: String,
    /// Counts the writes; the ETag of the admin API.
    pub version: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    #[serde(flatten)]
    pub body: T,
}

/// What a writer demands of the row before it writes (RFC 9110 §13.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precondition {
    None,
    /// `If-Match`: the row exists in this version.
    Version(i64),
    /// `If-Match: *`: the row exists.
    Present,
    /// `If-None-Match: *`: the row does not exist.
    Absent,
}

/// What a write did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    Created,
    Updated,
    /// The body was already the same; nothing was written.
    Unchanged,
}

/// A kind of thing that is stored as a named, versioned body.
pub trait Entity: Serialize + DeserializeOwned + Clone + PartialEq + Send + Sync + Unpin {
    const KIND: ChangeKind;
    #[doc(hidden)]
    const SQL: Sql;
}

#[doc(hidden)]
#[derive(Debug)]
pub struct Sql {
    get: &'static str,
    list: &'static str,
    insert: &'static str,
    update: &'static str,
    delete: &'static str,
}

/// `$1` is the domain and `$2` the name throughout.
macro_rules! sql {
    ($table:literal, $name:literal) => {
        Sql {
            get: concat!(
                "SELECT ",
                $name,
                ", version, created_at, updated_at, body FROM ",
                $table,
                " WHERE domain = $1 AND ",
                $name,
                " = $2"
            ),
            list: concat!(
                "SELECT ",
                $name,
                ", version, created_at, updated_at, body FROM ",
                $table,
                " WHERE domain = $1 AND ",
                $name,
                " > $2 ORDER BY ",
                $name,
                " LIMIT $3"
            ),
            insert: concat!(
                "INSERT INTO ",
                $table,
                " (domain, ",
                $name,
                ", version, created_at, updated_at, body) VALUES ($1, $2, 1, $3, $3, $4)"
            ),
            update: concat!(
                "UPDATE ",
                $table,
                " SET version = $3, updated_at = $4, body = $5 WHERE domain = $1 AND ",
                $name,
                " = $2"
            ),
            delete: concat!("DELETE FROM ", $table, " WHERE domain = $1 AND ", $name, " = $2"),
        }
    };
}

impl Entity for ClientMetadata {
    const KIND: ChangeKind = ChangeKind::Client;
    const SQL: Sql = sql!("client", "client_id");
}

impl Entity for Resource {
    const KIND: ChangeKind = ChangeKind::Resource;
    const SQL: Sql = sql!("resource", "name");
}

/// A domain is its own domain; it is listed for all.
impl Entity for DomainSettings {
    const KIND: ChangeKind = ChangeKind::Domain;
    const SQL: Sql = Sql {
        get: "SELECT domain, version, created_at, updated_at, body FROM domain WHERE domain = $1 AND domain = $2",
        list: "SELECT domain, version, created_at, updated_at, body FROM domain WHERE $1 = $1 AND domain > $2 ORDER BY domain LIMIT $3",
        insert: "INSERT INTO domain (domain, version, created_at, updated_at, body) SELECT $1, 1, $3, $3, $4 WHERE $1 = $2",
        update: "UPDATE domain SET version = $3, updated_at = $4, body = $5 WHERE domain = $1 AND domain = $2",
        delete: "DELETE FROM domain WHERE domain = $1 AND domain = $2",
    };
}

type Row = (String, i64, i64, i64, String);

fn stored<T: Entity>((name, version, created_at, updated_at, body): Row) -> Result<Stored<T>> {
    let body = serde_json::from_str(&body)
        .map_err(|error| StoreError::Corrupt(format!("{} '{name}': {error}", T::KIND.as_str())))?;
    Ok(Stored { name, version, created_at, updated_at, body })
}

fn json<T: Serialize>(body: &T) -> Result<String> {
    serde_json::to_string(body).map_err(|error| StoreError::Corrupt(error.to_string()))
}

/// How another row stands in the way, if it does.
pub type Conflict<'a, T> = dyn Fn(&Stored<T>) -> Option<String> + Sync + 'a;

/// Deletes a row inside the transaction `$tx`.
macro_rules! delete_row {
    ($tx:ident, $entity:ty, $domain:expr, $name:expr, $when:expr, $by:expr) => {{
        let (domain, name): (&str, &str) = ($domain, $name);
        let sql = <$entity as Entity>::SQL;
        let row: Option<Row> = sqlx::query_as(sql.get).bind(domain).bind(name).fetch_optional(&mut *$tx).await?;
        let have: Stored<$entity> = row.map(stored).transpose()?.ok_or(StoreError::NotFound)?;
        if matches!($when, Precondition::Version(version) if version != have.version) || $when == Precondition::Absent {
            return Err(StoreError::PreconditionFailed);
        }
        sqlx::query(sql.delete).bind(domain).bind(name).execute(&mut *$tx).await?;
        let subject = Subject { domain, kind: <$entity as Entity>::KIND, name };
        append_change!($tx, $by, subject, Op::Delete, Some(json(&have.body)?), None::<String>);
    }};
}
impl Store {
    pub async fn get<T: Entity>(&self, domain: &str, name: &str) -> Result<Option<Stored<T>>> {
        let row: Option<Row> =
            read!(self, |db| sqlx::query_as(T::SQL.get).bind(domain).bind(name).fetch_optional(db).await)?;
        row.map(stored).transpose()
    }

    /// Up to `limit` rows whose names come after `after`, in order.
    pub async fn list<T: Entity>(&self, domain: &str, after: &str, limit: i64) -> Result<Vec<Stored<T>>> {
        let rows: Vec<Row> =
            read!(self, |db| sqlx::query_as(T::SQL.list).bind(domain).bind(after).bind(limit).fetch_all(db).await)?;
        rows.into_iter().map(stored).collect()
    }

    /// All rows of a domain, in order. For kinds of which a domain has few.
    pub async fn all<T: Entity>(&self, domain: &str) -> Result<Vec<Stored<T>>> {
        const PAGE: i64 = 1000;
        let mut rows: Vec<Stored<T>> = Vec::new();
        loop {
            let after = rows.last().map(|row| row.name.clone()).unwrap_or_default();
            let page = self.list(domain, &after, PAGE).await?;
            let whole = (page.len() as i64) < PAGE;
            rows.extend(page);
            if whole {
                return Ok(rows);
            }
        }
    }

    /// Creates or updates a row, and logs that. Writing what is there already changes nothing.
    pub async fn put<T: Entity>(
        &self,
        domain: &str,
        name: &str,
        body: &T,
        when: Precondition,
        by: &Write,
    ) -> Result<(Put, Stored<T>)> {
        self.put_beside(domain, name, body, when, None, by).await
    }

    /// Likewise, unless another row of the same list stands in the way; then `conflict` says how.
    pub async fn put_beside<T: Entity>(
        &self,
        domain: &str,
        name: &str,
        body: &T,
        when: Precondition,
        conflict: Option<&Conflict<'_, T>>,
        by: &Write,
    ) -> Result<(Put, Stored<T>)> {
        let text = json(body)?;
        let done: Result<_> = write!(self, |tx| {
            let row: Option<Row> = sqlx::query_as(T::SQL.get).bind(domain).bind(name).fetch_optional(&mut *tx).await?;
            let have: Option<Stored<T>> = row.map(stored).transpose()?;
            let allowed = match (when, &have) {
                (Precondition::None, _) | (Precondition::Absent, None) | (Precondition::Present, Some(_)) => true,
                (Precondition::Version(version), Some(have)) => version == have.version,
                _ => false,
            };
            if !allowed {
                return Err(StoreError::PreconditionFailed);
            }
            if let Some(conflict) = conflict {
                let rows: Vec<Row> =
                    sqlx::query_as(T::SQL.list).bind(domain).bind("").bind(i64::MAX).fetch_all(&mut *tx).await?;
                for other in rows.into_iter().filter(|row| row.0 != name) {
                    conflict(&stored(other)?).map_or(Ok(()), |what| Err(StoreError::Conflict(what)))?;
                }
            }
            let subject = Subject { domain, kind: T::KIND, name };
            match have {
                Some(have) if have.body == *body => (Put::Unchanged, have),
                Some(have) => {
                    let version = have.version + 1;
                    sqlx::query(T::SQL.update)
                        .bind(domain)
                        .bind(name)
                        .bind(version)
                        .bind(by.at)
                        .bind(&text)
                        .execute(&mut *tx)
                        .await
                        .map_err(taken::<T>)?;
                    append_change!(tx, by, subject, Op::Update, Some(json(&have.body)?), Some(&text));
                    (Put::Updated, Stored { version, updated_at: by.at, body: body.clone(), ..have })
                }
                None => {
                    sqlx::query(T::SQL.insert)
                        .bind(domain)
                        .bind(name)
                        .bind(by.at)
                        .bind(&text)
                        .execute(&mut *tx)
                        .await
                        .map_err(taken::<T>)?;
                    append_change!(tx, by, subject, Op::Create, None::<String>, Some(&text));
                    (
                        Put::Created,
                        Stored {
                            name: name.to_owned(),
                            version: 1,
                            created_at: by.at,
                            updated_at: by.at,
                            body: body.clone(),
                        },
                    )
                }
            }
        });
        done
    }

    /// Deletes a row and what hangs on it, and logs that.
    pub async fn delete<T: Entity>(&self, domain: &str, name: &str, when: Precondition, by: &Write) -> Result<()> {
        write!(self, |tx| delete_row!(tx, T, domain, name, when, by))
    }

    /// Deletes a domain with all that is in it. One that has clients and is no sandbox only by force.
    pub async fn delete_domain(&self, name: &str, force: bool, when: Precondition, by: &Write) -> Result<()> {
        const CLIENTS: &str = "SELECT COUNT(*) FROM (SELECT client_id FROM client WHERE domain = $1 LIMIT 1) AS some";
        write!(self, |tx| {
            let row: Option<Row> = sqlx::query_as(<DomainSettings as Entity>::SQL.get)
                .bind(name)
                .bind(name)
                .fetch_optional(&mut *tx)
                .await?;
            let have: Stored<DomainSettings> = row.map(stored).transpose()?.ok_or(StoreError::NotFound)?;
            let clients: i64 = sqlx::query_scalar(CLIENTS).bind(name).fetch_one(&mut *tx).await?;
            if clients > 0 && !force && !have.body.sandbox {
                return Err(StoreError::Conflict(format!(
                    "domain '{name}' has clients and is no sandbox; delete them first, or repeat with force"
                )));
            }
            delete_row!(tx, DomainSettings, name, name, when, by);
        })
    }

    /// Deletes a client and its credentials and ends its tokens, or does none of it: another client of the same name must
    /// not inherit them.
    pub async fn delete_client(&self, ended: &Revocation, when: Precondition, by: &Write) -> Result<()> {
        write!(self, |tx| {
            delete_row!(tx, ClientMetadata, &ended.domain, &ended.subject, when, by);
            add_revocation!(tx, ended, by);
        })
    }
}

/// A unique index or a foreign key stood in the way.
fn taken<T: Entity>(error: sqlx::Error) -> StoreError {
    match error.as_database_error() {
        Some(database) if database.is_unique_violation() => {
            StoreError::Conflict(format!("another {} of this domain has the same identifier", T::KIND.as_str()))
        }
        Some(database) if database.is_foreign_key_violation() => StoreError::Conflict("there is no such domain".into()),
        _ => error.into(),
    }
}
