//! Why a secret could not be read or written.

use crate::SecretRef;
use std::fmt;

/// What may help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// Somebody has to mend something: the reference, a permission, the secret.
    Lasting,
    /// Where the secret is kept did not answer, or asked to come again.
    Away,
    /// Somebody else changed the secret while it was written. Nothing was written.
    Changed,
}

/// Which reference, what went wrong, what to check. Never the value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretError {
    pub reference: String,
    pub wrong: String,
    pub trouble: Trouble,
    pub(crate) writing: bool,
}

impl SecretError {
    pub(crate) fn new(reference: &SecretRef, writing: bool, wrong: Wrong) -> Self {
        Self { reference: reference.to_string(), wrong: wrong.text, trouble: wrong.trouble, writing }
    }
}

impl fmt::Display for SecretError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let done = if self.writing { "written" } else { "read" };
        write!(f, "the secret {} cannot be {done}: {}", self.reference, self.wrong)
    }
}

impl std::error::Error for SecretError {}

/// What went wrong, before it is known whose reference it was.
#[derive(Debug, Clone)]
pub(crate) struct Wrong {
    pub(crate) text: String,
    pub(crate) trouble: Trouble,
}

impl Wrong {
    #[cfg(feature = "vault")]
    pub(crate) fn away(text: impl Into<String>) -> Self {
        Self { text: text.into(), trouble: Trouble::Away }
    }

    #[cfg(feature = "vault")]
    pub(crate) fn changed(text: impl Into<String>) -> Self {
        Self { text: text.into(), trouble: Trouble::Changed }
    }
}

impl<T: Into<String>> From<T> for Wrong {
    fn from(text: T) -> Self {
        Self { text: text.into(), trouble: Trouble::Lasting }
    }
}
