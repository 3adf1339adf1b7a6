//! Files that are whole or absent, whenever the process or the machine dies.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Makes `path` (mode 0600) with `content`. Fails with `AlreadyExists` rather than replace anything.
pub(super) fn create(path: &Path, content: &[u8]) -> io::Result<()> {
    let draft = write_draft(path, content)?;
    // A link never replaces what is there; a rename would.
    match fs::hard_link(&draft, path) {
        Ok(()) => fs::remove_file(&draft)?,
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            fs::remove_file(&draft)?;
            return Err(error);
        }
        // Some network and FAT volumes have no links. The lock on the folder keeps other servers out meanwhile.
        Err(_) if !path.try_exists()? => fs::rename(&draft, path)?,
        Err(error) => return Err(error),
    }
    sync_folder_of(path)
}

/// Makes `path` (mode 0600) with `content`, in place of what was there.
pub(super) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let draft = write_draft(path, content)?;
    fs::rename(draft, path)?;
    sync_folder_of(path)
}

/// Writes beside `path`, through to the disk. A draft left by a killed process is thrown away.
fn write_draft(path: &Path, content: &[u8]) -> io::Result<PathBuf> {
    let mut draft = path.as_os_str().to_owned();
    draft.push(".new");
    let draft = PathBuf::from(draft);
    match fs::remove_file(&draft) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    file.write_all(content)?;
    file.sync_all()?;
    Ok(draft)
}

/// A new name is on the disk only when its folder is.
fn sync_folder_of(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_new_file_is_private_and_never_replaces_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.key");
        create(&path, b"first").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(create(&path, b"second").unwrap_err().kind(), ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), b"first");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no draft is left");
    }

    #[test]
    fn what_a_killed_process_left_does_no_harm() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.key");
        fs::write(folder.path().join("a.key.new"), b"ha").unwrap();
        create(&path, b"whole").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"whole");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_reader_sees_a_whole_file_at_every_moment() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("admin.url");
        let contents = [vec![b'a'; 10_000], vec![b'b'; 20_000]];
        replace(&path, &contents[0]).unwrap();
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| {
                for turn in 0..50 {
                    replace(&path, &contents[turn % 2]).unwrap();
                }
            });
            while !writer.is_finished() {
                assert!(contents.contains(&fs::read(&path).unwrap()));
            }
        });
    }
}
