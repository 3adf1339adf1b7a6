//! Name constraints (RFC 5280 §4.2.1.10), for sentences about refused certificates. They are enforced by the path
//! validation, which evaluates those on DNS names and IP addresses. Where a CA constrains another kind of name, it refuses
//! every certificate below that has a name of the kind, as the RFC allows; each has a directory name, its subject.

use super::{San, X509Error, clean};
use std::fmt::Write;
use std::net::{Ipv4Addr, Ipv6Addr};
use x509_cert::der::asn1::AnyRef;
use x509_cert::der::{Decode, Reader, SliceReader, Tag, TagNumber, Tagged};

/// Most subtrees that are told of.
const SHOWN_MAX: usize = 6;

/// What a CA permits and excludes.
pub(super) struct NameConstraints {
    subtrees: Vec<Subtree>,
}

struct Subtree {
    permitted: bool,
    kind: &'static str,
    base: String,
}

impl NameConstraints {
    /// From the value of the extension. What cannot be read is left out: this does not decide.
    pub(super) fn read(extension: &[u8]) -> Self {
        let mut subtrees = Vec::new();
        for list in parts(extension) {
            let permitted = list.tag().number() == TagNumber(0);
            for subtree in parts_of(list.value()) {
                let base =
                    SliceReader::new(subtree.value()).ok().and_then(|mut reader| AnyRef::decode(&mut reader).ok());
                subtrees.extend(base.and_then(|base| Subtree::read(permitted, base).ok()));
            }
        }
        Self { subtrees }
    }

    /// The kinds of names that are constrained but not evaluated.
    fn not_evaluated(&self) -> Option<&'static str> {
        let evaluated = |kind: &str| matches!(kind, "DNS name" | "IP address");
        self.subtrees.iter().map(|subtree| subtree.kind).find(|kind| !evaluated(kind))
    }

    /// For a log line, as in `permits DNS name example.com, excludes IP address 192.0.2.0/255.255.255.0`.
    pub(super) fn shown(&self) -> String {
        let mut out = String::new();
        for (at, subtree) in self.subtrees.iter().take(SHOWN_MAX).enumerate() {
            let separator = if at == 0 { "" } else { ", " };
            let verb = if subtree.permitted { "permits" } else { "excludes" };
            let _ = write!(out, "{separator}{verb} {} {}", subtree.kind, clean(&subtree.base, 64));
        }
        if self.subtrees.len() > SHOWN_MAX {
            let _ = write!(out, " and {} more", self.subtrees.len() - SHOWN_MAX);
        }
        if let Some(kind) = self.not_evaluated() {
            let _ = write!(
                out,
                "; constraints on a {kind} are not evaluated here, so all certificates that have one are refused"
            );
        }
        out
    }
}

impl Subtree {
    fn read(permitted: bool, base: AnyRef<'_>) -> Result<Self, X509Error> {
        if base.tag().number() == TagNumber(7) {
            return Ok(Self { permitted, kind: "IP address", base: network(base.value()) });
        }
        let san = San::read(base)?;
        let kind = san.kind();
        let base = match san {
            San::Dns(name) | San::Uri(name) | San::Email(name) => name,
            San::Ip(_) | San::Other(_) => "…".into(),
        };
        Ok(Self { permitted, kind, base })
    }
}

/// Address and mask, as they stand.
fn network(bytes: &[u8]) -> String {
    if let Ok([a, b, c, d, mask @ ..]) = <[u8; 8]>::try_from(bytes) {
        return format!("{}/{}", Ipv4Addr::new(a, b, c, d), Ipv4Addr::from(mask));
    }
    let v6 = bytes
        .split_at_checked(16)
        .and_then(|(address, mask)| Some((<[u8; 16]>::try_from(address).ok()?, <[u8; 16]>::try_from(mask).ok()?)));
    v6.map_or_else(|| "…".into(), |(address, mask)| format!("{}/{}", Ipv6Addr::from(address), Ipv6Addr::from(mask)))
}

fn parts(der: &[u8]) -> Vec<AnyRef<'_>> {
    let all = AnyRef::from_der(der).ok().filter(|all| all.tag() == Tag::Sequence);
    all.map_or_else(Vec::new, |all| parts_of(all.value()))
}

fn parts_of(bytes: &[u8]) -> Vec<AnyRef<'_>> {
    let mut parts = Vec::new();
    let Ok(mut reader) = SliceReader::new(bytes) else { return parts };
    while !reader.is_finished()
        && let Ok(part) = AnyRef::decode(&mut reader)
    {
        parts.push(part);
    }
    parts
}
