//! `tls_client_auth`: the one thing a registration expects of a certificate (RFC 8705 §2.1.2).

use super::{ClientCertificate, DistinguishedName, San, clean};
use serde::de::{Error as _, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::net::IpAddr;

const SUBJECT_DN: &str = "tls_client_auth_subject_dn";
const SAN_DNS: &str = "tls_client_auth_san_dns";
const SAN_URI: &str = "tls_client_auth_san_uri";
const SAN_IP: &str = "tls_client_auth_san_ip";
const SAN_EMAIL: &str = "tls_client_auth_san_email";

/// Longest value, in bytes.
const VALUE_MAX: usize = 1024;

/// Exactly one of the five members of RFC 8705 §2.1.2. Only the presented leaf is looked at, names of other types and the
/// common name never stand in, and nothing is a wildcard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CertificateRule {
    SubjectDn(Checked<DistinguishedName>),
    SanDns(Checked),
    SanUri(Checked),
    SanIp(IpAddr),
    SanEmail(Checked),
}

/// A value that was checked when it was read: its text as registered, and what was read from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked<T = ()> {
    text: String,
    read: T,
}

impl<T> Checked<T> {
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl CertificateRule {
    pub const MEMBERS: [&'static str; 5] = [SUBJECT_DN, SAN_DNS, SAN_URI, SAN_IP, SAN_EMAIL];

    /// Reads the value of one of [`Self::MEMBERS`]. The error says what to write instead.
    pub fn parse(member: &str, value: &str) -> Result<Self, String> {
        if value.len() > VALUE_MAX {
            return Err(format!("{} has more than {VALUE_MAX} bytes", clean(member, 64)));
        }
        let plain = |()| Checked { text: value.to_owned(), read: () };
        match member {
            SUBJECT_DN => {
                DistinguishedName::parse(value).map(|read| Self::SubjectDn(Checked { text: value.to_owned(), read }))
            }
            SAN_DNS => check_dns(value).map(plain).map(Self::SanDns),
            SAN_URI => check_uri(value).map(plain).map(Self::SanUri),
            SAN_IP => value.parse().map(Self::SanIp).map_err(|_| {
                format!("'{}' is not an IP address; write one such as 192.0.2.7 or 2001:db8::7", clean(value, 64))
            }),
            SAN_EMAIL => check_email(value).map(plain).map(Self::SanEmail),
            other => {
                return Err(format!("'{}' is not known; write one of {}", clean(other, 64), Self::MEMBERS.join(", ")));
            }
        }
        .map_err(|problem| format!("{member}: {problem}"))
    }

    pub const fn member(&self) -> &'static str {
        match self {
            Self::SubjectDn(_) => SUBJECT_DN,
            Self::SanDns(_) => SAN_DNS,
            Self::SanUri(_) => SAN_URI,
            Self::SanIp(_) => SAN_IP,
            Self::SanEmail(_) => SAN_EMAIL,
        }
    }

    /// The value as registered.
    pub fn value(&self) -> String {
        match self {
            Self::SubjectDn(name) => name.text.clone(),
            Self::SanDns(text) | Self::SanUri(text) | Self::SanEmail(text) => text.text.clone(),
            Self::SanIp(ip) => ip.to_string(),
        }
    }

    /// Whether the certificate is the one that is expected. The error says what it has instead.
    pub fn matches(&self, certificate: &ClientCertificate) -> Result<(), String> {
        let kind = match self {
            Self::SubjectDn(name) => return subject(&name.read, certificate),
            Self::SanDns(_) => "DNS name",
            Self::SanUri(_) => "URI",
            Self::SanIp(_) => "IP address",
            Self::SanEmail(_) => "email address",
        };
        if certificate.sans().iter().any(|san| self.names(san)) {
            return Ok(());
        }
        Err(without(kind, &clean(&self.value(), 128), certificate.sans()))
    }

    /// Whether an alternative name is the expected one, by the rules of its type.
    fn names(&self, san: &San) -> bool {
        match (self, san) {
            (Self::SanDns(expected), San::Dns(own)) => own.eq_ignore_ascii_case(&expected.text),
            (Self::SanUri(expected), San::Uri(own)) => same_uri(own, &expected.text),
            (Self::SanIp(expected), San::Ip(own)) => own == expected,
            (Self::SanEmail(expected), San::Email(own)) => same_email(own, &expected.text),
            _ => false,
        }
    }
}

fn subject(expected: &DistinguishedName, certificate: &ClientCertificate) -> Result<(), String> {
    let own = &certificate.leaf().subject;
    if own == expected {
        return Ok(());
    }
    let mut sentence = format!("certificate subject is '{}', expected '{}'", own.shown(), expected.shown());
    if *own == expected.reversed() {
        sentence.push_str("; the parts are in the opposite order: RFC 4514 writes the most specific first");
    }
    Err(sentence)
}

/// Most names listed in a sentence.
const LISTED_MAX: usize = 5;

fn without(kind: &str, expected: &str, sans: &[San]) -> String {
    let list = |sans: &[&San]| {
        let mut names: Vec<String> = sans.iter().take(LISTED_MAX).map(ToString::to_string).collect();
        if sans.len() > LISTED_MAX {
            names.push(format!("{} more", sans.len() - LISTED_MAX));
        }
        names.join(", ")
    };
    let (same, others): (Vec<&San>, Vec<&San>) = sans.iter().partition(|san| san.kind() == kind);
    if !same.is_empty() {
        format!("certificate has {} as alternative name, expected {kind} {expected}", list(&same))
    } else if !others.is_empty() {
        format!("certificate has no {kind} as alternative name, expected {expected}; it has {}", list(&others))
    } else {
        format!("certificate has no alternative names, expected {kind} {expected}")
    }
}

/// RFC 5280 §7.4 and RFC 3986 §6.2.2.1: scheme and host have no case, the rest is compared as it stands.
fn same_uri(a: &str, b: &str) -> bool {
    let ((a_caseless, a_user, a_rest), (b_caseless, b_user, b_rest)) = (uri_parts(a), uri_parts(b));
    a_user == b_user
        && a_rest == b_rest
        && a_caseless.0.eq_ignore_ascii_case(b_caseless.0)
        && match (a_caseless.1, b_caseless.1) {
            (Some(a), Some(b)) => a.eq_ignore_ascii_case(b),
            (a, b) => a == b,
        }
}

/// (Scheme, host and port), user information, all the rest.
fn uri_parts(uri: &str) -> ((&str, Option<&str>), Option<&str>, &str) {
    let (scheme, rest) = uri.split_once(':').unwrap_or(("", uri));
    let Some(after) = rest.strip_prefix("//") else { return ((scheme, None), None, rest) };
    let (authority, rest) = after.split_at(after.find(['/', '?', '#']).unwrap_or(after.len()));
    match authority.rsplit_once('@') {
        Some((user, host)) => ((scheme, Some(host)), Some(user), rest),
        None => ((scheme, Some(authority)), None, rest),
    }
}

/// RFC 5280 §7.5: the part before the @ has case, the host has not.
fn same_email(a: &str, b: &str) -> bool {
    match (a.rsplit_once('@'), b.rsplit_once('@')) {
        (Some((a, a_host)), Some((b, b_host))) => a == b && a_host.eq_ignore_ascii_case(b_host),
        _ => false,
    }
}

fn check_dns(name: &str) -> Result<(), String> {
    let shown = clean(name, 64);
    if name.contains('*') {
        return Err(format!("'{shown}' has a wildcard; write the full name that the certificate has"));
    }
    if !name.is_ascii() {
        return Err(format!("'{shown}' is not ASCII; write it as certificates do, with xn--"));
    }
    if name.ends_with('.') {
        return Err(format!("'{shown}' ends with a dot; leave it out"));
    }
    if !is_dns_name(name) {
        return Err(format!("'{shown}' is not a DNS name; write one such as payments.example.com"));
    }
    if name.parse::<IpAddr>().is_ok() {
        return Err(format!("'{shown}' is an IP address; write it as {SAN_IP}"));
    }
    Ok(())
}

/// RFC 1034 §3.5, and underscores, which RFC 2181 §11 allows and internal names have.
fn is_dns_name(name: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.len() <= 253 && name.split('.').all(label)
}

fn check_uri(uri: &str) -> Result<(), String> {
    let shown = clean(uri, 64);
    let scheme = uri.split_once(':').filter(|(scheme, rest)| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
            && !rest.is_empty()
    });
    if scheme.is_none() {
        return Err(format!("'{shown}' is not an absolute URI; write one such as spiffe://example.org/payments"));
    }
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&byte);
    if !uri.bytes().all(allowed) {
        return Err(format!("'{shown}' has a character that no URI has; write it percent-encoded"));
    }
    Ok(())
}

fn check_email(email: &str) -> Result<(), String> {
    let good = email.rsplit_once('@').is_some_and(|(local, host)| {
        (1..=64).contains(&local.len())
            && local.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'@')
            && is_dns_name(host)
    });
    if good {
        Ok(())
    } else {
        Err(format!("'{}' is not an email address; write one such as payments@example.com", clean(email, 64)))
    }
}

impl Serialize for CertificateRule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry(self.member(), &self.value())?;
        map.end()
    }
}

impl<'de> Deserialize<'de> for CertificateRule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Member)
    }
}

struct Member;

impl<'de> Visitor<'de> for Member {
    type Value = CertificateRule;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object with exactly one of {}", CertificateRule::MEMBERS.join(", "))
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<CertificateRule, M::Error> {
        let one = || M::Error::custom(format!("expected exactly one of {}", CertificateRule::MEMBERS.join(", ")));
        let (member, value) = map.next_entry::<String, String>()?.ok_or_else(one)?;
        let rule = CertificateRule::parse(&member, &value).map_err(M::Error::custom)?;
        if map.next_key::<String>()?.is_some() { Err(one()) } else { Ok(rule) }
    }
}
