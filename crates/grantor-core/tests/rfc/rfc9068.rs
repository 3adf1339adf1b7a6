//! JWT access tokens, and opaque ones that hold the same.

use crate::world::{API, BANK, ID, ISSUER, NOW, Request, VAULT, World};
use grantor_core::client::ClientMetadata;
use grantor_core::jose::{UnverifiedJws, b64url_decode};
use grantor_core::token::{AT_JWT, RESERVED_CLAIMS};
use serde_json::{Value, json};

fn payload(token: &str) -> Value {
    serde_json::from_slice(&b64url_decode(token.split('.').nth(1).unwrap()).unwrap()).unwrap()
}

#[test]
fn s2_1_the_header_says_at_jwt() {
    let issued = World::new().token(&Request::grant("")).unwrap();
    let jws = UnverifiedJws::parse(&issued.token).unwrap();
    assert_eq!(jws.header().typ.as_deref(), Some("at+jwt"));
    assert_eq!(jws.header().alg.as_str(), "ES256");
    assert!(jws.header().kid.is_some());
}

#[test]
fn s2_2_the_claims_to_the_letter() {
    let issued = World::new().token(&Request::grant("&scope=read")).unwrap();
    let expected = json!({
        "iss": ISSUER, "sub": ID, "aud": API, "exp": NOW + 300, "iat": NOW, "jti": "a-jti",
        "client_id": ID, "scope": "read",
    });
    assert_eq!(payload(&issued.token), expected);
}

#[test]
fn s2_2_aud_is_a_string_or_a_list() {
    let issued = World::new().token(&Request::grant(&format!("&audience={API}"))).unwrap();
    assert_eq!(payload(&issued.token)["aud"], API);
    let two = Request::grant(&format!("&audience={API}&audience={}", crate::encoding::form(BANK)));
    assert_eq!(payload(&World::new().token(&two).unwrap().token)["aud"], json!([API, BANK]));
}

#[test]
fn s2_2_exp_is_iat_and_expires_in() {
    for lifetime_s in [1, 60, 3600, 86_400] {
        let world = World::with(|metadata| metadata.access_token_lifetime_s = Some(lifetime_s));
        let issued = world.token(&Request::grant("")).unwrap();
        assert_eq!(issued.response["expires_in"], lifetime_s);
        let claims = payload(&issued.token);
        assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), i64::from(lifetime_s));
    }
}

#[test]
fn lifetime_is_the_clients_then_the_resources_then_the_domains() {
    let lifetime = |client: Option<u32>, resource: Option<u32>, bank: Option<u32>, domain: u32, more: &str| {
        let mut world = World::with(|metadata| metadata.access_token_lifetime_s = client);
        world.resource(API).access_token_lifetime_s = resource;
        world.resource(BANK).access_token_lifetime_s = bank;
        world.domain.access_token_lifetime_s = domain;
        world.token(&Request::grant(more)).unwrap().response["expires_in"].as_u64().unwrap()
    };
    let both = format!("&audience={API}&audience={}", crate::encoding::form(BANK));
    assert_eq!(lifetime(Some(10), Some(20), None, 30, ""), 10);
    assert_eq!(lifetime(Some(100), Some(20), None, 30, ""), 100);
    assert_eq!(lifetime(None, Some(20), None, 30, ""), 20);
    assert_eq!(lifetime(None, None, Some(20), 30, ""), 30);
    assert_eq!(lifetime(None, Some(50), Some(20), 30, &both), 20);
    assert_eq!(lifetime(None, None, Some(50), 30, &both), 50);
    // Nothing lives longer than the server allows.
    assert_eq!(lifetime(Some(u32::MAX), None, None, 30, ""), 86_400);
    assert_eq!(lifetime(None, Some(100_000), None, 30, ""), 86_400);
    assert_eq!(lifetime(None, None, None, 100_000, ""), 86_400);
    assert_eq!(lifetime(Some(0), None, None, 30, ""), 1);
}

#[test]
fn extra_claims_stand_beside_the_others() {
    let extra = json!({ "tenant": "acme", "a\"b": [1, { "x": null }], "é": "ü\n", "roles": ["x"], "n": 1.5 });
    let world = World::with(|metadata| metadata.claims = extra.as_object().unwrap().clone());
    for more in ["".to_owned(), format!("&audience={VAULT}")] {
        let issued = world.token(&Request::grant(&more)).unwrap();
        for (name, value) in extra.as_object().unwrap() {
            assert_eq!(&issued.claims[name], value);
        }
        assert_eq!(issued.claims["sub"], ID);
    }
}

#[test]
fn claims_of_the_protocol_cannot_be_set_per_client() {
    let with = |claims: Value| {
        ClientMetadata { claims: claims.as_object().unwrap().clone(), ..ClientMetadata::default() }.problems()
    };
    assert!(with(json!({ "tenant": "acme", "Sub": "x", "groups": [] })).is_empty());
    for name in RESERVED_CLAIMS {
        assert!(with(json!({ (name): "x" }))[0].contains(name), "{name}");
    }
    assert!(!with(json!({ "x": "y".repeat(4096) })).is_empty());
    let nested = |depth: usize| (0..depth).fold(json!(1), |value, _| json!([value]));
    assert!(with(json!({ "x": nested(8) })).is_empty());
    assert!(!with(json!({ "x": nested(9) })).is_empty());
}

#[test]
fn s4_a_token_is_checked_whole() {
    let world = World::new();
    let good = json!({
        "iss": ISSUER, "sub": ID, "aud": API, "exp": NOW + 60, "iat": NOW, "jti": "j", "client_id": ID,
    });
    assert!(world.check(&world.sign(AT_JWT, &good)).is_ok());
    assert!(world.check(&world.sign("application/at+jwt", &good)).is_ok());
    for typ in ["JWT", "client-authentication+jwt", "token-introspection+jwt", "", "at+jwt2"] {
        assert!(world.check(&world.sign(typ, &good)).is_err(), "{typ}");
    }
    let changed = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        world.check(&world.sign(AT_JWT, &claims))
    };
    for (name, value) in [
        ("iss", json!("https://auth.example.com/")),
        ("iss", json!([ISSUER])),
        ("exp", json!(NOW)),
        ("exp", json!((NOW + 60).to_string())),
        ("exp", json!(-1)),
        ("exp", Value::Null),
        ("iat", json!("now")),
        ("jti", json!(1)),
        ("client_id", json!({ "x": ID })),
        ("aud", json!(1)),
        ("aud", json!([API, 1])),
    ] {
        assert!(changed(name, value.clone()).is_err(), "{name} {value}");
    }
    for name in ["iss", "exp", "iat", "jti", "client_id", "aud"] {
        let mut claims = good.clone();
        claims.as_object_mut().unwrap().remove(name);
        assert!(world.check(&world.sign(AT_JWT, &claims)).is_err(), "{name}");
    }
}

#[test]
fn a_lowered_cap_holds_for_tokens_from_before() {
    for more in ["".to_owned(), format!("&audience={VAULT}")] {
        let mut world = World::with(|metadata| metadata.access_token_lifetime_s = Some(86_400));
        let issued = world.token(&Request::grant(&more)).unwrap();
        world.domain.access_token_lifetime_max_s = 600;
        world.now = NOW + 599;
        let token = world.check(&issued.token).unwrap();
        assert_eq!((token.exp, &token.claims["exp"]), (NOW + 600, &(NOW + 600).into()));
        world.now = NOW + 600;
        assert!(world.check(&issued.token).is_err());
    }
}

#[test]
fn an_opaque_token_belongs_to_its_domain_and_key() {
    let world = World::new();
    let token = world.token(&Request::grant(&format!("&audience={VAULT}"))).unwrap().token;
    assert!(token.starts_with("grat_"));
    assert!(world.check(&token).is_ok());
    let mut other = World::new();
    other.domain.name = "other".into();
    assert!(other.check(&token).is_err());
    let mut renamed = World::new();
    renamed.domain.issuer = "https://elsewhere.example.com".into();
    assert!(renamed.check(&token).is_err());
}
