//! Distinguished names: read from text (RFC 4514 §3) and from certificates, compared by value and order, never as text.

use super::attribute::{Attribute, type_named};
use super::clean;
use std::fmt;
use x509_cert::name::Name;

/// Longest text that is read, in bytes.
const TEXT_MAX: usize = 1024;
/// Most characters of a name in a log line.
const SHOWN_MAX: usize = 512;

/// A name as RFC 5280 §4.1.2.4 has it: the most general part first, each part a set of attributes.
#[derive(Clone, Debug)]
pub struct DistinguishedName {
    rdns: Vec<Vec<Attribute>>,
}

impl DistinguishedName {
    /// Reads RFC 4514 text. Spaces around separators are allowed too, as RFC 2253 §4 did and many tools write.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Err("the name is empty; write one such as CN=payments,O=Example,C=DE".into());
        }
        if text.len() > TEXT_MAX {
            return Err(format!("the name has more than {TEXT_MAX} bytes"));
        }
        if text.starts_with('/') {
            return Err("the name is written with slashes; write it as RFC 4514 has it, the most specific part first \
                        and with commas: CN=payments,O=Example,C=DE"
                .into());
        }
        let mut rdns = Vec::new();
        let mut rdn = Vec::new();
        let mut rest = text;
        loop {
            let (attribute, separator, after) = attribute(rest)?;
            if rdn.contains(&attribute) {
                return Err(format!("'{}' stands twice in one part of the name", clean(&attribute.to_string(), 64)));
            }
            rdn.push(attribute);
            if separator != Some('+') {
                rdns.push(std::mem::take(&mut rdn));
            }
            if separator.is_none() {
                // RFC 4514 §2.1 writes the last part first.
                rdns.reverse();
                return Ok(Self { rdns });
            }
            rest = after;
        }
    }

    /// `None` for names with a type or a string that is not well-formed.
    pub(super) fn from_x509(name: &Name) -> Option<Self> {
        let rdn = |rdn: &x509_cert::name::RelativeDistinguishedName| rdn.iter().map(Attribute::from_x509).collect();
        Some(Self { rdns: name.iter_rdn().map(rdn).collect::<Option<_>>()? })
    }

    pub fn is_empty(&self) -> bool {
        self.rdns.is_empty()
    }

    pub(super) fn reversed(&self) -> Self {
        Self { rdns: self.rdns.iter().rev().cloned().collect() }
    }

    /// RFC 4514 text for a log line.
    pub(super) fn shown(&self) -> String {
        if self.is_empty() { "(no name)".into() } else { clean(&self.to_string(), SHOWN_MAX) }
    }
}

/// Parts in order, and the attributes of each part as a set (RFC 5280 §7.1).
impl PartialEq for DistinguishedName {
    fn eq(&self, other: &Self) -> bool {
        // Both ways, since attributes of one part may be equal by value though their bytes differ.
        let within = |a: &[Attribute], b: &[Attribute]| a.iter().all(|one| b.contains(one));
        let same_set = |(a, b): (&Vec<Attribute>, &Vec<Attribute>)| within(a, b) && within(b, a);
        self.rdns.len() == other.rdns.len() && self.rdns.iter().zip(&other.rdns).all(same_set)
    }
}

impl Eq for DistinguishedName {}

impl fmt::Display for DistinguishedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, rdn) in self.rdns.iter().rev().enumerate() {
            for (within, attribute) in rdn.iter().enumerate() {
                let separator = if within > 0 {
                    "+"
                } else if at > 0 {
                    ","
                } else {
                    ""
                };
                write!(f, "{separator}{attribute}")?;
            }
        }
        Ok(())
    }
}

/// The first attribute, the separator after it, and what follows.
fn attribute(text: &str) -> Result<(Attribute, Option<char>, &str), String> {
    let (name, value) = text
        .split_once('=')
        .ok_or_else(|| format!("'{}' has no '='; write attributes as CN=payments", clean(text.trim(), 64)))?;
    let name = name.trim();
    let kind = type_named(name).ok_or_else(|| {
        format!(
            "the attribute type '{}' is not known here; write its number, such as 2.5.4.3=payments",
            clean(name, 64)
        )
    })?;
    let value = value.trim_start_matches(' ');
    let (end, separator) = end_of_value(value)?;
    let after = separator.map_or("", |separator| &value[end + separator.len_utf8()..]);
    let value = &value[..end];
    let attribute = match value.strip_prefix('#') {
        Some(hex) => {
            unhex(hex.trim_end_matches(' ')).and_then(|der| Attribute::from_value_der(kind, &der)).ok_or_else(|| {
                format!("what follows '#' in {name} is not the DER of a value in hex; write a leading # as \\#")
            })?
        }
        None => Attribute::text(kind, unescape(value)?),
    };
    Ok((attribute, separator, after))
}

/// Where the value ends, and the separator that stands there.
fn end_of_value(text: &str) -> Result<(usize, Option<char>), String> {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            ',' | '+' => return Ok((at, Some(c))),
            '"' | ';' | '<' | '>' => {
                return Err(format!("'{c}' in a name must be written as \\{c} (RFC 4514 section 2.4)"));
            }
            '\0' => return Err("a NUL in a name must be written as \\00 (RFC 4514 section 2.4)".into()),
            _ => {}
        }
    }
    Ok((text.len(), None))
}

/// RFC 4514 §3: `\` and a special character, or `\` and two hex digits, which are a byte of UTF-8.
fn unescape(text: &str) -> Result<String, String> {
    let wrong = || "after '\\' in a name comes a special character or two hex digits (RFC 4514 section 2.4)".to_owned();
    let mut bytes = Vec::with_capacity(text.len());
    // How much of `bytes` is kept when the unescaped spaces at the end go.
    let mut kept = 0;
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'\\' {
            let next = rest.next().ok_or_else(wrong)?;
            if matches!(next, b' ' | b'"' | b'#' | b'+' | b',' | b';' | b'<' | b'=' | b'>' | b'\\') {
                bytes.push(next);
            } else {
                let digits = [next, rest.next().ok_or_else(wrong)?];
                let text = std::str::from_utf8(&digits).map_err(|_| wrong())?;
                bytes.extend(unhex(text).ok_or_else(wrong)?);
            }
            kept = bytes.len();
        } else {
            bytes.push(byte);
            if byte != b' ' {
                kept = bytes.len();
            }
        }
    }
    bytes.truncate(kept);
    String::from_utf8(bytes).map_err(|_| "the escaped bytes in the name are not UTF-8".into())
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| Some(digit(pair[0])? << 4 | digit(*pair.get(1)?)?)).collect()
}
