//! Attributes of distinguished names: their types (RFC 4514 §3, RFC 4519, RFC 5280 appendix A.1, RFC 2985) and what makes
//! two values of a type equal (RFC 4517, RFC 4518, RFC 5280 §7.1).

use super::is_plain;
use std::fmt::{self, Write};
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::der::asn1::{Any, ObjectIdentifier};
use x509_cert::der::{Decode, Encode, Tag, Tagged};

/// Types whose values are compared without case and with insignificant space handling: caseIgnoreMatch,
/// caseIgnoreIA5Match and pkcs9CaseIgnoreMatch. The first name of a type is the one that is written. RFC 4514 §3 defines
/// the first nine; the rest are RFC 4519, RFC 2985, X.520 and the CA/Browser Forum's.
const TYPES: [(&str, ObjectIdentifier); 38] = [
    ("CN", oid("2.5.4.3")),
    ("L", oid("2.5.4.7")),
    ("ST", oid("2.5.4.8")),
    ("O", oid("2.5.4.10")),
    ("OU", oid("2.5.4.11")),
    ("C", oid("2.5.4.6")),
    ("STREET", oid("2.5.4.9")),
    ("DC", oid("0.9.2342.19200300.100.1.25")),
    ("UID", oid("0.9.2342.19200300.100.1.1")),
    ("emailAddress", oid("1.2.840.113549.1.9.1")),
    ("E", oid("1.2.840.113549.1.9.1")),
    ("serialNumber", oid("2.5.4.5")),
    ("SN", oid("2.5.4.4")),
    ("surname", oid("2.5.4.4")),
    ("givenName", oid("2.5.4.42")),
    ("GN", oid("2.5.4.42")),
    ("name", oid("2.5.4.41")),
    ("initials", oid("2.5.4.43")),
    ("generationQualifier", oid("2.5.4.44")),
    ("title", oid("2.5.4.12")),
    ("description", oid("2.5.4.13")),
    ("businessCategory", oid("2.5.4.15")),
    ("postalCode", oid("2.5.4.17")),
    ("dnQualifier", oid("2.5.4.46")),
    ("pseudonym", oid("2.5.4.65")),
    ("organizationIdentifier", oid("2.5.4.97")),
    ("unstructuredName", oid("1.2.840.113549.1.9.2")),
    ("unstructuredAddress", oid("1.2.840.113549.1.9.8")),
    ("jurisdictionL", oid("1.3.6.1.4.1.311.60.2.1.1")),
    ("jurisdictionST", oid("1.3.6.1.4.1.311.60.2.1.2")),
    ("jurisdictionC", oid("1.3.6.1.4.1.311.60.2.1.3")),
    ("commonName", oid("2.5.4.3")),
    ("localityName", oid("2.5.4.7")),
    ("stateOrProvinceName", oid("2.5.4.8")),
    ("organizationName", oid("2.5.4.10")),
    ("organizationalUnitName", oid("2.5.4.11")),
    ("countryName", oid("2.5.4.6")),
    ("domainComponent", oid("0.9.2342.19200300.100.1.25")),
];

const fn oid(dotted: &str) -> ObjectIdentifier {
    ObjectIdentifier::new_unwrap(dotted)
}

/// One attribute. Its value is text, whichever ASN.1 string type carried it, or the DER of anything else.
#[derive(Clone, Debug)]
pub(super) struct Attribute {
    kind: ObjectIdentifier,
    value: Value,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Value {
    Text(String),
    Der(Vec<u8>),
}

/// The type that a name or dotted number of RFC 4514 §3 means. Names have no case.
pub(super) fn type_named(name: &str) -> Option<ObjectIdentifier> {
    let known = TYPES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, kind)| *kind);
    // RFC 2253 §4 let dotted numbers begin with "OID.".
    let dotted = || match name.get(..4) {
        Some(prefix) if prefix.eq_ignore_ascii_case("oid.") => &name[4..],
        _ => name,
    };
    known.or_else(|| ObjectIdentifier::new(dotted()).ok())
}

impl Attribute {
    pub(super) const fn text(kind: ObjectIdentifier, text: String) -> Self {
        Self { kind, value: Value::Text(text) }
    }

    /// From the DER that stands after `#` in RFC 4514 §2.4.
    pub(super) fn from_value_der(kind: ObjectIdentifier, der: &[u8]) -> Option<Self> {
        Some(Self { kind, value: value(&Any::from_der(der).ok()?)? })
    }

    pub(super) fn from_x509(attribute: &AttributeTypeAndValue) -> Option<Self> {
        let attribute = Self { kind: attribute.oid, value: value(&attribute.value)? };
        (attribute.name().is_some() || is_canonical(attribute.kind)).then_some(attribute)
    }

    fn name(&self) -> Option<&'static str> {
        TYPES.iter().find(|(_, known)| *known == self.kind).map(|(name, _)| *name)
    }
}

/// Whether the number is encoded in the one way of DER (X.690 §8.19.2): with padding it would be another than what is
/// shown of it.
fn is_canonical(kind: ObjectIdentifier) -> bool {
    ObjectIdentifier::new(&kind.to_string()) == Ok(kind)
}

/// Equal types and, by the rule of that type, equal values. Of types that are not known here only identical values are.
impl PartialEq for Attribute {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind
            && match (&self.value, &other.value) {
                (Value::Text(a), Value::Text(b)) => a == b || (self.name().is_some() && fold(a) == fold(b)),
                (a, b) => a == b,
            }
    }
}

impl Eq for Attribute {}

/// Case and insignificant spaces taken away (RFC 4518 §2.2, §2.6.1). Simple lower case joins fewer characters than the
/// full folding of that RFC and no normalisation is done, so that what is equal here is equal there too.
fn fold(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for word in text.split(char::is_whitespace).filter(|word| !word.is_empty()) {
        if !out.is_empty() {
            out.push(' ');
        }
        out.extend(word.chars().flat_map(char::to_lowercase));
    }
    out
}

fn value(any: &Any) -> Option<Value> {
    let bytes = any.value();
    let text = match any.tag() {
        Tag::Utf8String => Some(std::str::from_utf8(bytes).ok()?.to_owned()),
        Tag::PrintableString | Tag::Ia5String | Tag::VisibleString | Tag::NumericString => Some(ascii(bytes)?),
        // T.61 has no agreed meaning beyond ASCII, so such a value is compared by its bytes.
        Tag::TeletexString => ascii(bytes),
        Tag::BmpString => {
            let units = bytes.chunks_exact(2);
            let whole = units.remainder().is_empty();
            let units: Vec<u16> = units.map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
            Some(String::from_utf16(&units).ok().filter(|_| whole)?)
        }
        _ => None,
    };
    match text {
        Some(text) => Some(Value::Text(text)),
        None => any.to_der().ok().map(Value::Der),
    }
}

fn ascii(bytes: &[u8]) -> Option<String> {
    bytes.is_ascii().then(|| bytes.iter().map(|byte| char::from(*byte)).collect())
}

/// RFC 4514 §2.3 and §2.4. Characters that do not show as themselves are written as their UTF-8 in hex, which the RFC
/// allows for any.
impl fmt::Display for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "{name}=")?,
            None => write!(f, "{}=", self.kind)?,
        }
        match &self.value {
            Value::Der(der) => {
                f.write_char('#')?;
                der.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
            Value::Text(text) => {
                let last = text.chars().count().saturating_sub(1);
                text.chars().enumerate().try_for_each(|(at, c)| match c {
                    '"' | '+' | ',' | ';' | '<' | '>' | '\\' => write!(f, "\\{c}"),
                    '#' if at == 0 => f.write_str("\\#"),
                    ' ' if at == 0 || at == last => f.write_str("\\ "),
                    c if is_plain(c) => f.write_char(c),
                    c => c.encode_utf8(&mut [0; 4]).bytes().try_for_each(|byte| write!(f, "\\{byte:02x}")),
                })
            }
        }
    }
}
