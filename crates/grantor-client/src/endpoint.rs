//! URLs that a secret or a key may travel to and from: https, or http to this very machine.

use crate::error::ConfigError;
use std::net::IpAddr;
use url::{Host, Url};

/// Whether plain http is good enough beyond loopback.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum PlainHttp {
    #[default]
    LoopbackOnly,
    Anywhere,
}

/// Checks an endpoint. `what` names it in the error.
pub(crate) fn endpoint(what: &str, text: &str, plain: PlainHttp) -> Result<Url, ConfigError> {
    let wrong = |wrong: &str| ConfigError::new(format!("the {what} {wrong}"));
    let url = Url::parse(text).map_err(|error| wrong(&format!("is not an absolute URL: {error}")))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("must not hold a user name or password"));
    }
    if url.fragment().is_some() {
        return Err(wrong("must not have a fragment"));
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if plain == PlainHttp::Anywhere || is_loopback(&url) => Ok(url),
        "http" => Err(wrong("must be https: over http anyone on the way reads the secrets (only loopback is exempt)")),
        _ => Err(wrong("must be an https URL")),
    }
}

/// Checks an issuer: an endpoint without query (RFC 8414 §2).
pub(crate) fn issuer(text: &str, plain: PlainHttp) -> Result<Url, ConfigError> {
    let url = endpoint("issuer", text, plain)?;
    if url.query().is_some() {
        return Err(ConfigError::new("the issuer must not have a query (RFC 8414 section 2)"));
    }
    Ok(url)
}

pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::from(address).to_canonical().is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_and_loopback_will_do() {
        for text in
            ["https://as.example/a", "http://localhost:8080", "http://127.0.0.1", "http://127.9.9.9", "http://[::1]:1"]
        {
            assert!(issuer(text, PlainHttp::LoopbackOnly).is_ok(), "{text}");
        }
        for text in [
            "http://as.example",
            "http://localhost.example",
            "http://127.0.0.1.example",
            "http://10.0.0.1",
            "http://0.0.0.0",
            "ftp://localhost",
            "https://user@as.example",
            "https://user:pass@as.example",
            "https://as.example/#x",
            "https://as.example/?x",
            "as.example",
            "/token",
            "",
        ] {
            assert!(issuer(text, PlainHttp::LoopbackOnly).is_err(), "{text}");
        }
        assert!(issuer("http://as.example", PlainHttp::Anywhere).is_ok());
    }

    #[test]
    fn what_is_wrong_never_repeats_a_password() {
        let wrong = endpoint("token endpoint", "https://u:hunter2@as.example", PlainHttp::LoopbackOnly).unwrap_err();
        assert!(!wrong.to_string().contains("hunter2"), "{wrong}");
    }
}
