//! One event per decision, with its true cause, in JSON lines. Written by a thread of its own, so that no request waits
//! for the disk; `grantor explain` reads it.

use crate::clock;
use grantor_core::Timestamp;
use grantor_core::binding::Confirmation;
use grantor_core::error::OAuthError;
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::mpsc;

/// The endpoints that authenticate a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    Token,
    Introspection,
    Revocation,
}

impl Endpoint {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Introspection => "introspection",
            Self::Revocation => "revocation",
        }
    }
}

/// What was decided about one request, and on what grounds. Holds no secret and no token.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Decision {
    pub at: Timestamp,
    pub request_id: String,
    /// `token`, `introspection` or `revocation`.
    pub endpoint: String,
    pub domain: String,
    /// `issued`, `active`, `inactive`, `revoked`, `ignored` or `refused`.
    pub outcome: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    pub source: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_method: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential_id: Option<String>,
    /// The allowance of the client without which it would have been refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowance: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grant_type: Option<String>,
    /// What was granted; of a refusal, what was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// Likewise.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub audience: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_format: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jti: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lifetime_s: Option<u32>,
    /// What the token is bound to: thumbprints of a DPoP key or a certificate (RFC 7800 §3.1).
    #[serde(skip_serializing_if = "Confirmation::is_empty")]
    pub cnf: Confirmation,
    /// The error code that the caller saw (RFC 6749 §5.2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What the caller was told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_description: Option<String>,
    /// Fixed name of the true cause.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The true cause.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    pub duration_us: u64,
}

impl Decision {
    pub fn refused(&mut self, error: &OAuthError) {
        self.outcome = "refused".into();
        self.error = Some(error.code.as_str().into());
        self.error_description = Some(error.public.to_string());
        self.reason = Some(error.reason().into());
        self.detail = error.cause.as_ref().map(|cause| cause.detail.clone());
    }
}

/// Where decisions go.
#[derive(Clone, Debug)]
pub struct AuditSettings {
    pub enabled: bool,
    pub folder: PathBuf,
    pub file_max_bytes: u64,
    pub files_max: usize,
}

pub struct Audit {
    /// Taken at close.
    sender: Mutex<Option<mpsc::Sender<Decision>>>,
    writer: Mutex<Option<JoinHandle<()>>>,
    lost: Arc<AtomicU64>,
}

/// Decisions that may wait for the writer. When that many wait, requests wait too: none is dropped.
const QUEUE_MAX: usize = 16_384;
const BATCH_MAX: usize = 4_096;
/// How long decisions gather before they are written: what a killed process may lose of its log.
const GATHER: Duration = Duration::from_millis(10);
const CURRENT: &str = "audit.jsonl";

impl Audit {
    pub fn start(settings: AuditSettings) -> io::Result<Self> {
        let lost = Arc::new(AtomicU64::new(0));
        if !settings.enabled {
            return Ok(Self { sender: Mutex::new(None), writer: Mutex::new(None), lost });
        }
        let mut log = Log::open(settings)?;
        let (sender, mut decisions) = mpsc::channel::<Decision>(QUEUE_MAX);
        let counter = lost.clone();
        let writer = std::thread::Builder::new().name("audit".into()).spawn(move || {
            let mut batch = Vec::with_capacity(BATCH_MAX);
            while decisions.blocking_recv_many(&mut batch, BATCH_MAX) > 0 {
                if let Err(error) = log.write(&batch) {
                    counter.fetch_add(batch.len() as u64, Ordering::Relaxed);
                    tracing::error!(%error, folder = %log.settings.folder.display(), lost = batch.len(), "audit events could not be written; check the disk");
                }
                batch.clear();
                // Decisions gather meanwhile: one write and one wake-up serve many of them.
                std::thread::sleep(GATHER);
            }
        })?;
        Ok(Self { sender: Mutex::new(Some(sender)), writer: Mutex::new(Some(writer)), lost })
    }

    pub async fn record(&self, decision: Decision) {
        let sender = self.sender.lock().expect("no panic while holding the sender").clone();
        if let Some(sender) = sender
            && sender.send(decision).await.is_err()
        {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Events that could not be written since the start.
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// Writes what waits, and stops.
    pub fn close(&self) {
        drop(self.sender.lock().expect("no panic while holding the sender").take());
        if let Some(writer) = self.writer.lock().expect("no panic while holding the writer").take() {
            let _ = writer.join();
        }
    }
}

impl std::fmt::Debug for Audit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Audit").field("lost", &self.lost()).finish_non_exhaustive()
    }
}

/// The file being written, and the older ones beside it.
struct Log {
    settings: AuditSettings,
    file: File,
    bytes: u64,
    buffer: Vec<u8>,
}

impl Log {
    fn open(settings: AuditSettings) -> io::Result<Self> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&settings.folder)?;
        let (file, bytes) = append_to(&settings.folder.join(CURRENT))?;
        Ok(Self { settings, file, bytes, buffer: Vec::new() })
    }

    fn write(&mut self, batch: &[Decision]) -> io::Result<()> {
        if self.bytes >= self.settings.file_max_bytes
            && let Err(error) = self.rotate()
        {
            tracing::error!(%error, folder = %self.settings.folder.display(), "the audit file could not be rotated; it goes on growing");
        }
        self.buffer.clear();
        for decision in batch {
            serde_json::to_writer(&mut self.buffer, decision)?;
            self.buffer.push(b'\n');
        }
        self.file.write_all(&self.buffer)?;
        self.bytes += self.buffer.len() as u64;
        Ok(())
    }

    fn rotate(&mut self) -> io::Result<()> {
        let folder = &self.settings.folder;
        let stem = format!("audit-{:012}", clock::now_s());
        let free = (0u32..).map(|n| folder.join(format!("{stem}-{n:04}.jsonl"))).find(|path| !path.exists());
        if let Some(path) = free {
            fs::rename(folder.join(CURRENT), path)?;
        }
        (self.file, self.bytes) = append_to(&folder.join(CURRENT))?;
        for old in older_files(folder)?.into_iter().skip(self.settings.files_max) {
            fs::remove_file(old)?;
        }
        Ok(())
    }
}

fn append_to(path: &Path) -> io::Result<(File, u64)> {
    let file = OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
    let bytes = file.metadata()?.len();
    Ok((file, bytes))
}

/// Rotated files, newest first.
fn older_files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| {
            path.file_name()
                .and_then(|name| name.to_str())
                .is_some_and(|name| name.starts_with("audit-") && name.ends_with(".jsonl"))
        })
        .collect();
    files.sort_unstable_by(|a, b| b.cmp(a));
    Ok(files)
}

/// The decision about a request, searched from the newest file to the oldest.
pub fn find(folder: &Path, request_id: &str) -> io::Result<Option<Decision>> {
    let needle = format!("\"request_id\":{}", serde_json::Value::from(request_id));
    for path in std::iter::once(folder.join(CURRENT)).chain(older_files(folder)?) {
        let Ok(file) = File::open(&path) else { continue };
        for line in BufReader::new(file).lines() {
            let line = line?;
            if line.contains(&needle)
                && let Ok(decision) = serde_json::from_str::<Decision>(&line)
                && decision.request_id == request_id
            {
                return Ok(Some(decision));
            }
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(folder: &Path, file_max_bytes: u64) -> AuditSettings {
        AuditSettings { enabled: true, folder: folder.to_owned(), file_max_bytes, files_max: 2 }
    }

    fn decision(id: usize) -> Decision {
        Decision { request_id: format!("r{id}"), outcome: "issued".into(), ..Decision::default() }
    }

    #[tokio::test]
    async fn decisions_are_found_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        for round in 0..2 {
            let audit = Audit::start(settings(folder.path(), 1 << 20)).unwrap();
            audit.record(decision(round)).await;
            audit.close();
        }
        assert!(find(folder.path(), "r0").unwrap().is_some());
        assert!(find(folder.path(), "r1").unwrap().is_some());
        assert!(find(folder.path(), "r").unwrap().is_none());
    }

    #[test]
    fn files_rotate_and_only_so_many_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = Log::open(settings(folder.path(), 1)).unwrap();
        for id in 0..6 {
            log.write(&[decision(id)]).unwrap();
        }
        assert_eq!(older_files(folder.path()).unwrap().len(), 2);
        assert!(find(folder.path(), "r5").unwrap().is_some());
        assert!(find(folder.path(), "r0").unwrap().is_none());
    }
}
