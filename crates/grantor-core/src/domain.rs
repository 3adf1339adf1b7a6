//! Domains: isolated realms, each with its own issuer, keys, clients and resources.

use crate::resource::Resource;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::Arc;
use url::Url;

/// The domain that exists from the start.
pub const DEFAULT_DOMAIN: &str = "default";

/// A domain as registered.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DomainSettings {
    /// The issuer identifier (RFC 8414 §2). Absent: the server's issuer, followed by `/NAME` for every domain but
    /// `default`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// Can be created and thrown away freely.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub sandbox: bool,
    /// Seconds. Goes before the server's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_token_lifetime_s: Option<u32>,
    /// Certificates of the authorities that vouch for clients with `tls_client_auth` (RFC 8705 §2.1): PEM text, or
    /// `file:PATH` of a file on each node, which is read again when it changes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trust_anchors: Vec<String>,
    /// Their revocation lists (RFC 5280 §5), written likewise. With any, a certificate that no list covers is refused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub crls: Vec<String>,
}

/// Most entries of `trust_anchors` and of `crls`.
const TRUST_MAX: usize = 100;
/// What an entry that names a file starts with.
pub const FILE: &str = "file:";

impl DomainSettings {
    /// All that is wrong with it by itself, each with the field and what to write instead.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if let Some(issuer) = &self.issuer
            && let Err(problem) = check_issuer(issuer)
        {
            problems.push(format!("issuer: {problem}"));
        }
        if self.access_token_lifetime_s == Some(0) {
            problems.push("access_token_lifetime_s: at least 1 second".into());
        }
        problems.extend(self.trust_problems());
        problems
    }

    fn trust_problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        for (field, entries) in [("trust_anchors", &self.trust_anchors), ("crls", &self.crls)] {
            if entries.len() > TRUST_MAX {
                problems.push(format!("{field}: at most {TRUST_MAX} entries"));
            }
            // Where a server was started must not decide whom a domain trusts.
            let good = |entry: &String| match entry.strip_prefix(FILE) {
                Some(path) => path.starts_with('/'),
                None => entry.contains("-----BEGIN "),
            };
            if !entries.iter().all(good) {
                problems.push(format!("{field}: write PEM text, or the whole path of a file, as file:/etc/ca.pem"));
            }
        }
        if self.trust_anchors.is_empty() && !self.crls.is_empty() {
            problems.push("crls: they need trust_anchors".into());
        }
        problems
    }
}

/// An issuer is an https URL with no query, fragment or trailing slash (RFC 8414 §2). Plain http is for loopback.
pub fn check_issuer(issuer: &str) -> Result<Url, String> {
    let url = Url::parse(issuer)
        .map_err(|_| format!("'{issuer}' is not a URL; write one such as https://auth.example.com"))?;
    let loopback = match url.host() {
        Some(url::Host::Domain(host)) => host == "localhost" || host.ends_with(".localhost"),
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        None => return Err(format!("'{issuer}' has no host; write one such as https://auth.example.com")),
    };
    match url.scheme() {
        "https" => {}
        "http" if loopback => {}
        "http" => return Err(format!("'{issuer}' is plain http, which is for loopback only; write https://…")),
        other => return Err(format!("the scheme '{other}' cannot serve an issuer; write https://…")),
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(format!("'{issuer}' has a query or fragment, which RFC 8414 section 2 forbids; leave it out"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("an issuer cannot hold a user name or password; leave them out".into());
    }
    if issuer.ends_with('/') {
        return Err(format!("'{issuer}' ends with a slash; issuers are compared as strings, so leave it out"));
    }
    let canonical = url.as_str().strip_suffix('/').filter(|_| url.path() == "/").unwrap_or(url.as_str());
    if canonical != issuer {
        return Err(format!("issuers are compared as strings, so write it as '{canonical}'"));
    }
    Ok(url)
}

/// Whether `name` can name a domain or resource in paths: 1 to 63 of `a-z 0-9 - _ .`, starting with a letter or digit.
pub fn is_name(name: &str) -> bool {
    name.len() <= 63
        && name.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_' | b'.'))
}

/// A domain in the form that requests are checked against.
#[derive(Clone, Debug, Default)]
pub struct Domain {
    pub name: String,
    pub issuer: String,
    pub sandbox: bool,
    /// Seconds; of the domain, else of the server.
    pub access_token_lifetime_s: u32,
    /// No token lives longer, whatever a client or resource asks.
    pub access_token_lifetime_max_s: u32,
    /// By identifier.
    pub resources: HashMap<String, Arc<Resource>>,
    /// What stands in place of the issuer in the URLs of endpoints that ask for a client certificate (RFC 8705 §5).
    pub mtls_base: Option<String>,
    /// As in [`DomainSettings`].
    pub trust_anchors: Vec<String>,
    pub crls: Vec<String>,
}

impl Domain {
    /// The URLs under which an endpoint is published.
    pub fn endpoints(&self, path: &str) -> impl Iterator<Item = String> {
        std::iter::once(&self.issuer).chain(&self.mtls_base).map(move |base| format!("{base}{path}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc8414_s2_issuers() {
        for good in [
            "https://auth.example.com",
            "https://a.example/acme",
            "http://127.0.0.1:8080",
            "http://[::1]:1/x",
            "http://localhost:80",
        ] {
            // The last one is not canonical: 80 is the port of http.
            assert_eq!(check_issuer(good).is_ok(), good != "http://localhost:80", "{good}");
        }
        for bad in [
            "auth.example.com",
            "http://auth.example.com",
            "https://a/",
            "https://a?x",
            "https://a#x",
            "https://u:p@a",
            "https://A.example",
            "ftp://a",
        ] {
            assert!(check_issuer(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn trust_is_written_out_or_in_a_file_with_a_whole_path() {
        let problems =
            |entry: &str| DomainSettings { trust_anchors: vec![entry.into()], ..DomainSettings::default() }.problems();
        for good in ["file:/etc/grantor/ca.pem", "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----"] {
            assert_eq!(problems(good), [""; 0], "{good}");
        }
        for bad in ["", "ca.pem", "/etc/grantor/ca.pem", "file:", "file:ca.pem", "file:../ca.pem"] {
            assert!(problems(bad)[0].contains("the whole path"), "{bad}");
        }
        let alone = DomainSettings { crls: vec!["file:/etc/crl.pem".into()], ..DomainSettings::default() };
        assert_eq!(alone.problems(), ["crls: they need trust_anchors"]);
    }

    #[test]
    fn names_fit_into_paths() {
        assert!(is_name("default") && is_name("acme-1.eu_x"));
        assert!(!is_name("") && !is_name("-a") && !is_name("A") && !is_name("a/b") && !is_name(&"a".repeat(64)));
    }
}
