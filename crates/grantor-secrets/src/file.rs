//! `file:PATH`: Docker and Kubernetes secrets, systemd credentials, any file.

use crate::secret::checked;
use crate::{SECRET_MAX_BYTES, Secret};
use std::fs::{self, File, OpenOptions, Permissions};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

pub(super) fn parse(path: &str) -> Result<PathBuf, String> {
    if path.is_empty() || path.contains('\0') {
        return Err("after file: comes a path, such as file:/run/secrets/master".into());
    }
    Ok(PathBuf::from(path))
}

pub(super) fn resolve(path: &Path) -> Result<Secret, String> {
    checked(&read(path, SECRET_MAX_BYTES)?)
}

fn read(path: &Path, max_bytes: usize) -> Result<Zeroizing<Vec<u8>>, String> {
    match bounded(path, max_bytes) {
        Ok(Some(bytes)) => Ok(bytes),
        Ok(None) => Err(format!("the file is longer than {max_bytes} bytes; check the path")),
        Err(error) => Err(advice(&error)),
    }
}

/// A file that holds text of at most `max_bytes`. The error says what to check.
pub fn read_text(path: &Path, max_bytes: usize) -> Result<String, String> {
    let bytes = read(path, max_bytes)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| "it is not UTF-8 text; check that it is the right one")?;
    Ok(text.to_owned())
}

/// Whether a file can be opened. The error says what to check.
pub fn readable(path: &Path) -> Result<(), String> {
    let opened = File::open(path).and_then(|file| file.metadata());
    match opened.map_err(|error| advice(&error))?.is_dir() {
        true => Err(advice(&ErrorKind::IsADirectory.into())),
        false => Ok(()),
    }
}

/// The content of a file that should be small; `None` when it is not. Never reads a device without end.
pub fn bounded(path: &Path, max_bytes: usize) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    let limit = max_bytes + 1;
    // Allocated once: a growing buffer would leave copies behind that nothing wipes.
    let mut bytes = Zeroizing::new(Vec::with_capacity(limit));
    File::open(path)?.take(limit as u64).read_to_end(&mut bytes)?;
    Ok((bytes.len() < limit).then_some(bytes))
}

/// Replaces the content of a file at once: readers find the old value or the new one, never a part, also after a crash.
/// The mode stays as it is; a new file can be read by its owner only.
pub(crate) fn write(path: &Path, value: &str) -> Result<(), String> {
    let name = path.file_name().ok_or("the path ends in no file name")?.to_string_lossy();
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !folder.is_dir() {
        return Err("its folder is not there; make it, or check the path and that it is mounted".into());
    }
    let mode = mode_to_keep(path)?;
    // Only has to differ from what another writer takes at the same time; `create_new` follows no link.
    let mark = RandomState::new().build_hasher().finish();
    let beside = folder.join(format!(".{name}.{mark:016x}.new"));
    let written = fill(&beside, value, mode).and_then(|()| fs::rename(&beside, path));
    if let Err(error) = written {
        // It is not there if it could not be made.
        let _ = fs::remove_file(&beside);
        return Err(format!("writing beside it failed ({error}); check the owner, mode and space of its folder"));
    }
    let kept = File::open(folder).and_then(|folder| folder.sync_all());
    kept.map_err(|error| format!("it was replaced, but may not be on the disk yet ({error})"))
}

/// The permissions of what is there now.
fn mode_to_keep(path: &Path) -> Result<u32, String> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_file() => Ok(found.permissions().mode() & 0o777),
        Ok(found) if found.is_dir() => Err(advice(&ErrorKind::IsADirectory.into())),
        Ok(_) => Err("it is a link or a device, which is not replaced; write the path of the file itself".into()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(0o400),
        Err(error) => Err(advice(&error)),
    }
}

fn fill(path: &Path, value: &str, mode: u32) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(value.as_bytes())?;
    file.set_permissions(Permissions::from_mode(mode))?;
    file.sync_all()
}

/// What to do about a file that cannot be read.
fn advice(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => "there is no such file; check the path and that it is mounted".into(),
        ErrorKind::PermissionDenied => "this process may not read it; check its owner and mode".into(),
        ErrorKind::IsADirectory => "it is a folder; write the path of the file in it".into(),
        _ => format!("reading it failed ({error}); check the disk or mount"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SecretRef;

    #[test]
    fn a_file_is_read_without_its_last_newline() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        std::fs::write(&path, "00123 \n").unwrap();
        assert_eq!(SecretRef::File(path).resolve().unwrap().expose(), "00123 ");
    }

    #[test]
    fn what_cannot_be_read_says_what_to_check() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, content: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, content).unwrap();
            path
        };
        let wrong = |path: PathBuf| SecretRef::File(path).resolve().unwrap_err().wrong;
        assert!(wrong(folder.path().join("none")).contains("no such file"));
        assert!(wrong(folder.path().to_owned()).contains("folder"));
        assert!(wrong(write("empty", b"\n")).contains("empty"));
        assert!(wrong(write("binary", b"hunter2\xff")).contains("UTF-8"));
        assert!(wrong(write("long", &vec![b'a'; SECRET_MAX_BYTES + 1])).contains("longer"));
        assert!(wrong("/dev/zero".into()).contains("longer"));
        assert!(SecretRef::File(write("longest", &vec![b'a'; SECRET_MAX_BYTES])).resolve().is_ok());
    }

    #[test]
    fn a_file_is_replaced_whole_and_keeps_its_mode() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        let mode = || fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        write(&path, "one").unwrap();
        assert_eq!((fs::read_to_string(&path).unwrap().as_str(), mode()), ("one", 0o400));
        fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        let before = File::open(&path).unwrap();
        write(&path, "two").unwrap();
        assert_eq!((fs::read_to_string(&path).unwrap().as_str(), mode()), ("two", 0o640));
        assert_eq!(io::read_to_string(before).unwrap(), "one");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_is_no_plain_file_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(folder.path().join("target"), &link).unwrap();
        let wrong = |path: &Path| write(path, "hunter2").unwrap_err();
        assert!(wrong(&link).contains("a link"));
        assert!(wrong(folder.path()).contains("a folder"));
        assert!(wrong(&folder.path().join("none/secret")).contains("folder is not there"));
        assert!(!folder.path().join("target").exists());
    }
}
