//! `application/x-www-form-urlencoded`, decoded strictly and exactly once (RFC 6749 appendix B).

use crate::error::{OAuthError, Result, quote};
use std::borrow::Cow;

/// The parameters of a request body. Those without a value count as omitted (RFC 6749 §3.2).
#[derive(Clone, Default)]
pub struct Form<'b>(Vec<(Cow<'b, str>, Cow<'b, str>)>);

/// A form holds secrets, so only the names are shown.
impl std::fmt::Debug for Form<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

impl<'b> Form<'b> {
    pub fn parse(body: &'b [u8], parameters_max: usize) -> Result<Self> {
        let body = std::str::from_utf8(body).map_err(|_| OAuthError::invalid_request("the body is not valid UTF-8"))?;
        let mut pairs = Vec::with_capacity(8);
        for pair in body.split('&').filter(|pair| !pair.is_empty()) {
            if pairs.len() >= parameters_max {
                return Err(OAuthError::invalid_request(format!(
                    "the body holds more than {parameters_max} parameters"
                )));
            }
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            match (decode(name), decode(value)) {
                (Some(name), Some(value)) => pairs.push((name, value)),
                _ => {
                    return Err(OAuthError::invalid_request("the body is not valid application/x-www-form-urlencoded"));
                }
            }
        }
        Ok(Self(pairs))
    }

    /// The value of a parameter that may be given once.
    pub fn one(&self, name: &str) -> Result<Option<&str>> {
        let mut values = self.0.iter().filter(|(have, _)| have == name);
        let first = values.next();
        if values.next().is_some() {
            return Err(OAuthError::invalid_request(format!("the parameter {} is repeated", quote(name))));
        }
        Ok(first.map(|(_, value)| &**value).filter(|value| !value.is_empty()))
    }

    /// All values of a parameter that may be repeated (`resource`, `audience`).
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(have, value)| have == name && !value.is_empty()).map(|(_, value)| &**value)
    }
}

/// Decodes one name or value: `+` is a space, `%XX` a byte. `None` if a `%` is not followed by two
/// hexadecimal digits or the bytes are not UTF-8.
pub fn decode(text: &str) -> Option<Cow<'_, str>> {
    if !text.bytes().any(|b| b == b'+' || b == b'%') {
        return Some(Cow::Borrowed(text));
    }
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'+' => b' ',
            b'%' => hex(bytes.next()?)? << 4 | hex(bytes.next()?)?,
            other => other,
        });
    }
    String::from_utf8(out).ok().map(Cow::Owned)
}

const fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn appendix_b_decodes_once() {
        assert_eq!(decode("a%2Bb+c%25d").unwrap(), "a+b c%d");
        assert_eq!(decode("%25%32%30").unwrap(), "%20");
        assert_eq!(decode("plain").unwrap(), "plain");
    }

    #[test]
    fn appendix_b_refuses_broken_sequences() {
        for text in ["%", "%2", "%zz", "%+1", "%ff", "%c0%af", "%ed%a0%80"] {
            assert_eq!(decode(text), None, "{text}");
        }
    }

    #[test]
    fn s3_2_empty_counts_as_omitted_and_repeats_are_refused() {
        let form = Form::parse(b"a=&b=1&c=1&c=1&d", 8).unwrap();
        assert_eq!(form.one("a").unwrap(), None);
        assert_eq!(form.one("d").unwrap(), None);
        assert_eq!(form.one("b").unwrap(), Some("1"));
        assert!(form.one("c").is_err());
        assert_eq!(form.all("c").count(), 2);
    }
}
