//! Where a request comes from: the peer itself, or the client behind a trusted proxy. A header of a proxy counts from
//! the configured networks only, and of each kind only the configured one, since a proxy passes on what it does not know.
//! All other such headers are refused rather than ignored: whoever sends one expects it to count.

use super::listener::Peer;
use super::strict::Refusal;
use crate::config::{AddressHeader, CertificateHeader, Proxy};
use grantor_core::proxy::{
    Chain, Malformed, address, client_cert, x_forwarded_client_cert, x_forwarded_tls_client_cert, x_ssl_client_cert,
};
use http::header::{FORWARDED, HeaderName};
use http::{HeaderMap, HeaderValue, StatusCode};
use std::borrow::Cow;
use std::net::IpAddr;

const CLIENT_CERT: HeaderName = HeaderName::from_static("client-cert");
const CLIENT_CERT_CHAIN: HeaderName = HeaderName::from_static("client-cert-chain");
const X_FORWARDED_CLIENT_CERT: HeaderName = HeaderName::from_static("x-forwarded-client-cert");
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_TLS_CLIENT_CERT: HeaderName = HeaderName::from_static("x-forwarded-tls-client-cert");
const X_SSL_CLIENT_CERT: HeaderName = HeaderName::from_static("x-ssl-client-cert");

/// Who sends a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The client's address, as far as trusted proxies know it.
    pub source: IpAddr,
    /// The client's certificate and its chain, as a trusted proxy passes them on.
    pub certificate: Option<Chain>,
    /// Whether the certificate of the connection itself is the client's. Not if proxies pass on those of others.
    pub connection_counts: bool,
}

/// What a header is to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Certificate(CertificateHeader),
    /// `Forwarded`, `X-Forwarded-For`, `X-Forwarded-Host` and all the others.
    Note,
}

impl Kind {
    fn of(name: &str) -> Option<Self> {
        match name.as_bytes() {
            b"client-cert" | b"client-cert-chain" => Some(Self::Certificate(CertificateHeader::ClientCert)),
            b"x-ssl-client-cert" => Some(Self::Certificate(CertificateHeader::XSslClientCert)),
            b"x-forwarded-client-cert" => Some(Self::Certificate(CertificateHeader::XForwardedClientCert)),
            b"x-forwarded-tls-client-cert" | b"x-forwarded-tls-client-cert-info" => {
                Some(Self::Certificate(CertificateHeader::XForwardedTlsClientCert))
            }
            b"forwarded" => Some(Self::Note),
            other => other.starts_with(b"x-forwarded-").then_some(Self::Note),
        }
    }
}

/// Looks at each header name once.
pub fn origin(headers: &HeaderMap, peer: &Peer, proxy: &Proxy) -> Result<Origin, Refusal> {
    let peer = peer.addr.ip().to_canonical();
    let trusted = |address: IpAddr| proxy.trusted.iter().any(|network| network.contains(&address));
    let is_proxy = trusted(peer);
    for name in headers.keys() {
        let Some(kind) = Kind::of(name.as_str()) else { continue };
        if !is_proxy {
            return Err(untrusted(name, peer));
        }
        if let Kind::Certificate(header) = kind
            && header != proxy.certificate_header
        {
            return Err(unexpected(name, proxy.certificate_header));
        }
    }
    if !is_proxy {
        return Ok(Origin { source: peer, certificate: None, connection_counts: true });
    }
    Ok(Origin {
        source: source(headers, peer, proxy.address_header, trusted)?,
        certificate: certificate(headers, proxy.certificate_header)?,
        connection_counts: proxy.certificate_header == CertificateHeader::None,
    })
}

fn source(
    headers: &HeaderMap,
    peer: IpAddr,
    header: AddressHeader,
    trusted: impl Fn(IpAddr) -> bool,
) -> Result<IpAddr, Refusal> {
    let lines = |name: &HeaderName| headers.get_all(name).into_iter().map(HeaderValue::as_bytes);
    let (name, found) = match header {
        AddressHeader::None => return Ok(peer),
        AddressHeader::Forwarded => (FORWARDED, address::from_forwarded(peer, lines(&FORWARDED), trusted)),
        AddressHeader::XForwardedFor => {
            (X_FORWARDED_FOR, address::from_x_forwarded_for(peer, lines(&X_FORWARDED_FOR), trusted))
        }
    };
    found.map_err(|malformed| bad("proxy_address_malformed", format!("{} {malformed}", shown(&name))))
}

/// Reads the value of a header.
type Read = fn(&[u8]) -> Result<Chain, Malformed>;

fn certificate(headers: &HeaderMap, header: CertificateHeader) -> Result<Option<Chain>, Refusal> {
    let (name, parse): (_, Read) = match header {
        CertificateHeader::None => return Ok(None),
        CertificateHeader::ClientCert => return client_cert(headers),
        CertificateHeader::XForwardedClientCert => (X_FORWARDED_CLIENT_CERT, x_forwarded_client_cert::parse),
        CertificateHeader::XSslClientCert => (X_SSL_CLIENT_CERT, x_ssl_client_cert::parse),
        CertificateHeader::XForwardedTlsClientCert => (X_FORWARDED_TLS_CLIENT_CERT, x_forwarded_tls_client_cert::parse),
    };
    let Some(value) = once(headers, &name)? else { return Ok(None) };
    read(&name, parse(value))
}

fn client_cert(headers: &HeaderMap) -> Result<Option<Chain>, Refusal> {
    let leaf = once(headers, &CLIENT_CERT)?;
    let rest = headers.get_all(CLIENT_CERT_CHAIN).into_iter().map(HeaderValue::as_bytes);
    read(&CLIENT_CERT, client_cert::parse(leaf, rest))
}

fn read(name: &HeaderName, parsed: Result<Chain, Malformed>) -> Result<Option<Chain>, Refusal> {
    match parsed {
        Ok(chain) if chain.is_empty() => Ok(None),
        Ok(chain) => Ok(Some(chain)),
        Err(malformed) => Err(bad("proxy_certificate_malformed", format!("{} {malformed}", shown(name)))),
    }
}

/// The value of a header that is there once or not at all. Of two, one may be the client's.
fn once<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<Option<&'h [u8]>, Refusal> {
    let mut values = headers.get_all(name).into_iter();
    match (values.next(), values.next()) {
        (_, Some(_)) => Err(bad(
            "proxy_certificate_repeated",
            format!("{} is repeated; the proxy must replace what the client sends", shown(name)),
        )),
        (first, None) => Ok(first.map(HeaderValue::as_bytes)),
    }
}

fn untrusted(name: &HeaderName, peer: IpAddr) -> Refusal {
    bad(
        "proxy_header_untrusted",
        format!(
            "{} is for proxies, and {peer} is none that is known here; if it is a proxy, list it in proxy.trusted",
            shown(name)
        ),
    )
}

fn unexpected(name: &HeaderName, configured: CertificateHeader) -> Refusal {
    bad(
        "proxy_header_unexpected",
        format!(
            "the proxy passes {} on, but proxy.certificate_header is {}; let the proxy drop it, or correct that setting",
            shown(name),
            configured.as_str()
        ),
    )
}

fn bad(reason: &'static str, public: String) -> Refusal {
    Refusal { status: StatusCode::BAD_REQUEST, reason, public: Cow::Owned(public) }
}

/// A name as people write it: `x-forwarded-for` is `X-Forwarded-For`. Bounded.
fn shown(name: &HeaderName) -> String {
    let capital = |word: &str| match word {
        "ssl" => word.to_ascii_uppercase(),
        _ => word.split_at_checked(1).map_or_else(String::new, |(first, rest)| first.to_ascii_uppercase() + rest),
    };
    let words: Vec<String> = name.as_str().split('-').take(8).map(capital).collect();
    words.join("-").chars().take(64).collect()
}
