//! Secrets that live outside the configuration: a setting holds a reference such as `env:NAME` or
//! `file:/run/secrets/x`, and the value is read when it is needed.

mod env;
mod file;

pub use file::{bounded, read_text, readable};

use std::fmt;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Longest secret that is read, in bytes. A longer one is a mistake in the reference.
pub const SECRET_MAX_BYTES: usize = 64 * 1024;

/// Schemes that have a meaning elsewhere in the documentation but no code in this version.
const LATER: [&str; 5] = ["vault", "azure-keyvault", "aws-secretsmanager", "gcp-secretmanager", "kubernetes"];

/// A secret value. It shows in no log, no error and no `Debug`, and its memory is wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    pub fn new(value: impl Into<Zeroizing<String>>) -> Self {
        Self(value.into())
    }

    /// The value itself. Keep it out of anything that is written somewhere.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Where a secret is kept.
#[derive(Clone, PartialEq, Eq)]
pub enum SecretRef {
    /// `env:NAME`: an environment variable of this process.
    Env(String),
    /// `file:PATH`: the content of a file, without one trailing newline.
    File(PathBuf),
}

impl SecretRef {
    /// Reads a reference. A message never repeats the text: it may be the secret itself, written by mistake.
    pub fn parse(text: &str) -> Result<Self, String> {
        let Some((scheme, rest)) = text.split_once(':') else {
            return Err("a secret is not written here but referred to; write env:NAME or file:PATH".into());
        };
        match scheme {
            "env" => env::parse(rest).map(Self::Env),
            "file" => file::parse(rest).map(Self::File),
            later if LATER.contains(&later) => {
                Err(format!("references to {later}: are not built into this version; write env:NAME or file:PATH"))
            }
            _ => Err("unknown kind of secret reference; write env:NAME or file:PATH".into()),
        }
    }

    /// Takes a relative `file:` path from `folder` instead of the working directory.
    pub fn relative_to(self, folder: &Path) -> Self {
        match self {
            Self::File(path) => Self::File(folder.join(path)),
            env @ Self::Env(_) => env,
        }
    }

    /// Fetches the value.
    pub fn resolve(&self) -> Result<Secret, SecretError> {
        match self {
            Self::Env(name) => env::resolve(name),
            Self::File(path) => file::resolve(path),
        }
        .map_err(|wrong| SecretError { reference: self.to_string(), wrong })
    }
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "env:{name}"),
            Self::File(path) => write!(f, "file:{}", path.display()),
        }
    }
}

/// The kind only: a reference says where to look for a secret, which a dumped configuration need not tell.
impl fmt::Debug for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Env(_) => "SecretRef(env:…)",
            Self::File(_) => "SecretRef(file:…)",
        })
    }
}

/// Why a secret could not be read: which reference, what went wrong, what to check. Never the value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretError {
    pub reference: String,
    pub wrong: String,
}

impl fmt::Display for SecretError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the secret {} cannot be read: {}", self.reference, self.wrong)
    }
}

impl std::error::Error for SecretError {}

/// The value without one trailing newline, which editors and `echo` add.
fn checked(bytes: Zeroizing<Vec<u8>>) -> Result<Secret, String> {
    let text = std::str::from_utf8(&bytes).map_err(|_| "it is not UTF-8 text; check that it is the right one")?;
    let text = strip_newline(text);
    if text.is_empty() {
        return Err("it is empty; put the secret there".into());
    }
    Ok(Secret::new(text.to_owned()))
}

/// `text` without one trailing newline.
pub fn strip_newline(text: &str) -> &str {
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.strip_suffix('\r').unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_read_and_written_alike() {
        for text in ["env:GRANTOR_X", "file:/run/secrets/x", "file:relative/x"] {
            assert_eq!(SecretRef::parse(text).unwrap().to_string(), text);
        }
        let file = SecretRef::parse("file:a").unwrap();
        assert_eq!(file.relative_to(Path::new("/etc")).to_string(), "file:/etc/a");
        let absolute = SecretRef::parse("file:/a").unwrap();
        assert_eq!(absolute.relative_to(Path::new("/etc")).to_string(), "file:/a");
    }

    #[test]
    fn what_is_no_reference_is_refused_without_repeating_it() {
        for text in ["hunter2", "hunter2:x", "env:", "env:hunter2 x", "file:", "ENV:hunter2", "env:hunter=2", ""] {
            let wrong = SecretRef::parse(text).unwrap_err();
            assert!(!wrong.contains("hunter2"), "{wrong}");
            assert!(wrong.contains("env:") || wrong.contains("file:"), "{wrong}");
        }
    }

    #[test]
    fn managers_that_come_later_are_named() {
        for scheme in LATER {
            let wrong = SecretRef::parse(&format!("{scheme}:x/y")).unwrap_err();
            assert!(wrong.contains(scheme) && wrong.contains("not built into this version"), "{wrong}");
        }
    }

    #[test]
    fn nothing_shows_in_debug() {
        let secret = Secret::new("hunter2".to_owned());
        let reference = SecretRef::parse("file:/hunter2").unwrap();
        assert_eq!(format!("{secret:?} {reference:?}"), "Secret(…) SecretRef(file:…)");
        assert_eq!(secret.expose(), "hunter2");
    }

    #[test]
    fn one_trailing_newline_is_stripped() {
        for (text, value) in [("a", "a"), ("a\n", "a"), ("a\r\n", "a"), ("a\n\n", "a\n"), (" a ", " a ")] {
            assert_eq!(strip_newline(text), value);
        }
    }
}
