//! Spent ids of one node, in memory and in files.
//!
//! Ids lie in buckets, by the five minutes in which they are over: a bucket is a set in memory and a file `N.ids`, and is
//! forgotten whole. A record is written before the answer is given, so a killed process forgets nothing. A machine that
//! loses power forgets what was spent since the last [`Local::sync`].
//!
//! The wall clock may be wrong. While it is ahead, buckets look past that are not, and when it is put right, their ids
//! could be used again. So a file stays an hour longer than its ids do in memory, where they cost more, and is read again
//! if an id for that bucket comes.

use super::{ReplayError, SpendId};
use grantor_core::Timestamp;
use std::collections::{BTreeMap, HashSet};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

const BUCKET_S: i64 = 300;
/// Ids are held this much longer than they count, for clocks that are put right by a little.
const HELD_AFTER_S: i64 = 60;
/// Files are kept this much longer, for clocks that were far ahead.
const KEPT_AFTER_S: i64 = 3600;
const UNTIL_MAX_S: i64 = 2 * 86_400;
/// Id and expiry, little-endian.
const RECORD: usize = 24;

pub struct Local {
    folder: PathBuf,
    ids_max: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    buckets: BTreeMap<i64, Bucket>,
    /// Ids in memory.
    held: usize,
    /// A file was made since the last sync.
    new_files: bool,
}

/// A file that is there, and what of it is in memory.
#[derive(Default)]
struct Bucket {
    held: Option<Held>,
}

struct Held {
    ids: HashSet<[u8; 16]>,
    file: Arc<File>,
    /// Where the next record goes.
    end: u64,
    unsynced: bool,
}

impl Local {
    pub(super) fn open(folder: &Path, ids_max: usize, now: Timestamp) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let mut state = State::default();
        for entry in fs::read_dir(folder)? {
            let name = entry?.file_name();
            let number = name.to_str().and_then(|name| name.strip_suffix(".ids")?.parse().ok());
            if let Some(number) = number {
                state.buckets.insert(number, Bucket::default());
            }
        }
        let held: Vec<i64> = state.buckets.keys().copied().filter(|number| !over(*number, HELD_AFTER_S, now)).collect();
        for number in held {
            state.hold(folder, number)?;
        }
        Ok(Self { folder: folder.to_owned(), ids_max, state: Mutex::new(state) })
    }

    pub(super) fn spend(&self, id: SpendId, until: Timestamp, now: Timestamp) -> Result<bool, ReplayError> {
        // Below that, its bucket may be gone.
        if until < now.saturating_sub(KEPT_AFTER_S) || until > now.saturating_add(UNTIL_MAX_S) {
            return Err(ReplayError::Time { until, now });
        }
        let number = until.div_euclid(BUCKET_S);
        let (file, at) = {
            let mut state = self.state();
            if state.buckets.get(&number).is_none_or(|bucket| bucket.held.is_none()) {
                state.hold(&self.folder, number).map_err(ReplayError::Disk)?;
            }
            // A signed `exp` can differ between two uses of one `jti`.
            if state.held().any(|held| held.ids.contains(&id.0)) {
                return Ok(false);
            }
            if state.held >= self.ids_max {
                return Err(ReplayError::Full { ids_max: self.ids_max });
            }
            state.held += 1;
            let held = state.bucket(number).expect("it was held above");
            held.ids.insert(id.0);
            let at = held.end;
            held.end += RECORD as u64;
            (held.file.clone(), at)
        };
        // Into the system's memory: microseconds. At a place of its own, so that what another one could not write, or wrote
        // in part, stays a gap.
        let mut record = [0; RECORD];
        record[..16].copy_from_slice(&id.0);
        record[16..].copy_from_slice(&until.to_le_bytes());
        let written = file.write_all_at(&record, at);
        let mut state = self.state();
        let held = state.bucket(number);
        match written {
            Ok(()) => {
                if let Some(held) = held {
                    held.unsynced = true;
                }
                Ok(true)
            }
            // Nobody was let in with it, so it may be tried again.
            Err(error) => {
                if held.is_some_and(|held| held.ids.remove(&id.0)) {
                    state.held -= 1;
                }
                Err(ReplayError::Disk(error))
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        self.state().held
    }

    pub(super) fn forget_expired(&self, now: Timestamp) {
        let gone: Vec<i64> = {
            let mut state = self.state();
            let State { buckets, held, .. } = &mut *state;
            for (number, bucket) in buckets.iter_mut() {
                if over(*number, HELD_AFTER_S, now)
                    && let Some(dropped) = bucket.held.take()
                {
                    *held -= dropped.ids.len();
                }
            }
            let gone = buckets.keys().copied().take_while(|number| over(*number, KEPT_AFTER_S, now)).collect();
            buckets.retain(|number, _| !over(*number, KEPT_AFTER_S, now));
            gone
        };
        for number in gone {
            let path = path(&self.folder, number);
            match fs::remove_file(&path) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    tracing::warn!(%error, path = %path.display(), "a file of spent ids that are over cannot be removed")
                }
                _ => {}
            }
        }
    }

    pub(super) fn sync(&self) -> io::Result<()> {
        let (files, new_files) = {
            let mut state = self.state();
            let unsynced = state.buckets.values_mut().filter_map(|bucket| bucket.held.as_mut());
            let files: Vec<Arc<File>> =
                unsynced.filter_map(|held| std::mem::take(&mut held.unsynced).then(|| held.file.clone())).collect();
            (files, std::mem::take(&mut state.new_files))
        };
        for file in files {
            file.sync_data()?;
        }
        // A new name is on the disk only when its folder is.
        if new_files { File::open(&self.folder)?.sync_all() } else { Ok(()) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic while holding the ids")
    }
}

impl State {
    /// Takes a bucket into memory: opens its file, or makes it.
    fn hold(&mut self, folder: &Path, number: i64) -> io::Result<()> {
        let path = path(folder, number);
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path)?;
        let bytes = fs::read(&path)?;
        let ids: HashSet<[u8; 16]> =
            records(&bytes).filter(|(_, until)| until.div_euclid(BUCKET_S) == number).map(|(id, _)| id).collect();
        // A record that a dying machine wrote in part is passed over.
        let end = bytes.len().next_multiple_of(RECORD) as u64;
        self.held += ids.len();
        self.new_files |= bytes.is_empty();
        let held = Held { ids, file: Arc::new(file), end, unsynced: false };
        self.buckets.insert(number, Bucket { held: Some(held) });
        Ok(())
    }

    fn bucket(&mut self, number: i64) -> Option<&mut Held> {
        self.buckets.get_mut(&number)?.held.as_mut()
    }

    fn held(&self) -> impl Iterator<Item = &Held> {
        self.buckets.values().filter_map(|bucket| bucket.held.as_ref())
    }
}

/// The whole records; a gap among them is one of zeros, whose time fits no bucket of today.
fn records(bytes: &[u8]) -> impl Iterator<Item = ([u8; 16], i64)> {
    bytes.as_chunks::<RECORD>().0.iter().map(|record| {
        let (mut id, mut until) = ([0; 16], [0; 8]);
        id.copy_from_slice(&record[..16]);
        until.copy_from_slice(&record[16..]);
        (id, i64::from_le_bytes(until))
    })
}

/// Whether the last second of a bucket is `margin_s` ago.
fn over(number: i64, margin_s: i64, now: Timestamp) -> bool {
    number.saturating_add(1).saturating_mul(BUCKET_S).saturating_add(margin_s) <= now
}

fn path(folder: &Path, number: i64) -> PathBuf {
    folder.join(format!("{number}.ids"))
}

impl std::fmt::Debug for Local {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Local").field("ids_max", &self.ids_max).finish_non_exhaustive()
    }
}
