//! The value, and what is wrong with some.

use std::fmt;
use zeroize::Zeroizing;

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

/// The value without one trailing newline, which editors and `echo` add.
pub(crate) fn checked(bytes: &[u8]) -> Result<Secret, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "it is not UTF-8 text; check that it is the right one")?;
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
    fn one_trailing_newline_is_stripped() {
        for (text, value) in [("a", "a"), ("a\n", "a"), ("a\r\n", "a"), ("a\n\n", "a\n"), (" a ", " a ")] {
            assert_eq!(strip_newline(text), value);
        }
    }
}
