//! `file:PATH`: Docker and Kubernetes secrets, systemd credentials, any file.

use crate::{SECRET_MAX_BYTES, Secret, checked};
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

pub(super) fn parse(path: &str) -> Result<PathBuf, String> {
    if path.is_empty() || path.contains('\0') {
        return Err("after file: comes a path, such as file:/run/secrets/master".into());
    }
    Ok(PathBuf::from(path))
}

pub(super) fn resolve(path: &Path) -> Result<Secret, String> {
    checked(read(path, SECRET_MAX_BYTES)?)
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
}
