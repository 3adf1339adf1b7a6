//! Tokens that are bound to a DPoP key: RFC 9449 §5 and §6.

use crate::world::{API, NOW, Request, VAULT, World};
use grantor_core::binding::DpopKey;
use grantor_core::resource::SenderConstraint;
use grantor_core::token;
use http::HeaderName;
use serde_json::json;

const ENDPOINT: &str = "https://auth.example.com/connect/token";
const MTLS_ENDPOINT: &str = "https://mtls.example.com/connect/token";
const DPOP: HeaderName = HeaderName::from_static("dpop");

fn key() -> DpopKey {
    DpopKey::new(grantor_core::jose::SigningKey::generate(Default::default()).unwrap().0).unwrap()
}

fn proof(key: &DpopKey, uri: &str) -> String {
    key.proof("POST", uri, None, None, "a-jti".into(), NOW).unwrap()
}

fn request(key: &DpopKey, more: &str) -> Request {
    Request::grant(more).header(DPOP, proof(key, ENDPOINT))
}

#[test]
fn s5_a_proof_binds_the_token_to_its_key() {
    let key = key();
    for resource in [API, VAULT] {
        let world = World::new();
        let issued = world.token(&request(&key, &format!("&audience={resource}"))).unwrap();
        assert_eq!(issued.response["token_type"], "DPoP");
        assert_eq!(issued.claims["cnf"], json!({ "jkt": key.jkt() }), "section 6.1");
        let told = token::introspect(Some(&world.check(&issued.token).unwrap()));
        assert_eq!((&told["token_type"], &told["cnf"]["jkt"]), (&json!("DPoP"), &json!(key.jkt())), "section 6.2");
    }
    let unbound = World::new().token(&Request::grant("")).unwrap();
    assert_eq!(unbound.response["token_type"], "Bearer");
    assert!(unbound.claims.get("cnf").is_none());
}

#[test]
fn s5_the_alias_of_the_token_endpoint_is_the_token_endpoint() {
    let key = key();
    let at = |uri| World::new().token(&Request::grant("").header(DPOP, proof(&key, uri)));
    at(MTLS_ENDPOINT).unwrap();
    for other in ["https://auth.example.com/connect/introspect", "https://other.example.com/connect/token"] {
        let error = at(other).unwrap_err();
        assert_eq!((error.code.as_str(), error.reason()), ("invalid_dpop_proof", "dpop_htu"));
        assert!(error.public.contains(other), "{error}");
    }
}

#[test]
fn s5_a_bad_proof_is_refused_with_its_cause() {
    let world = World::new();
    for (value, reason) in [("", "dpop_malformed"), ("a.b.c", "dpop_malformed")] {
        let error = world.refusal(&Request::grant("").header(DPOP, value));
        assert_eq!((error.code.as_str(), error.reason()), ("invalid_dpop_proof", reason), "{value}");
        assert_eq!(error.code.status(), 400);
        let allowed = |c: char| matches!(c, ' '..='!' | '#'..='[' | ']'..='~');
        assert!(error.public.chars().all(allowed), "RFC 6749 section 5.2: {error}");
    }
    let (key, twice) = (key(), key());
    let two = request(&key, "").header(DPOP, proof(&twice, ENDPOINT));
    assert_eq!(world.refusal(&two).reason(), "dpop_repeated");
    let mut old = World::new();
    old.now = NOW + 3600;
    assert_eq!(old.refusal(&request(&key, "")).reason(), "dpop_expired");
}

#[test]
fn s5_2_a_client_registered_for_dpop_gets_no_other_tokens() {
    let world = World::with(|metadata| metadata.dpop_bound_access_tokens = true);
    let error = world.refusal(&Request::grant(""));
    assert_eq!((error.code.as_str(), error.reason()), ("invalid_request", "dpop_missing"));
    world.token(&request(&key(), "")).unwrap();
}

#[test]
fn a_resource_can_ask_for_dpop() {
    for constraint in [SenderConstraint::Dpop, SenderConstraint::Any] {
        let mut world = World::new();
        world.resource(API).sender_constraint = Some(constraint);
        assert_eq!(world.refusal(&Request::grant("")).code.as_str(), "invalid_request");
        assert_eq!(world.token(&request(&key(), "")).unwrap().response["token_type"], "DPoP");
    }
    let mut world = World::new();
    world.resource(API).sender_constraint = Some(SenderConstraint::Mtls);
    assert_eq!(world.refusal(&request(&key(), "")).reason(), "certificate_to_bind_missing");
}

#[test]
fn who_the_client_is_comes_first() {
    let stranger = Request::form("grant_type=client_credentials").basic("svc", "wrong");
    let error = World::new().refusal(&stranger.header(DPOP, proof(&key(), "https://other.example.com/")));
    assert_eq!(error.code.as_str(), "invalid_client");
}
