//! Checks of a request's head that hyper leaves to us. hyper itself answers 400 to malformed lines, names and lengths,
//! and 431 to heads that are too long; of a request with both Content-Length and Transfer-Encoding it drops the former
//! and closes the connection behind the answer, as RFC 9112 §6.1 allows.

use super::limits::{FrontLimits, URI_MAX_BYTES};
use http::header::{
    AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, EXPECT, HOST, HeaderName, TRANSFER_ENCODING,
};
use http::request::Parts;
use http::{HeaderMap, Method, StatusCode, Uri, Version};
use std::borrow::Cow;
use std::net::Ipv6Addr;

/// Why the front does not pass a request on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub status: StatusCode,
    /// For the operator: a closed set.
    pub reason: &'static str,
    /// For the caller.
    pub public: Cow<'static, str>,
}

impl Refusal {
    pub(super) const fn new(status: StatusCode, reason: &'static str, public: &'static str) -> Self {
        Self { status, reason, public: Cow::Borrowed(public) }
    }
}

/// What may be there once (RFC 9110 §5.3): two of these mean that two readers would each choose their own.
const SINGLETONS: [HeaderName; 8] = [
    HOST,
    AUTHORIZATION,
    CONTENT_LENGTH,
    CONTENT_TYPE,
    CONTENT_ENCODING,
    TRANSFER_ENCODING,
    EXPECT,
    HeaderName::from_static("dpop"),
];

pub fn check(head: &Parts, limits: &FrontLimits) -> Result<(), Refusal> {
    let headers = &head.headers;
    if head.uri.path_and_query().is_some_and(|target| target.as_str().len() > URI_MAX_BYTES) {
        return Err(Refusal::new(StatusCode::URI_TOO_LONG, "uri_too_long", "the request target is too long"));
    }
    if headers.len() > limits.headers_max {
        return Err(Refusal::new(
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            "too_many_headers",
            "there are too many header fields",
        ));
    }
    // Both counts are at hand, and a request without any repeated name is the rule.
    if headers.len() != headers.keys_len() {
        repeated(headers)?;
    }
    if head.version <= Version::HTTP_11 {
        target(&head.method, &head.uri)?;
        transfer_encoding(headers)?;
    }
    host(head)?;
    content_encoding(headers)?;
    expect(headers)
}

const fn bad(reason: &'static str, public: &'static str) -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, reason, public)
}

fn repeated(headers: &HeaderMap) -> Result<(), Refusal> {
    for name in &SINGLETONS {
        if headers.get_all(name).iter().nth(1).is_some() {
            return Err(match *name {
                HOST => bad("host_repeated", "the Host header is repeated"),
                AUTHORIZATION => bad("authorization_repeated", "the Authorization header is repeated"),
                TRANSFER_ENCODING => bad("transfer_encoding", "the Transfer-Encoding header is repeated"),
                _ => bad("header_repeated", "a header that may be there once is repeated"),
            });
        }
    }
    Ok(())
}

/// RFC 9112 §3.2. Without a scheme, hyper read a path, `*`, or a bare authority.
fn target(method: &Method, uri: &Uri) -> Result<(), Refusal> {
    if *method == Method::CONNECT {
        return Err(Refusal::new(StatusCode::NOT_IMPLEMENTED, "connect", "this server is no tunnel"));
    }
    let known = match uri.scheme_str() {
        Some(scheme) => scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https"),
        None if uri.authority().is_some() => false,
        None => uri.path() != "*" || *method == Method::OPTIONS,
    };
    if known { Ok(()) } else { Err(bad("target", "the request target is malformed")) }
}

/// RFC 9112 §6.1: only `chunked`, and only once. hyper reads any list that ends in it as plain chunked.
fn transfer_encoding(headers: &HeaderMap) -> Result<(), Refusal> {
    let Some(value) = headers.get(TRANSFER_ENCODING) else { return Ok(()) };
    if value.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked") {
        return Ok(());
    }
    let codings = value.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    if codings.filter(|coding| coding.eq_ignore_ascii_case(b"chunked")).count() > 1 {
        return Err(bad("transfer_encoding", "the body is chunked more than once"));
    }
    Err(Refusal::new(
        StatusCode::NOT_IMPLEMENTED,
        "transfer_encoding",
        "no transfer coding other than chunked is supported",
    ))
}

/// RFC 9110 §7.2, RFC 9112 §3.2, RFC 9113 §8.3.1.
fn host(head: &Parts) -> Result<(), Refusal> {
    let (host, authority) = (head.headers.get(HOST), head.uri.authority());
    match host {
        Some(host) if !is_authority(host.as_bytes()) => return Err(bad("host", "the Host header is malformed")),
        None if head.version == Version::HTTP_11 => return Err(bad("host_missing", "the Host header is missing")),
        None if head.version >= Version::HTTP_2 && authority.is_none() => {
            return Err(bad("host_missing", "the :authority is missing"));
        }
        _ => {}
    }
    let Some(authority) = authority else { return Ok(()) };
    if !is_authority(authority.as_str().as_bytes()) {
        return Err(bad("host", "the authority of the request target is malformed"));
    }
    match host {
        // In HTTP/1.1 an authority in the target simply wins (RFC 9112 §3.2.2).
        Some(host)
            if head.version >= Version::HTTP_2
                && !host.as_bytes().eq_ignore_ascii_case(authority.as_str().as_bytes()) =>
        {
            Err(bad("host", "Host and :authority differ"))
        }
        _ => Ok(()),
    }
}

/// `host [":" port]` without user information. Of the registered names that RFC 3986 §3.2.2 allows, those that a name
/// service could know: no `%`, no `,` (two values that someone joined), no `;`.
fn is_authority(text: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(text) else { return false };
    let (host_ok, rest) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, rest)) => (address.parse::<Ipv6Addr>().is_ok(), rest),
        None => {
            let (host, rest) = text.split_at(text.find(':').unwrap_or(text.len()));
            let name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
            (!host.is_empty() && host.len() <= 255 && host.bytes().all(name), rest)
        }
    };
    let port_ok = match rest.strip_prefix(':') {
        Some(port) => {
            port.bytes().all(|byte| byte.is_ascii_digit()) && (port.is_empty() || port.parse::<u16>().is_ok())
        }
        None => rest.is_empty(),
    };
    host_ok && port_ok
}

/// A compressed body could be far longer than it looks; nobody needs one here.
fn content_encoding(headers: &HeaderMap) -> Result<(), Refusal> {
    match headers.get(CONTENT_ENCODING) {
        Some(value) if !value.as_bytes().eq_ignore_ascii_case(b"identity") => Err(Refusal::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "content_encoding",
            "compressed bodies are not accepted; send it without Content-Encoding",
        )),
        _ => Ok(()),
    }
}

/// RFC 9110 §10.1.1. hyper itself sends the 100 once the body is asked for.
fn expect(headers: &HeaderMap) -> Result<(), Refusal> {
    match headers.get(EXPECT) {
        Some(value) if !value.as_bytes().eq_ignore_ascii_case(b"100-continue") => {
            Err(Refusal::new(StatusCode::EXPECTATION_FAILED, "expect", "this expectation is not known"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authorities() {
        for good in [
            "a",
            "a.example",
            "a.example.",
            "A-1.example:8080",
            "a:",
            "my_service:80",
            "127.0.0.1:0",
            "[::1]",
            "[::1]:65535",
            "[2001:db8::7]",
        ] {
            assert!(is_authority(good.as_bytes()), "{good}");
        }
        for bad in [
            "",
            ":",
            ":80",
            "a b",
            " a",
            "a,b",
            "a, b",
            "u@a",
            "u:p@a",
            "a/b",
            "a?b",
            "a#b",
            "a%41",
            "a:b",
            "a:-1",
            "a:+1",
            "a:65536",
            "a:80:80",
            "::1",
            "[::1",
            "[::1]x",
            "[::1]:x",
            "[a]",
            "[]",
            "[v1.a]",
            "[fe80::1%25eth0]",
            "a\"b",
            "a\\b",
            "a<b",
            "é",
        ] {
            assert!(!is_authority(bad.as_bytes()), "{bad}");
        }
        assert!(!is_authority(&[b'a'; 256]));
        assert!(!is_authority(&[0xff]));
    }

    fn http2(uri: &str, host: Option<&str>) -> Result<(), Refusal> {
        let mut request = http::Request::builder().version(Version::HTTP_2).uri(uri);
        if let Some(host) = host {
            request = request.header(HOST, host);
        }
        check(&request.body(()).unwrap().into_parts().0, &FrontLimits::default())
    }

    #[test]
    fn rfc9113_s8_3_1_host_is_the_authority() {
        assert_eq!(http2("https://a.example/", None), Ok(()));
        assert_eq!(http2("https://a.example/", Some("A.example")), Ok(()));
        assert_eq!(http2("/", Some("a.example")), Ok(()));
        assert_eq!(http2("https://a.example/", Some("b.example")).unwrap_err().reason, "host");
        assert_eq!(http2("https://a.example:443/", Some("a.example")).unwrap_err().reason, "host");
        assert_eq!(http2("/", None).unwrap_err().reason, "host_missing");
        assert_eq!(http2("https://u@a.example/", None).unwrap_err().reason, "host");
    }
}
