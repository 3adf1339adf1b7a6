//! Subject alternative names (RFC 5280 §4.2.1.6).

use super::{X509Error, clean};
use std::fmt;
use std::net::IpAddr;
use x509_cert::der::asn1::AnyRef;
use x509_cert::der::{Class, Decode, Reader, SliceReader, Tag, TagNumber, Tagged};

/// Most names that are read from one certificate.
const NAMES_MAX: usize = 256;
/// Most characters of one name in a log line.
const SHOWN_MAX: usize = 128;

/// One alternative name. The types that no rule can name are kept for diagnostics only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum San {
    Dns(String),
    Uri(String),
    Ip(IpAddr),
    Email(String),
    Other(&'static str),
}

impl San {
    /// The type as RFC 5280 and registrations speak of it.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Dns(_) => "DNS name",
            Self::Uri(_) => "URI",
            Self::Ip(_) => "IP address",
            Self::Email(_) => "email address",
            Self::Other(kind) => kind,
        }
    }

    /// Read one by one rather than through a type of the x509-cert crate: that would refuse rare types altogether, and
    /// its time for directory names is quadratic.
    pub(super) fn read_all(extension: &[u8]) -> Result<Vec<Self>, X509Error> {
        let wrong = |_| X509Error::new("the subject alternative names of the certificate are malformed");
        let all = AnyRef::from_der(extension).map_err(wrong)?;
        all.tag().assert_eq(Tag::Sequence).map_err(wrong)?;
        let mut reader = SliceReader::new(all.value()).map_err(wrong)?;
        let mut names = Vec::new();
        while !reader.is_finished() {
            if names.len() == NAMES_MAX {
                return Err(X509Error::new(format!("the certificate has more than {NAMES_MAX} alternative names")));
            }
            names.push(Self::read(AnyRef::decode(&mut reader).map_err(wrong)?)?);
        }
        Ok(names)
    }

    pub(super) fn read(any: AnyRef<'_>) -> Result<Self, X509Error> {
        let tag = any.tag();
        if tag.class() != Class::ContextSpecific {
            return Err(X509Error::new("the subject alternative names of the certificate are malformed"));
        }
        let text = || match any.value() {
            bytes if bytes.is_ascii() => Ok(bytes.iter().map(|byte| char::from(*byte)).collect::<String>()),
            _ => Err(X509Error::new("an alternative name of the certificate is not ASCII (RFC 5280 section 4.2.1.6)")),
        };
        Ok(match tag.number() {
            TagNumber(1) => Self::Email(text()?),
            TagNumber(2) => Self::Dns(text()?),
            TagNumber(6) => Self::Uri(text()?),
            TagNumber(7) => Self::Ip(ip(any.value())?),
            TagNumber(4) => Self::Other("directory name"),
            TagNumber(8) => Self::Other("registered id"),
            _ => Self::Other("other name"),
        })
    }
}

fn ip(bytes: &[u8]) -> Result<IpAddr, X509Error> {
    let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from))
        .map_err(|_| X509Error::new("an IP address of the certificate has neither 4 nor 16 bytes"))
}

/// Type and name, as in `URI spiffe://example.org/payments`, for log lines.
impl fmt::Display for San {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(name) | Self::Uri(name) | Self::Email(name) => {
                write!(f, "{} {}", self.kind(), clean(name, SHOWN_MAX))
            }
            Self::Ip(ip) => write!(f, "{} {ip}", self.kind()),
            Self::Other(kind) => f.write_str(kind),
        }
    }
}
