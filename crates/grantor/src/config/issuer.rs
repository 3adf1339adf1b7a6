//! The rules for issuer identifiers (RFC 8414 §2).

use url::Url;

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
