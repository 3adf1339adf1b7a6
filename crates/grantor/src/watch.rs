//! Notices that files were replaced, by asking for their metadata now and then: events of the file system do not tell of
//! every mount, and a link that Kubernetes swaps is none of the watched files.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Files, and what was known of them at the last look.
#[derive(Debug, Default)]
pub struct WatchedFiles(Vec<(PathBuf, Option<Stamp>)>);

/// Changes when a file is written, and when its name or a link on the way leads to another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    bytes: u64,
    /// Seconds and nanoseconds.
    modified: (i64, i64),
    /// Also moves when the modification time is set back, as copying and unpacking do.
    changed: (i64, i64),
}

impl Stamp {
    /// `None` where there is no file that can be looked at.
    fn of(path: &Path) -> Option<Self> {
        let meta = fs::metadata(path).ok()?;
        Some(Self {
            device: meta.dev(),
            inode: meta.ino(),
            bytes: meta.size(),
            modified: (meta.mtime(), meta.mtime_nsec()),
            changed: (meta.ctime(), meta.ctime_nsec()),
        })
    }
}

impl WatchedFiles {
    /// To be made before the files are read for the first time, so that no change is missed.
    pub fn new<P: Into<PathBuf>>(paths: impl IntoIterator<Item = P>) -> Self {
        let stamped = |path: P| {
            let path = path.into();
            let stamp = Stamp::of(&path);
            (path, stamp)
        };
        Self(paths.into_iter().map(stamped).collect())
    }

    /// Whether any file was written, replaced, made or deleted since this was last asked. To be asked before the files are
    /// read: what is written meanwhile is then noticed the next time.
    pub fn changed(&mut self) -> bool {
        let mut changed = false;
        for (path, stamp) in &mut self.0 {
            let now = Stamp::of(path);
            changed |= now != *stamp;
            *stamp = now;
        }
        changed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn writing_replacing_deleting_and_making_are_noticed_once() {
        let dir = tempfile::tempdir().unwrap();
        let (one, two) = (dir.path().join("one"), dir.path().join("two"));
        fs::write(&one, "1").unwrap();
        let mut files = WatchedFiles::new([&one, &two]);
        let mut noticed = |what: &str| assert!(files.changed() && !files.changed(), "{what}");
        fs::write(&two, "2").unwrap();
        noticed("made");
        fs::write(&one, "11").unwrap();
        noticed("written");
        fs::write(dir.path().join("new"), "33").unwrap();
        fs::rename(dir.path().join("new"), &one).unwrap();
        noticed("replaced by one of the same length");
        fs::remove_file(&two).unwrap();
        noticed("deleted");
    }

    /// `tls.crt -> ..data/tls.crt`, and `..data` is renamed over.
    #[test]
    fn links_swapped_by_kubernetes_are_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        for version in ["..1", "..2"] {
            fs::create_dir(at(version)).unwrap();
            fs::write(at(version).join("tls.crt"), "same").unwrap();
        }
        symlink("..1", at("..data")).unwrap();
        symlink("..data/tls.crt", at("tls.crt")).unwrap();
        let mut files = WatchedFiles::new([at("tls.crt")]);
        assert!(!files.changed());
        symlink("..2", at("..data_tmp")).unwrap();
        fs::rename(at("..data_tmp"), at("..data")).unwrap();
        assert!(files.changed() && !files.changed());
    }
}
