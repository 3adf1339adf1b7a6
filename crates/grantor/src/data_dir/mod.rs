//! The data folder: the database, the keys that seal it, and what a running server leaves for the command line.
//!
//! | file | what |
//! |---|---|
//! | `grantor.lock` | locked by the running server, and holds its process id |
//! | `master.key` | 32 random bytes in base64url: seals the signing keys in the database |
//! | `pepper.key` | lines `ID:base64url`, newest last: keys the hashes of client secrets |
//! | `admin.key` | the bootstrap administrator's key |
//! | `admin.url` | where the running server's admin API is: URL and, after a space, perhaps the address to use |
//!
//! All have mode 0600 in a folder of mode 0700. A key file is never replaced.

mod atomic;
mod keys;

pub use keys::MasterKey;

use crate::secrets::{self, SECRET_MAX_BYTES, Secret, SecretRef, Secrets};
use grantor_core::secret::Pepper;
use std::fmt;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use zeroize::Zeroizing;

const LOCK: &str = "grantor.lock";
const MASTER_KEY: &str = "master.key";
const PEPPER_KEY: &str = "pepper.key";
const ADMIN_KEY: &str = "admin.key";
const ADMIN_URL: &str = "admin.url";

/// What to do about a folder or key that is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IfMissing {
    Create,
    Refuse,
}

/// A sentence about a file or folder: what is wrong and what to do. Never holds a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataError(String);

impl fmt::Display for DataError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for DataError {}

/// A data folder, perhaps in use by a server. Reading from it is all that can be done without its lock.
#[derive(Debug, Clone)]
pub struct DataDir {
    path: PathBuf,
}

impl DataDir {
    pub fn open(path: &Path, if_missing: IfMissing) -> Result<Self, DataError> {
        let shown = path.display();
        match fs::metadata(path) {
            Ok(found) if !found.is_dir() => {
                Err(DataError(format!("the data folder {shown} is a file; name a folder with `data`")))
            }
            Ok(found) if found.permissions().mode() & 0o002 != 0 => Err(DataError(format!(
                "anyone may write into the data folder {shown}, and so replace its keys; run: chmod 700 {shown} \
                 (or name a folder inside it with `data`)"
            ))),
            Ok(_) => Ok(Self { path: path.to_owned() }),
            Err(error) if error.kind() == ErrorKind::NotFound && if_missing == IfMissing::Create => {
                let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
                made.map_err(|error| failed("making the data folder", path, &error))?;
                Ok(Self { path: path.to_owned() })
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Err(DataError(format!(
                "there is no data folder {shown}; name the server's with `data` (or GRANTOR_DATA)"
            ))),
            Err(error) => Err(failed("opening the data folder", path, &error)),
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Takes the folder for one server, until the result is dropped or the process ends.
    pub fn lock(&self) -> Result<DataLock, DataError> {
        self.take()?.map_err(|holder| {
            let mut pid = String::new();
            let known = holder.take(20).read_to_string(&mut pid).is_ok() && !pid.trim().is_empty();
            let who = if known { format!(" (process {})", pid.trim()) } else { String::new() };
            DataError(format!(
                "another Grantor server{who} is using the data folder {}; stop it, or give this one a folder of its \
                 own with `data`",
                self.path.display()
            ))
        })
    }

    /// Takes the folder, if no server has it.
    pub fn try_lock(&self) -> Result<Option<DataLock>, DataError> {
        Ok(self.take()?.ok())
    }

    /// The lock, or the lock file that somebody else holds.
    fn take(&self) -> Result<Result<DataLock, File>, DataError> {
        let path = self.path.join(LOCK);
        let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
        let mut file = opened.map_err(|error| failed("opening", &path, &error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(Err(file)),
            Err(TryLockError::Error(error)) => return Err(failed("locking", &path, &error)),
        }
        let written = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
        written.map_err(|error| failed("writing", &path, &error))?;
        let lock = DataLock { dir: self.clone(), _file: file, url_published: AtomicBool::new(true) };
        // Left by a server that was killed.
        lock.remove_admin_url();
        Ok(Ok(lock))
    }

    /// The bootstrap administrator's key, for a command line on the same machine.
    pub fn admin_key(&self) -> Result<Secret, DataError> {
        let path = self.path.join(ADMIN_KEY);
        match read_private(&path)? {
            Some(text) => keys::parse_admin_key(&text).map_err(|wrong| about(&path, &wrong)),
            None => Err(about(&path, "there is no such file; a server makes it when it starts on this folder")),
        }
    }

    /// Where the admin API of the running server is; `None` when no server runs on this folder.
    pub fn admin_url(&self) -> Result<Option<String>, DataError> {
        let text = read_private(&self.path.join(ADMIN_URL))?;
        Ok(text.map(|text| text.trim_end().to_owned()))
    }
}

/// A data folder that belongs to this server alone. Only its holder makes keys.
#[derive(Debug)]
pub struct DataLock {
    dir: DataDir,
    _file: File,
    url_published: AtomicBool,
}

impl DataLock {
    pub fn dir(&self) -> &DataDir {
        &self.dir
    }

    /// The key that seals private keys at rest: from `reference`, else from the folder. Pass `Refuse` when
    /// something is sealed already: a new key could not open it.
    pub async fn master_key(
        &self,
        reference: Option<&SecretRef>,
        if_missing: IfMissing,
    ) -> Result<MasterKey, DataError> {
        match reference {
            Some(reference) => referred(reference, keys::parse_master_key).await,
            None => self.key(MASTER_KEY, if_missing, keys::new_master_key, keys::parse_master_key),
        }
    }

    /// The keys under which client secrets are hashed, newest last: from `reference`, else from the folder.
    /// Pass `Refuse` when there are hashes already: a new pepper would match none of them.
    pub async fn peppers(
        &self,
        reference: Option<&SecretRef>,
        if_missing: IfMissing,
    ) -> Result<Vec<Pepper>, DataError> {
        match reference {
            Some(reference) => referred(reference, keys::parse_peppers).await,
            None => self.key(PEPPER_KEY, if_missing, keys::new_pepper, keys::parse_peppers),
        }
    }

    /// The bootstrap administrator's key, made at the first start.
    pub fn admin_key(&self) -> Result<Secret, DataError> {
        self.key(ADMIN_KEY, IfMissing::Create, keys::new_admin_key, keys::parse_admin_key)
    }

    /// Tells the command line where the admin API is, until this lock is dropped.
    pub fn publish_admin_url(&self, url: &str) -> Result<(), DataError> {
        let path = self.dir.path.join(ADMIN_URL);
        self.url_published.store(true, Ordering::Relaxed);
        atomic::replace(&path, format!("{url}\n").as_bytes()).map_err(|error| failed("writing", &path, &error))
    }

    fn remove_admin_url(&self) {
        if self.url_published.swap(false, Ordering::Relaxed) {
            // Nothing to do about a failure: the command line finds nobody there, and says so.
            let _ = fs::remove_file(self.dir.path.join(ADMIN_URL));
        }
    }

    fn key<T>(
        &self,
        name: &str,
        if_missing: IfMissing,
        make: fn() -> Zeroizing<String>,
        parse: fn(&str) -> Result<T, String>,
    ) -> Result<T, DataError> {
        let path = self.dir.path.join(name);
        let text = match read_private(&path)? {
            Some(text) => text,
            None if if_missing == IfMissing::Create => {
                let text = make();
                atomic::create(&path, text.as_bytes()).map_err(|error| failed("writing", &path, &error))?;
                text
            }
            None => {
                return Err(about(
                    &path,
                    "the file is gone, but the database was made with it; restore it from a backup",
                ));
            }
        };
        parse(&text).map_err(|wrong| about(&path, &wrong))
    }
}

impl Drop for DataLock {
    fn drop(&mut self) {
        self.remove_admin_url();
    }
}

/// A file that only its owner may read; `None` when there is none.
async fn referred<T>(reference: &SecretRef, parse: fn(&str) -> Result<T, String>) -> Result<T, DataError> {
    let secret = Secrets::new().read(reference).await.map_err(|error| DataError(error.to_string()))?;
    parse(secret.expose()).map_err(|wrong| DataError(format!("the secret {reference} is not usable: {wrong}")))
}

fn read_private(path: &Path) -> Result<Option<Zeroizing<String>>, DataError> {
    let mode = match fs::metadata(path) {
        Ok(found) => found.permissions().mode(),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed("reading", path, &error)),
    };
    if mode & 0o077 != 0 {
        let wrong = format!("others than its owner may use this file; run: chmod 600 {}", path.display());
        return Err(about(path, &wrong));
    }
    let bytes = match secrets::bounded(path, SECRET_MAX_BYTES) {
        Ok(Some(bytes)) => bytes,
        Ok(None) => {
            return Err(about(path, "the file is too long to be what it should be; restore it from a backup"));
        }
        Err(error) => return Err(failed("reading", path, &error)),
    };
    match std::str::from_utf8(&bytes) {
        Ok(text) => Ok(Some(Zeroizing::new(text.to_owned()))),
        Err(_) => Err(about(path, "the file is not text; restore it from a backup")),
    }
}

fn about(path: &Path, wrong: &str) -> DataError {
    DataError(format!("{}: {wrong}", path.display()))
}

/// What a failed file operation means to the person at the machine.
fn failed(doing: &str, path: &Path, error: &io::Error) -> DataError {
    let advice = match error.kind() {
        ErrorKind::PermissionDenied => "the server's user may not; check owner and mode",
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "the disk is full; make room",
        ErrorKind::ReadOnlyFilesystem => "the disk is read-only; mount it writable",
        ErrorKind::Unsupported => "this file system cannot do that; use a local disk",
        ErrorKind::AlreadyExists => "somebody else made it meanwhile; start again",
        _ => "check the disk",
    };
    DataError(format!("{doing} {} failed ({error}): {advice}", path.display()))
}

#[cfg(test)]
mod tests;
