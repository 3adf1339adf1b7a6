//! Resource indicators, and `audience` as other servers' clients send it.

use crate::encoding::form;
use crate::world::{API, BANK, OTHER, Request, VAULT, World};
use grantor_core::error::ErrorCode;
use serde_json::json;

fn asking(resources: &[&str]) -> Request {
    Request::grant(&resources.iter().map(|name| format!("&resource={}", form(name))).collect::<String>())
}

#[test]
fn s2_a_named_resource_is_the_audience() {
    for name in [API, BANK, VAULT] {
        let world = World::new();
        assert_eq!(world.token(&asking(&[name])).unwrap().claims["aud"], name);
        assert_eq!(world.token(&Request::grant(&format!("&audience={}", form(name)))).unwrap().claims["aud"], name);
    }
}

#[test]
fn s2_several_resources_share_a_token() {
    let issued = World::new().token(&asking(&[BANK, API, BANK])).unwrap();
    assert_eq!(issued.claims["aud"], json!([BANK, API]));
    assert_eq!(issued.scope(), "read write pay");
    let alias = Request::grant(&format!("&audience={}&resource={}", form(API), form(API)));
    assert_eq!(World::new().token(&alias).unwrap().claims["aud"], API);
}

#[test]
fn s2_names_are_compared_exactly() {
    let mut world = World::new();
    for other in [
        "https://api.example.com/",
        "https://API.example.com",
        "https://api.example.com:443",
        "https://api.example.com/..",
        "https://api.example.com?",
        "https://api.example.comx",
        "http://api.example.com",
        " https://api.example.com",
        "https://api.example.com\0",
        "https://bank.example.com/v1",
        "urn:EXAMPLE:vault",
        OTHER,
        "https://nobody.example.com",
    ] {
        assert_eq!(world.refusal(&asking(&[other])).code, ErrorCode::InvalidTarget, "{other:?}");
        let audience = Request::grant(&format!("&audience={}", form(other)));
        assert_eq!(world.refusal(&audience).code, ErrorCode::InvalidTarget, "{other:?}");
        // One bad name spoils the request.
        assert_eq!(world.refusal(&asking(&[API, other])).code, ErrorCode::InvalidTarget, "{other:?}");
    }
    // Registered for the client, but gone from the domain.
    world.domain.resources.remove(API);
    assert_eq!(world.refusal(&asking(&[API])).code, ErrorCode::InvalidTarget);
    assert_eq!(world.refusal(&Request::grant("")).code, ErrorCode::InvalidTarget);
}

#[test]
fn s2_an_indicator_is_an_absolute_uri_without_fragment() {
    let mut world = World::new();
    for name in ["api", "/api", "//api.example.com", "https://api.example.com#x", "https://api.example.com#", "?x"] {
        // Not even if it were registered so.
        let resource = crate::world::resource(name, "read");
        world.domain.resources.insert(name.into(), resource.into());
        world.metadata.resources.push(name.into());
        assert_eq!(world.refusal(&asking(&[name])).code, ErrorCode::InvalidTarget, "{name}");
    }
    // A plain name can be an audience.
    assert_eq!(world.token(&Request::grant("&audience=api")).unwrap().claims["aud"], "api");
}

#[test]
fn s2_without_one_the_default_counts() {
    assert_eq!(World::new().token(&Request::grant("")).unwrap().claims["aud"], API);
    let only = World::with(|metadata| {
        metadata.default_resource = None;
        metadata.resources = vec![BANK.into()];
    });
    assert_eq!(only.token(&Request::grant("")).unwrap().claims["aud"], BANK);
    let several = World::with(|metadata| metadata.default_resource = None);
    assert_eq!(several.refusal(&Request::grant("")).reason(), "resource_needed");
    let none = World::with(|metadata| {
        metadata.default_resource = None;
        metadata.resources.clear();
    });
    assert_eq!(none.refusal(&Request::grant("")).reason(), "client_without_resource");
    // A default that the client has lost is none.
    let lost = World::with(|metadata| metadata.resources = vec![BANK.into()]);
    assert_eq!(lost.refusal(&Request::grant("")).code, ErrorCode::InvalidTarget);
}

#[test]
fn s2_resources_with_different_tokens_are_asked_for_apart() {
    let mut world = World::new();
    assert_eq!(world.refusal(&asking(&[API, VAULT])).code, ErrorCode::InvalidTarget);
    world.resource(BANK).access_token_signing_alg = grantor_core::jose::Alg::EdDSA;
    assert_eq!(world.refusal(&asking(&[API, BANK])).code, ErrorCode::InvalidTarget);
}

#[test]
fn s2_a_refusal_tells_nothing_about_what_there_is() {
    let world = World::new();
    let public = |name: &str| world.refusal(&asking(&[name])).public.replace(name, "X");
    assert_eq!(public(OTHER), public("https://nobody.example.com"));
}

#[test]
fn s2_resources_are_bounded() {
    let mut world = World::new();
    world.limits.resources_max = 2;
    assert!(world.token(&asking(&[API, BANK])).is_ok());
    assert_eq!(world.refusal(&asking(&[API, BANK, OTHER])).code, ErrorCode::InvalidTarget);
    let mixed = Request::grant(&format!("&resource={0}&audience=a&audience=b", form(API)));
    assert_eq!(world.refusal(&mixed).code, ErrorCode::InvalidTarget);
}
