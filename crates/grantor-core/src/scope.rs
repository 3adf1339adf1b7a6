//! Scope tokens and sets of them (RFC 6749 §3.3).

use crate::error::{ErrorCode, OAuthError, Result, quote};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// Longest scope token accepted, in characters.
pub const SCOPE_TOKEN_MAX: usize = 256;

/// Whether `token` is a scope-token: `1*( %x21 / %x23-5B / %x5D-7E )`, at most [`SCOPE_TOKEN_MAX`] long.
pub fn is_scope_token(token: &str) -> bool {
    !token.is_empty()
        && token.len() <= SCOPE_TOKEN_MAX
        && token.bytes().all(|b| matches!(b, 0x21 | 0x23..=0x5b | 0x5d..=0x7e))
}

/// An ordered set of scope tokens, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope(Vec<Box<str>>);

impl Scope {
    pub const fn empty() -> Self {
        Self(Vec::new())
    }

    /// Parses `scope-token *( SP scope-token )`, exactly as written there. A token given twice counts once.
    pub fn parse(text: &str, tokens_max: usize) -> Result<Self> {
        let bad = |why: String| OAuthError::new(ErrorCode::InvalidScope, why);
        let mut scope = Self::empty();
        for (count, token) in text.split(' ').enumerate() {
            if count >= tokens_max {
                return Err(bad(format!("scope holds more than {tokens_max} values")));
            }
            if token.is_empty() {
                return Err(bad("scope values are separated by exactly one space".into()));
            }
            if !is_scope_token(token) {
                return Err(bad(format!("scope value '{}' is malformed (RFC 6749 section 3.3)", quote(token))));
            }
            scope.insert(token);
        }
        Ok(scope)
    }

    /// Builds a set from tokens known to be well formed.
    pub fn from_tokens<'t>(tokens: impl IntoIterator<Item = &'t str>) -> Self {
        let mut scope = Self::empty();
        for token in tokens {
            scope.insert(token);
        }
        scope
    }

    fn insert(&mut self, token: &str) {
        if !self.contains(token) {
            self.0.push(token.into());
        }
    }

    pub fn contains(&self, token: &str) -> bool {
        self.0.iter().any(|have| **have == *token)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|token| &**token)
    }

    /// The tokens of `self` for which `keep` holds, in the order of `self`. A set only ever narrows.
    pub fn narrowed(&self, keep: impl Fn(&str) -> bool) -> Self {
        Self(self.0.iter().filter(|token| keep(token)).cloned().collect())
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, token) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str(" ")?;
            }
            f.write_str(token)?;
        }
        Ok(())
    }
}

/// On the wire a scope is one space-separated string (RFC 7591 §2); the empty set is the empty string.
impl Serialize for Scope {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Scope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        /// Files may also write a list, which reads better there.
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "expected scope values separated by spaces, or a list of them")]
        enum Written {
            Text(String),
            List(Vec<String>),
        }
        let text = match Written::deserialize(deserializer)? {
            Written::Text(text) => text,
            Written::List(list) => list.join(" "),
        };
        if text.is_empty() {
            return Ok(Self::empty());
        }
        Self::parse(&text, REGISTERED_MAX).map_err(|error| serde::de::Error::custom(error.public))
    }
}

/// Most scope tokens that one client or resource may register.
const REGISTERED_MAX: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s3_3_a_token_given_twice_counts_once() {
        assert_eq!(Scope::parse("b a b", 8).unwrap().to_string(), "b a");
    }

    #[test]
    fn s3_3_refuses_what_the_grammar_does_not_allow() {
        for text in ["", " ", "a  b", "a ", " a", "a\tb", "a\"b", "a\\b", "é", "a\u{0}"] {
            assert_eq!(Scope::parse(text, 8).unwrap_err().code, ErrorCode::InvalidScope, "{text:?}");
        }
    }

    #[test]
    fn more_tokens_than_allowed_are_refused() {
        assert!(Scope::parse("a b", 2).is_ok());
        assert!(Scope::parse("a b c", 2).is_err());
    }
}
