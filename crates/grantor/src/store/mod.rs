//! All SQL. One body per query for every database; times are seconds, structured fields JSON text.

mod changes;
mod credential;
mod entity;
mod key;
mod revocation;

pub use changes::{Change, ChangeKind, Op, Write};
pub use entity::{Conflict, Entity, Precondition, Put, Stored};
pub use key::KeyRow;
pub use revocation::{Revocation, RevocationKind};

use grantor_core::error::{ErrorCode, OAuthError};
use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use std::path::Path;
use std::time::Duration;

/// The databases that Grantor can keep its state in.
#[derive(Clone, Debug)]
pub enum Store {
    /// One connection writes, several read: SQLite has one writer at a time anyway, and so nobody waits on a lock.
    Sqlite { read: SqlitePool, write: SqlitePool },
}

/// Runs one body against whichever database is open, for reading.
macro_rules! read {
    ($store:expr, |$db:ident| $body:expr) => {
        match $store {
            $crate::store::Store::Sqlite { read: $db, .. } => $body,
        }
    };
}
/// Likewise, in a transaction of the writer. The body leaves by `?` to roll back.
///
/// After a failure of the database, such as a full disk, nobody knows what state the connection is in: SQLite has rolled
/// back by itself, and sqlx thinks that a transaction is open. It is given up, and the next write opens another.
macro_rules! write {
    ($store:expr, |$tx:ident| $body:expr) => {
        match $store {
            $crate::store::Store::Sqlite { write: db, .. } => {
                let mut connection = db.acquire().await?;
                let written: $crate::store::Result<_> = async {
                    let mut $tx = sqlx::Connection::begin_with(&mut *connection, "BEGIN IMMEDIATE").await?;
                    let done = $body;
                    $tx.commit().await?;
                    Ok(done)
                }
                .await;
                if matches!(written, Err($crate::store::StoreError::Database(_))) {
                    connection.close_on_drop();
                }
                written
            }
        }
    };
}
use {read, write};

/// Why the store did not do what was asked.
#[derive(Debug)]
pub enum StoreError {
    /// The row is not in the version that the caller saw (RFC 9110 §13.1.1).
    PreconditionFailed,
    /// Another row stands in the way; the sentence says which.
    Conflict(String),
    NotFound,
    /// What is stored cannot be read as what it should be.
    Corrupt(String),
    Database(sqlx::Error),
}

pub type Result<T> = std::result::Result<T, StoreError>;

impl std::fmt::Display for StoreError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::PreconditionFailed => f.write_str("it was changed since it was read"),
            Self::Conflict(what) => f.write_str(what),
            Self::NotFound => f.write_str("it does not exist"),
            Self::Corrupt(what) => std::write!(f, "the database holds something unreadable: {what}"),
            Self::Database(error) if is_full(error) => {
                f.write_str("the disk is full; free some space, nothing was changed")
            }
            Self::Database(error) => std::write!(f, "the database failed: {error}"),
        }
    }
}

impl std::error::Error for StoreError {}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

/// SQLITE_FULL.
fn is_full(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(|error| error.code()).is_some_and(|code| code == "13")
}

impl Store {
    /// Opens or creates an SQLite file and brings its schema up to date.
    pub async fn open_sqlite(path: &Path) -> std::result::Result<Self, OpenError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(5))
            .pragma("temp_store", "MEMORY")
            .pragma("journal_size_limit", "67108864");
        let failed = |what: String| OpenError { path: path.display().to_string(), what };
        private(path).map_err(|error| failed(file_problem(&error)))?;
        let opened = SqlitePoolOptions::new().max_connections(1).connect_with(options.clone()).await;
        let write = opened.map_err(|error| failed(open_problem(&error)))?;
        let migrated = sqlx::migrate!("src/store/migrations/sqlite").run(&write).await;
        migrated.map_err(|error| failed(migration_problem(&error)))?;
        let read = SqlitePoolOptions::new().max_connections(4).connect_lazy_with(options.read_only(true));
        Ok(Self::Sqlite { read, write })
    }

    /// Finishes what is being written and closes the database.
    pub async fn close(&self) {
        match self {
            Self::Sqlite { read, write } => {
                read.close().await;
                write.close().await;
            }
        }
    }

    /// Whether the database answers: for `/readyz`.
    pub async fn ping(&self) -> Result<()> {
        read!(self, |db| sqlx::query("SELECT 1").execute(db).await.map(drop)).map_err(Into::into)
    }
}

/// Makes the file, if it is missing, for its owner alone; SQLite's files beside it follow its mode.
fn private(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    std::fs::OpenOptions::new().append(true).create(true).mode(0o600).open(path).map(drop)
}

/// The database cannot be opened: where it is, and what to look at.
#[derive(Debug)]
pub struct OpenError {
    path: String,
    what: String,
}

impl std::fmt::Display for OpenError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::write!(f, "cannot open the database {}: {}", self.path, self.what)
    }
}

impl std::error::Error for OpenError {}

fn file_problem(error: &std::io::Error) -> String {
    use std::io::ErrorKind;
    let advice = match error.kind() {
        ErrorKind::PermissionDenied => "let the server's user read and write it",
        ErrorKind::NotFound => "make the folder that it should be in, or correct database.url",
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "make room on the disk",
        ErrorKind::ReadOnlyFilesystem => "mount the disk writable",
        ErrorKind::IsADirectory => "this is a folder; correct database.url",
        _ => "check the disk",
    };
    format!("{error}; {advice}")
}

/// By SQLite's primary result code, which is the low byte of an extended one.
fn open_problem(error: &sqlx::Error) -> String {
    let code = error.as_database_error().and_then(|error| error.code()).and_then(|code| code.parse::<u32>().ok());
    let advice = match code.map(|code| code & 0xff) {
        Some(11 | 26) => "restore it from a backup, or correct database.url",
        Some(13) => "make room on the disk",
        Some(3 | 8 | 14 | 23) => "let the server's user read and write it and its folder",
        Some(5 | 6) => "another program has it open; stop that one",
        _ => "check the disk",
    };
    format!("{error}; {advice}")
}

fn migration_problem(error: &sqlx::migrate::MigrateError) -> String {
    use sqlx::migrate::MigrateError::{Execute, VersionMismatch, VersionMissing};
    match error {
        VersionMissing(version) => {
            format!("it was written by a newer Grantor (schema {version}); use that version, or restore a backup")
        }
        VersionMismatch(version) => {
            format!("its schema step {version} differs from this version's; it was changed by hand or by another build")
        }
        Execute(error) => open_problem(error),
        other => format!("{other}; restore it from a backup"),
    }
}

impl From<StoreError> for OAuthError {
    /// The database is away and memory does not hold the answer: a passing state (RFC 6749 §5.2 has no code for it).
    fn from(error: StoreError) -> Self {
        OAuthError::new(ErrorCode::TemporarilyUnavailable, "the server cannot answer this now; try again shortly")
            .because("store", error.to_string())
            .retry_after(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use grantor_core::domain::DomainSettings;

    #[tokio::test]
    async fn a_full_disk_is_named_and_recovered_from() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open_sqlite(&folder.path().join("grantor.db")).await.unwrap();
        let by = Write { actor: "test".into(), at: 1 };
        let put = async |name: String| {
            store.put(&name, &name, &DomainSettings::default(), Precondition::Absent, &by).await.map(drop)
        };
        put("before".into()).await.unwrap();
        // SQLite answers SQLITE_FULL to whoever would grow the file beyond its present size.
        let Store::Sqlite { write, .. } = &store;
        sqlx::query("PRAGMA max_page_count = 1").execute(write).await.unwrap();
        let mut refused = None;
        for i in 0..200 {
            refused = put(format!("full{i}")).await.err();
            if refused.is_some() {
                break;
            }
        }
        let refused = refused.expect("the disk gets full").to_string();
        assert!(refused.contains("disk is full"), "{refused}");
        put("after".into()).await.expect("with room again, writing goes on without a restart");
        assert_eq!(store.get::<DomainSettings>("after", "after").await.unwrap().unwrap().version, 1);
    }
}
