//! Errors that are not about one token: wrong settings, and answers that did not come.

use crate::flight::Lost;
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

/// An issuer did not answer, or not as it should: what it was asked, and what happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuerError(String);

impl IssuerError {
    pub(crate) fn new(why: impl Into<String>) -> Self {
        Self(why.into())
    }
}

impl fmt::Display for IssuerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for IssuerError {}

impl From<Lost> for IssuerError {
    fn from(_: Lost) -> Self {
        Self::new("the request was dropped: the runtime that made it stopped")
    }
}
