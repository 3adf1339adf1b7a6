//! What administrators do: one file per thing. The admin API, the CLI and the declarative file all come through here.

pub mod certificate;
pub mod client;
pub mod credential;
pub mod domain;
pub mod key;
pub mod resource;

use crate::App;
use crate::keys::KeyError;
use crate::store::{StoreError, Write};
use grantor_core::Timestamp;

/// An administrator at work: who, and when.
#[derive(Clone, Copy, Debug)]
pub struct Admin<'a> {
    pub app: &'a App,
    pub actor: &'a str,
    pub now: Timestamp,
}

impl Admin<'_> {
    fn by(&self) -> Write {
        Write { actor: self.actor.to_owned(), at: self.now }
    }

    /// Makes a change that was just written take effect here, before it is acknowledged.
    async fn in_force(&self) -> Result<()> {
        Ok(self.app.catch_up(self.now).await?)
    }

    fn domain(&self, name: &str) -> Result<std::sync::Arc<grantor_core::domain::Domain>> {
        self.app
            .directory
            .domains()
            .by_name(name)
            .cloned()
            .ok_or_else(|| AdminError::NotFound(format!("there is no domain '{name}'")))
    }
}

/// Why an operation did not happen. Nothing was changed.
#[derive(Debug)]
pub enum AdminError {
    /// Each sentence names a field and what to write instead.
    Invalid(Vec<String>),
    NotFound(String),
    Conflict(String),
    /// It was changed since it was read (RFC 9110 §13.1.1).
    PreconditionFailed,
    Failed(String),
}

pub type Result<T> = std::result::Result<T, AdminError>;

impl From<StoreError> for AdminError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::PreconditionFailed => Self::PreconditionFailed,
            StoreError::Conflict(what) => Self::Conflict(what),
            StoreError::NotFound => Self::NotFound("it does not exist".into()),
            other => Self::Failed(other.to_string()),
        }
    }
}

impl From<KeyError> for AdminError {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Store(error) => error.into(),
            KeyError::Unusable(what) => Self::Failed(what),
        }
    }
}

impl std::fmt::Display for AdminError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Invalid(problems) => f.write_str(&problems.join("; ")),
            Self::NotFound(what) | Self::Conflict(what) | Self::Failed(what) => f.write_str(what),
            Self::PreconditionFailed => {
                f.write_str("it was changed since it was read; read it again and repeat the change")
            }
        }
    }
}

impl std::error::Error for AdminError {}

fn valid(problems: Vec<String>) -> Result<()> {
    if problems.is_empty() { Ok(()) } else { Err(AdminError::Invalid(problems)) }
}

fn valid_name(what: &str, name: &str) -> Result<()> {
    if grantor_core::domain::is_name(name) {
        return Ok(());
    }
    Err(AdminError::Invalid(vec![format!(
        "{what} names have 1 to 63 characters of a-z, 0-9, '-', '_' and '.', and start with a letter or digit"
    )]))
}
