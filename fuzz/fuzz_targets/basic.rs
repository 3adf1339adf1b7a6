#![no_main]
//! What stands inside a Basic header, base64 apart: the name found is one of the two readings, decoded or as it stands.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use grantor_core::client_auth::ClientAuth;
use grantor_core::form::{Form, decode};
use grantor_core::incoming::Incoming;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue, Uri};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|credentials: &[u8]| {
    let mut headers = HeaderMap::new();
    let value = format!("Basic {}", STANDARD.encode(credentials));
    headers.insert(AUTHORIZATION, HeaderValue::try_from(value).expect("base64 fits into a header"));
    let uri = Uri::from_static("/connect/token");
    let incoming = Incoming { uri: &uri, headers: &headers, body: b"", certificate: None };
    if let Ok(auth) = ClientAuth::parse(&incoming, &Form::default()) {
        let text = std::str::from_utf8(credentials).expect("what is read is UTF-8");
        let (id, _) = text.split_once(':').expect("what is read has a colon");
        let decoded = decode(id);
        for name in [Some(auth.client_id()), auth.unencoded_client_id()].into_iter().flatten() {
            assert!(name == id || decoded.as_deref() == Some(name));
        }
    }
});
