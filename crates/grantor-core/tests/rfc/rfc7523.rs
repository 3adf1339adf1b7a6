//! Client assertions: RFC 7521 §4.2, RFC 7523 §2.2 and §3, rfc7523bis, OpenID Connect Core §9, RFC 8725.

use crate::world::{ID, ISSUER, MTLS, NOW, Request, World};
use grantor_core::client::CredentialKind;
use grantor_core::client_auth::{CLIENT_AUTHENTICATION_JWT, JTI_MAX, JWT_BEARER, Method};
use grantor_core::error::{ErrorCode, OAuthError};
use grantor_core::jose::{Alg, SigningKey, b64url_encode, sign_hs256};
use grantor_core::jwk::JwkSet;
use serde_json::{Value, json};
use zeroize::Zeroizing;

const HMAC_SECRET: &str = "a secret for signing, of the client alone";

fn claims() -> Value {
    json!({ "iss": ID, "sub": ID, "aud": ISSUER, "exp": NOW + 60, "iat": NOW, "jti": "one" })
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    match value {
        Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
        value => claims[name] = value,
    }
    claims
}

fn request(assertion: &str) -> Request {
    Request::form(format!(
        "grant_type=client_credentials&client_assertion_type={}&client_assertion={assertion}",
        JWT_BEARER.replace(':', "%3A")
    ))
}

/// A client with this key, and no other.
fn keyed(alg: Alg) -> (World, SigningKey) {
    let (key, _) = SigningKey::generate(alg).unwrap();
    let mut world = World::new();
    world.credentials.clear();
    world.add(CredentialKind::Jwks { jwks: JwkSet { keys: vec![key.public_jwk().unwrap()] } });
    (world, key)
}

fn signed(key: &SigningKey, claims: &Value) -> Request {
    request(&key.sign_jwt(CLIENT_AUTHENTICATION_JWT, claims.to_string().as_bytes()).unwrap())
}

fn refused(claims: &Value) -> OAuthError {
    let (world, key) = keyed(Alg::ES256);
    world.refusal(&signed(&key, claims))
}

#[test]
fn s2_2_every_asymmetric_algorithm_gets_a_token() {
    for alg in Alg::ALL {
        let (world, key) = keyed(alg);
        assert_eq!(world.token(&signed(&key, &claims())).unwrap().claims["client_id"], ID, "{}", alg.as_str());
    }
}

#[test]
fn oidc_core_s9_a_shared_secret_signs_with_hs256() {
    let mut world = World::new();
    world.credentials.clear();
    world.add(CredentialKind::HmacSecret { sealed: HMAC_SECRET.into() });
    let sign = |secret: &str| request(&sign_hs256("JWT", claims().to_string().as_bytes(), secret.as_bytes()));
    assert!(world.token(&sign(HMAC_SECRET)).is_ok());
    assert_eq!(world.refusal(&sign("another")).reason(), "assertion_signature");
    world.metadata.token_endpoint_auth_methods = vec![Method::PrivateKeyJwt];
    assert_eq!(world.refusal(&sign(HMAC_SECRET)).reason(), "auth_method_not_registered");
}

#[test]
fn rfc8725_s3_1_a_public_key_is_no_shared_secret() {
    let (world, key) = keyed(Alg::RS256);
    let jwk = key.public_jwk().unwrap();
    for public in [json!(jwk).to_string(), jwk.n.clone().unwrap(), jwk.x5c.concat()] {
        let forged = request(&sign_hs256("JWT", claims().to_string().as_bytes(), public.as_bytes()));
        assert_eq!(world.refusal(&forged).reason(), "assertion_signature");
    }
}

#[test]
fn oidc_registration_s2_the_registered_algorithm_is_the_only_one() {
    let (mut world, key) = keyed(Alg::ES256);
    world.metadata.token_endpoint_auth_signing_alg = Some("ES256".into());
    assert!(world.token(&signed(&key, &claims())).is_ok());
    world.metadata.token_endpoint_auth_signing_alg = Some("PS256".into());
    assert_eq!(world.refusal(&signed(&key, &claims())).reason(), "assertion_alg");
    // An RSA key that does not name its algorithm can be used with two, unless the registration names one.
    let (rsa, pkcs8) = SigningKey::generate(Alg::RS256).unwrap();
    let mut jwk = rsa.public_jwk().unwrap();
    jwk.alg = None;
    world.credentials.clear();
    world.add(CredentialKind::Jwks { jwks: JwkSet { keys: vec![jwk] } });
    let pss = SigningKey::from_pkcs8(Alg::PS256, rsa.kid(), &pkcs8).unwrap();
    assert!(world.token(&signed(&pss, &claims())).is_ok());
    assert_eq!(world.refusal(&signed(&rsa, &claims())).reason(), "assertion_alg");
}

#[test]
fn rfc7521_s4_2_the_parameters() {
    let (world, key) = keyed(Alg::ES256);
    let jwt = key.sign_jwt("JWT", claims().to_string().as_bytes()).unwrap();
    let body = |assertion_type: &str, more: &str| {
        Request::form(format!(
            "grant_type=client_credentials&client_assertion_type={assertion_type}&client_assertion={jwt}{more}"
        ))
    };
    assert!(world.token(&body(JWT_BEARER, "")).is_ok());
    assert!(world.token(&body(JWT_BEARER, "&client_id=svc")).is_ok());
    let reason = |request: &Request| {
        let error = world.refusal(request);
        (error.code, error.reason(), error.challenge)
    };
    let invalid = |reason| (ErrorCode::InvalidClient, reason, false);
    assert_eq!(reason(&body(JWT_BEARER, "&client_id=other")), invalid("client_ids_differ"));
    for other in ["urn:ietf:params:oauth:client-assertion-type:saml2-bearer", "jwt-bearer", "URN:x"] {
        assert_eq!(reason(&body(other, "")), invalid("assertion_type"));
    }
    for incomplete in [format!("client_assertion={jwt}"), format!("client_assertion_type={JWT_BEARER}")] {
        let request = Request::form(format!("grant_type=client_credentials&{incomplete}"));
        assert_eq!(reason(&request), (ErrorCode::InvalidRequest, "assertion_incomplete", false));
    }
    assert_eq!(reason(&body(JWT_BEARER, "").basic("svc", "x")).1, "several_auth_methods");
    assert_eq!(reason(&body(JWT_BEARER, "&client_secret=x")).1, "several_auth_methods");
}

#[test]
fn rfc7523bis_the_audience_is_the_issuer_alone() {
    let (world, key) = keyed(Alg::ES256);
    assert!(world.token(&signed(&key, &with("aud", json!([ISSUER])))).is_ok());
    for aud in [
        json!("https://auth.example.com/"),
        json!("https://AUTH.example.com"),
        json!("https://other.example.com"),
        json!([ISSUER, "https://other.example.com"]),
        json!([ISSUER, ISSUER]),
        json!([]),
        Value::Null,
        json!(format!("{ISSUER}/connect/token")),
    ] {
        assert_eq!(refused(&with("aud", aud.clone())).reason(), "assertion_aud", "{aud}");
    }
    let error = refused(&with("aud", json!("https://other.example.com")));
    let detail = "assertion aud was 'https://other.example.com', expected 'https://auth.example.com'";
    assert_eq!(error.cause.unwrap().detail, detail);
}

#[test]
fn rfc7523bis_the_token_endpoint_is_for_clients_with_the_allowance() {
    let (mut world, key) = keyed(Alg::ES256);
    for endpoint in [format!("{ISSUER}/connect/token"), format!("{MTLS}/connect/token")] {
        let request = signed(&key, &with("aud", json!(endpoint)));
        world.metadata.allow_token_endpoint_audience = false;
        assert_eq!(world.refusal(&request).reason(), "assertion_aud");
        world.metadata.allow_token_endpoint_audience = true;
        assert!(world.token(&request).is_ok());
    }
    let elsewhere = signed(&key, &with("aud", json!("https://evil.example/connect/token")));
    assert_eq!(world.refusal(&elsewhere).reason(), "assertion_aud");
}

#[test]
fn s3_the_claims_that_must_be_there() {
    for (name, value, reason) in [
        ("iss", Value::Null, "assertion_iss"),
        ("iss", json!("other"), "assertion_iss"),
        ("sub", Value::Null, "assertion_malformed"),
        ("sub", json!(1), "assertion_malformed"),
        ("sub", json!("other"), "unknown_client"),
        ("exp", Value::Null, "assertion_exp"),
        ("exp", json!(NOW), "assertion_expired"),
        ("exp", json!(NOW - 1), "assertion_expired"),
        ("exp", json!(NOW + 661), "assertion_too_long"),
        ("exp", json!(NOW * 1000), "assertion_malformed"),
        ("jti", Value::Null, "assertion_jti"),
        ("jti", json!(""), "assertion_jti"),
        ("jti", json!("x".repeat(JTI_MAX + 1)), "assertion_jti"),
        ("nbf", json!(NOW + 61), "assertion_not_yet"),
        ("iat", json!(NOW + 61), "assertion_not_yet"),
    ] {
        assert_eq!(refused(&with(name, value.clone())).reason(), reason, "{name} {value}");
    }
    let (world, key) = keyed(Alg::ES256);
    for (name, value) in
        [("exp", json!(NOW + 660)), ("exp", json!(NOW + 1)), ("nbf", json!(NOW + 60)), ("iat", Value::Null)]
    {
        assert!(world.token(&signed(&key, &with(name, value.clone()))).is_ok(), "{name} {value}");
    }
}

#[test]
fn rfc8725_s2_4_a_wrong_type_is_not_an_absent_claim() {
    for name in ["exp", "nbf", "iat"] {
        for value in [json!("1800000060"), json!(true), json!([NOW]), json!({})] {
            assert_eq!(refused(&with(name, value.clone())).reason(), "assertion_malformed", "{name} {value}");
        }
    }
    for (name, value) in [("jti", json!(1)), ("iss", json!([ID])), ("aud", json!(1)), ("aud", json!([1]))] {
        assert_eq!(refused(&with(name, value.clone())).reason(), "assertion_malformed", "{name} {value}");
    }
}

#[test]
fn rfc8725_s3_11_a_jwt_of_another_type_is_no_assertion() {
    let (world, key) = keyed(Alg::ES256);
    for (typ, good) in [
        ("JWT", true),
        ("jwt", true),
        ("client-authentication+jwt", true),
        ("application/client-authentication+jwt", true),
        ("at+jwt", false),
        ("dpop+jwt", false),
        ("", false),
    ] {
        let request = request(&key.sign_jwt(typ, claims().to_string().as_bytes()).unwrap());
        match world.token(&request) {
            Ok(_) => assert!(good, "{typ}"),
            Err(error) => assert_eq!((error.reason(), good), ("assertion_typ", false), "{typ}"),
        }
    }
}

#[test]
fn rfc7515_s4_1_keys_in_the_header_are_not_looked_at() {
    let (world, _) = keyed(Alg::ES256);
    let (mallory, _) = SigningKey::generate(Alg::ES256).unwrap();
    let jwk = json!(mallory.public_jwk().unwrap());
    let jwt = mallory.sign_jwt("JWT", claims().to_string().as_bytes()).unwrap();
    assert_eq!(world.refusal(&request(&jwt)).reason(), "assertion_key_unknown");
    // With its own key in the header. The signature is of another input, but it is not even looked at.
    let header =
        json!({ "alg": "ES256", "jwk": jwk, "jku": "https://evil.example/jwks", "x5u": "https://evil.example" });
    let forged = format!("{}.{}", b64url_encode(header.to_string().as_bytes()), jwt.split_once('.').unwrap().1);
    assert_eq!(world.refusal(&request(&forged)).reason(), "assertion_signature");
}

#[test]
fn rfc7515_s4_1_4_kid_is_a_name_and_nothing_else() {
    let (world, _) = keyed(Alg::ES256);
    let (_, pkcs8) = SigningKey::generate(Alg::ES256).unwrap();
    for kid in ["../../etc/passwd", "' OR 1=1 --", "http://127.0.0.1/", "\u{0}", ""] {
        let key = SigningKey::from_pkcs8(Alg::ES256, kid, &pkcs8).unwrap();
        assert_eq!(world.refusal(&signed(&key, &claims())).reason(), "assertion_key_unknown", "{kid:?}");
    }
}

#[test]
fn two_keys_are_valid_at_once_and_a_revoked_one_is_not() {
    let (mut world, old) = keyed(Alg::ES256);
    let (new, _) = SigningKey::generate(Alg::EdDSA).unwrap();
    world.add(CredentialKind::Jwks { jwks: JwkSet { keys: vec![new.public_jwk().unwrap()] } });
    assert!(world.token(&signed(&old, &claims())).is_ok());
    assert!(world.token(&signed(&new, &claims())).is_ok());
    world.credentials[0].revoked_at = Some(NOW);
    assert_eq!(world.refusal(&signed(&old, &claims())).reason(), "credential_revoked");
    assert!(world.token(&signed(&new, &claims())).is_ok());
}

#[test]
fn what_cannot_be_read_is_refused() {
    let (world, _) = keyed(Alg::ES256);
    let dots = ".".repeat(10_000);
    let none = format!("{}.{}.", b64url_encode(br#"{"alg":"none"}"#), b64url_encode(claims().to_string().as_bytes()));
    for text in ["x", "a.b.c", "...", &dots, &none, "e30.e30.", &"a".repeat(20_000)] {
        let error = world.refusal(&request(text));
        assert_eq!((error.code, error.reason()), (ErrorCode::InvalidClient, "assertion_malformed"));
        assert!(error.cause.unwrap().detail.len() < 200);
    }
}

#[test]
fn a_secret_is_opened_by_whoever_holds_the_key_to_it() {
    let mut world = World::new();
    let id = world.add(CredentialKind::HmacSecret { sealed: "x".into() }).id.clone();
    let client = world.client().unseal(|credential, sealed| {
        assert_eq!((credential.id.as_str(), sealed), (id.as_str(), "x"));
        Some(Zeroizing::new("secret".into()))
    });
    assert!(!format!("{client:?}").contains("secret\""));
}
