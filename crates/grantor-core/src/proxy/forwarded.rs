//! The grammar of `Forwarded` (RFC 7239 §4). Quotes make it readable from its beginning only: whoever looked for commas
//! from the end could be led astray by a client that opens a quote.

use super::Malformed;

const ELEMENTS_MAX: usize = 64;

/// The `for` of each element of a line, in order; `None` where there is none.
pub(super) fn elements(line: &[u8]) -> Result<Vec<Option<Vec<u8>>>, Malformed> {
    let mut found = Vec::new();
    let mut reader = Reader { rest: line };
    loop {
        reader.space();
        match reader.rest.first() {
            None => return Ok(found),
            // RFC 9110 §5.6.1.2: empty elements count for nothing.
            Some(b',') => reader.advance(1),
            Some(_) if found.len() == ELEMENTS_MAX => return Err(Malformed("has more than 64 elements")),
            Some(_) => found.push(reader.element()?),
        }
    }
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn advance(&mut self, count: usize) {
        self.rest = &self.rest[count..];
    }

    fn space(&mut self) {
        self.rest = self.rest.trim_ascii_start();
    }

    /// Pairs up to a comma or the end. No name may come twice.
    fn element(&mut self) -> Result<Option<Vec<u8>>, Malformed> {
        let mut names: Vec<&[u8]> = Vec::new();
        let mut node = None;
        loop {
            let name = self.token();
            if name.is_empty() || self.rest.first() != Some(&b'=') {
                return Err(Malformed("is not a list of name=value (RFC 7239 section 4)"));
            }
            self.advance(1);
            let value = self.value()?;
            if names.iter().any(|have| have.eq_ignore_ascii_case(name)) {
                return Err(Malformed("repeats a parameter in one element (RFC 7239 section 4)"));
            }
            names.push(name);
            if name.eq_ignore_ascii_case(b"for") {
                node = Some(value);
            }
            self.space();
            match self.rest.first() {
                None | Some(b',') => return Ok(node),
                Some(b';') => self.advance(1),
                Some(_) => return Err(Malformed("has a stray character (RFC 7239 section 4)")),
            }
            self.space();
        }
    }

    fn token(&mut self) -> &'a [u8] {
        // RFC 9110 §5.6.2.
        let is_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
        let end = self.rest.iter().position(|byte| !is_token(byte)).unwrap_or(self.rest.len());
        let (token, rest) = self.rest.split_at(end);
        self.rest = rest;
        token
    }

    fn value(&mut self) -> Result<Vec<u8>, Malformed> {
        if self.rest.first() != Some(&b'"') {
            let token = self.token();
            return if token.is_empty() { Err(Malformed("has a name without a value")) } else { Ok(token.to_vec()) };
        }
        self.advance(1);
        let mut value = Vec::new();
        loop {
            match *self.rest {
                [b'"', ..] => {
                    self.advance(1);
                    return Ok(value);
                }
                [b'\\', escaped, ..] => {
                    value.push(escaped);
                    self.advance(2);
                }
                [] | [b'\\'] => return Err(Malformed("has a quote without an end")),
                [byte, ..] => {
                    value.push(byte);
                    self.advance(1);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc7239_s4_elements() {
        let read = |line: &str| {
            let found = elements(line.as_bytes())?;
            Ok::<Vec<_>, Malformed>(
                found.into_iter().map(|node| node.map(|node| String::from_utf8(node).unwrap())).collect(),
            )
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(read("for=a;proto=http;by=b"), Ok(vec![some("a")]));
        assert_eq!(read("for=a, proto=https ,,FOR=\"b, for=c\\\"\""), Ok(vec![some("a"), None, some("b, for=c\"")]));
        assert_eq!(read(" , "), Ok(vec![]));
        for bad in [
            "for",
            "for=",
            "=a",
            "for=a b",
            "for =a",
            "for= a",
            "for=a;",
            "for=a;;by=b",
            "for=a;for=b",
            "for=\"a",
            "for=\"a\\",
            "for=\"a\"b",
            "for=[::1]",
            "\"for\"=a",
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
        assert!(read(&"for=a,".repeat(64)).is_ok() && read(&"for=a,".repeat(65)).is_err());
    }

    #[test]
    fn a_client_that_opens_a_quote_gains_nothing() {
        assert!(elements(b"for=\"x, for=192.0.2.1").is_err());
        assert!(elements(b"for=\"x, for=\"[2001:db8::1]\"").is_err());
    }
}
