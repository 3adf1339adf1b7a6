#![no_main]
//! A token request: the first line is the Authorization header (left out when empty), the second the URI, the rest the
//! body. Nothing panics, and what is refused has a description that fits RFC 6749 §5.2.

use grantor_core::incoming::{Incoming, ParseLimits};
use grantor_core::token_request::TokenRequest;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Uri};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut lines = data.splitn(3, |byte| *byte == b'\n');
    let (authorization, uri, body) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
    if let Ok(value) = HeaderValue::from_bytes(authorization)
        && !authorization.is_empty()
    {
        headers.insert(AUTHORIZATION, value);
    }
    let uri = Uri::try_from(uri).unwrap_or_default();
    let incoming = Incoming { uri: &uri, headers: &headers, body, certificate: None };
    match TokenRequest::parse(&incoming, &ParseLimits::default()) {
        Ok(request) => assert!((1..=255).contains(&request.client_auth.client_id().len())),
        Err(error) => assert!(error.public.bytes().all(|byte| matches!(byte, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e))),
    }
});
