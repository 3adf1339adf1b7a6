#![no_main]
//! A client assertion. Where there is a first line, it is the header and the rest the claims, and the client's own key
//! signs them: what is accepted then keeps the rules of RFC 7523 §3. Without one, it is the whole compact JWS.

use grantor_core::client::{Client, ClientMetadata, Credential, CredentialKind};
use grantor_core::client_auth::{CLOCK_SKEW_S, Checks, ClientAuth, JTI_MAX, JWT_BEARER, Method};
use grantor_core::domain::Domain;
use grantor_core::form::Form;
use grantor_core::incoming::Incoming;
use grantor_core::jose::{Alg, SigningKey, sign_hs256};
use grantor_core::jwk::JwkSet;
use grantor_core::secret::{Pepper, Peppers};
use http::{HeaderMap, Uri};
use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value};
use std::sync::LazyLock;
use zeroize::Zeroizing;

const NOW: i64 = 1_800_000_000;
const ISSUER: &str = "https://auth.example.com";
const LIFETIME_MAX_S: u32 = 600;
const SECRET: &str = "a secret for signing, of the client alone";

static KEY: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::generate(Alg::ES256).expect("a key").0);

static CLIENT: LazyLock<Client> = LazyLock::new(|| {
    let jwks = JwkSet { keys: vec![KEY.public_jwk().expect("a public key")] };
    let kinds = [CredentialKind::Jwks { jwks }, CredentialKind::HmacSecret { sealed: SECRET.into() }];
    let credential = |kind: CredentialKind| Credential {
        id: kind.as_str().into(),
        label: None,
        kind,
        created_at: NOW,
        not_before: None,
        expires_at: None,
        revoked_at: None,
    };
    let metadata = ClientMetadata { token_endpoint_auth_methods: Method::ALL.to_vec(), ..ClientMetadata::default() };
    Client::new("default".into(), "svc".into(), metadata, kinds.map(credential).into())
        .unseal(|_, sealed| Some(Zeroizing::new(sealed.to_owned())))
});

static PEPPERS: LazyLock<Peppers> = LazyLock::new(|| {
    Peppers::new(vec![Pepper { id: "p1".into(), key: Zeroizing::new([7; 32]) }]).expect("a pepper")
});

fn assertion(data: &str) -> Option<String> {
    let Some((header, claims)) = data.split_once('\n') else { return Some(data.to_owned()) };
    let header: Map<String, Value> = serde_json::from_str(header).ok()?;
    let typ = header.get("typ").and_then(Value::as_str).unwrap_or("JWT");
    Some(match header.get("alg").and_then(Value::as_str) {
        Some("HS256") => sign_hs256(typ, claims.as_bytes(), SECRET.as_bytes()),
        _ => KEY.sign_with_header(&header, claims.as_bytes()).expect("a signature"),
    })
}

fuzz_target!(|data: &str| {
    let Some(assertion) = assertion(data) else { return };
    let escaped: String = assertion.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let body = format!("client_assertion_type={}&client_assertion={escaped}", JWT_BEARER.replace(':', "%3A"));
    let Ok(form) = Form::parse(body.as_bytes(), 20) else { return };
    let (uri, headers) = (Uri::from_static("/connect/token"), HeaderMap::new());
    let incoming = Incoming { uri: &uri, headers: &headers, body: body.as_bytes(), certificate: None };
    let Ok(auth) = ClientAuth::parse(&incoming, &form) else { return };
    let domain = Domain { name: "default".into(), issuer: ISSUER.into(), ..Domain::default() };
    let checks = Checks {
        domain: &domain,
        peppers: &PEPPERS,
        assertion_lifetime_max_s: LIFETIME_MAX_S,
        slow: None,
        fetched: &[],
        certificate: None,
        path: None,
        now: NOW,
    };
    assert!(auth.verify(None, &checks).is_err(), "nobody is let in");
    if let Ok(caller) = auth.verify(Some(&CLIENT), &checks) {
        let claims = data.split_once('\n').expect("nobody else has the key").1;
        let claims: Value = serde_json::from_str(claims).expect("what is accepted is JSON");
        assert_eq!((claims["iss"].as_str(), claims["sub"].as_str()), (Some("svc"), Some("svc")));
        let only = claims["aud"].as_str().or_else(|| claims["aud"].as_array().filter(|all| all.len() == 1)?[0].as_str());
        assert_eq!(only, Some(ISSUER));
        let exp = claims["exp"].as_f64().expect("exp is a number");
        assert!(exp > NOW as f64 && exp < (NOW + i64::from(LIFETIME_MAX_S) + CLOCK_SKEW_S + 1) as f64);
        let spend = caller.spend_once().expect("an assertion serves once");
        assert!((1..=JTI_MAX).contains(&spend.jti.len()));
        assert_eq!(claims["jti"].as_str(), Some(spend.jti.as_str()));
    }
});
