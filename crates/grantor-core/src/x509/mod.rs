//! The only door to certificates (RFC 5280): what a client presented, which rule of a registration it satisfies
//! (RFC 8705 §2.1.2), and whether it leads to a trust anchor.

mod attribute;
mod certificate;
mod constraints;
mod diagnosis;
mod name;
mod pem;
mod public_key;
mod revocation;
mod rule;
mod san;
mod trust;

pub use certificate::ClientCertificate;
pub use name::DistinguishedName;
pub use public_key::public_key_from_pem;
pub use rule::{CertificateRule, Checked};
pub use san::San;
pub use trust::{PathProblem, TrustStore};

use crate::Timestamp;
use std::borrow::Cow;
use std::time::Duration;
use x509_cert::der::DateTime;

/// What is wrong with a certificate, a trust anchor or a revocation list: a sentence for operators.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct X509Error(Cow<'static, str>);

impl X509Error {
    pub(crate) fn new(sentence: impl Into<Cow<'static, str>>) -> Self {
        Self(sentence.into())
    }
}

impl std::fmt::Display for X509Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for X509Error {}

/// A moment as in RFC 3339, in UTC and to the second.
fn rfc3339(at: Timestamp) -> String {
    u64::try_from(at)
        .ok()
        .and_then(|seconds| DateTime::from_unix_duration(Duration::from_secs(seconds)).ok())
        .map_or_else(|| format!("{at} s after 1970"), |time| time.to_string())
}

fn seconds(duration: Duration) -> Timestamp {
    Timestamp::try_from(duration.as_secs()).unwrap_or(Timestamp::MAX)
}

/// Text from a certificate or a registration for a log line: bounded, and nothing in it that a terminal obeys.
fn clean(text: &str, max: usize) -> String {
    let mut out: String = text.chars().take(max).map(|c| if is_plain(c) { c } else { '?' }).collect();
    if text.chars().nth(max).is_some() {
        out.push('…');
    }
    out
}

/// Whether a character shows as itself. Controls do not, nor do the invisible ones that reorder or hide text.
const fn is_plain(c: char) -> bool {
    !matches!(c, '\0'..='\x1f' | '\x7f'..='\u{9f}' | '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_as_rfc3339() {
        assert_eq!(rfc3339(1_767_225_600), "2026-01-01T00:00:00Z");
        assert_eq!(rfc3339(-1), "-1 s after 1970");
        assert_eq!(rfc3339(Timestamp::MAX), format!("{} s after 1970", Timestamp::MAX));
    }

    #[test]
    fn what_goes_to_logs_is_bounded_and_plain() {
        assert_eq!(clean("a\u{202e}b\n\u{1b}[2Jé", 99), "a?b??[2Jé");
        assert_eq!(clean("abcd", 3), "abc…");
    }
}
