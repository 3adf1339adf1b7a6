//! Errors that are not about one token: wrong settings, and answers that did not come.

use std::fmt;

/// A setting is wrong: which one, and what it should be. Never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError(String);

impl ConfigError {
    pub(crate) fn new(wrong: impl Into<String>) -> Self {
        Self(wrong.into())
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ConfigError {}

/// Text from afar, fit for a log: printable ASCII, at most `max` characters.
pub(crate) fn printable(text: &str, max: usize) -> String {
    let mut out: String = text.chars().take(max).map(|c| if matches!(c, ' '..='~') { c } else { '?' }).collect();
    if text.chars().nth(max).is_some() {
        out.push_str("...");
    }
    out
}
