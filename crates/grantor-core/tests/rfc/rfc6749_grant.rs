//! The client credentials grant: RFC 6749 §3.3, §4.4, §5.1, §5.2.

use crate::world::{API, BANK, ID, NOW, Request, SECRET, VAULT, World};
use grantor_core::error::{ErrorCode, OAuthError};
use grantor_core::grant::GrantType;
use grantor_core::jose::JWS_MAX;
use grantor_core::scope::Scope;

fn code(world: &World, more: &str) -> ErrorCode {
    world.refusal(&Request::grant(more)).code
}

#[test]
fn s4_4_2_grant_type_is_exact() {
    for (body, code) in [
        ("", ErrorCode::InvalidRequest),
        ("x=1", ErrorCode::InvalidRequest),
        ("Grant_Type=client_credentials", ErrorCode::InvalidRequest),
        ("grant_type=Client_Credentials", ErrorCode::UnsupportedGrantType),
        ("grant_type=client_credentials+", ErrorCode::UnsupportedGrantType),
        ("grant_type=client_credentials%00", ErrorCode::UnsupportedGrantType),
        ("grant_type=client-credentials", ErrorCode::UnsupportedGrantType),
        ("grant_type=authorization_code&code=x", ErrorCode::UnsupportedGrantType),
        ("grant_type=refresh_token&refresh_token=x", ErrorCode::UnsupportedGrantType),
        ("grant_type=password&username=x&password=y", ErrorCode::UnsupportedGrantType),
    ] {
        let request = Request::form(body).basic(ID, SECRET);
        assert_eq!(World::new().refusal(&request).code, code, "{body}");
    }
    assert!(World::new().token(&Request::form("grant_type=%63lient_credentials").basic(ID, SECRET)).is_ok());
}

#[test]
fn s5_2_a_client_without_the_grant_is_unauthorized() {
    let world = World::with(|metadata| metadata.grant_types.clear());
    assert_eq!(code(&world, ""), ErrorCode::UnauthorizedClient);
    assert_eq!(World::new().metadata.grant_types, GrantType::ALL);
}

#[test]
fn s3_3_without_scope_the_default_is_granted_and_stated() {
    assert_eq!(World::new().token(&Request::grant("")).unwrap().scope(), "read write");
    let world = World::with(|metadata| metadata.default_scope = Some(Scope::from_tokens(["write", "pay"])));
    // Only what the target owns.
    assert_eq!(world.token(&Request::grant("")).unwrap().scope(), "write");
    let world = World::with(|metadata| metadata.scope = Scope::empty());
    let issued = world.token(&Request::grant("")).unwrap();
    assert!(issued.response.get("scope").is_none() && !issued.claims.contains_key("scope"));
    // A default beyond what is registered gives nothing (it could not be registered so).
    let world = World::with(|metadata| metadata.default_scope = Some(Scope::from_tokens(["admin"])));
    assert_eq!(world.token(&Request::grant("")).unwrap().scope(), "");
}

#[test]
fn s3_3_asked_for_is_granted_or_refused() {
    for (asked, granted) in [
        ("read", "read"),
        ("write+read", "write read"),
        ("read+read", "read"),
        ("read%20write", "read write"),
        ("openid", ""),
        ("openid+read", "read"),
    ] {
        let issued = World::new().token(&Request::grant(&format!("&scope={asked}"))).unwrap();
        assert_eq!(issued.scope(), granted, "{asked}");
        assert_eq!(issued.claims.get("scope").map_or("", |scope| scope.as_str().unwrap()), granted);
    }
    for asked in [
        "admin",
        "read+admin",
        "Read",
        "unowned",
        "read,write",
        "*",
        "read+",
        "+read",
        "read++write",
        "read%09write",
        "%22read%22",
        "read%5C",
        "r%C3%A9ad",
        "read%00",
        "+",
        "offline_access",
        "openid+profile",
        "OpenID",
        "re%0Aad",
    ] {
        assert_eq!(code(&World::new(), &format!("&scope={asked}")), ErrorCode::InvalidScope, "{asked}");
    }
}

#[test]
fn s3_3_openid_that_is_a_scope_like_others_is_granted() {
    let mut world = World::with(|metadata| metadata.scope = Scope::from_tokens(["openid"]));
    world.resource(API).scope = Scope::from_tokens(["openid"]);
    assert_eq!(world.token(&Request::grant("&scope=openid")).unwrap().scope(), "openid");
}

#[test]
fn s3_3_scopes_are_bounded() {
    let mut world = World::new();
    world.limits.scope_tokens_max = 2;
    assert!(world.token(&Request::grant("&scope=read+write")).is_ok());
    assert_eq!(code(&world, "&scope=read+write+read"), ErrorCode::InvalidScope);
    assert_eq!(code(&World::new(), &format!("&scope={}", "r".repeat(257))), ErrorCode::InvalidScope);
}

#[test]
fn s3_3_a_scope_another_resource_owns_finds_that_resource() {
    let issued = World::new().token(&Request::grant("&scope=pay")).unwrap();
    assert_eq!((issued.scope(), &issued.claims["aud"]), ("pay", &BANK.into()));
    // With a resource named, the scope must be that one's.
    let named = Request::grant("&scope=pay&resource=https%3A%2F%2Fapi.example.com");
    assert_eq!(World::new().refusal(&named).code, ErrorCode::InvalidScope);
    // Two that own it are no answer; then the default counts.
    assert_eq!(World::new().token(&Request::grant("&scope=read")).unwrap().claims["aud"], API);
    let without_default = World::with(|metadata| metadata.default_resource = None);
    assert_eq!(without_default.token(&Request::grant("&scope=pay")).unwrap().claims["aud"], BANK);
    assert_eq!(code(&without_default, "&scope=read"), ErrorCode::InvalidTarget);
}

#[test]
fn s5_1_the_answer_has_these_members_and_no_others() {
    let issued = World::new().token(&Request::grant("")).unwrap();
    let members: Vec<_> = issued.response.as_object().unwrap().keys().cloned().collect();
    assert_eq!(members, ["access_token", "expires_in", "scope", "token_type"]);
    assert_eq!(issued.response["token_type"], "Bearer");
    assert_eq!(issued.response["expires_in"], 300);
    // RFC 6750 §2.1: a b64token.
    let token = &issued.token;
    assert!(token.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~+/".contains(&b)), "{token}");
}

#[test]
fn s4_4_3_there_is_never_a_refresh_token() {
    for more in ["", "&scope=read", "&access_type=offline", "&refresh_token=x"] {
        let issued = World::new().token(&Request::grant(more)).unwrap();
        assert!(issued.response.get("refresh_token").is_none() && issued.response.get("id_token").is_none());
    }
}

#[test]
fn s5_2_status_follows_from_the_code() {
    for (code, name, status) in [
        (ErrorCode::InvalidRequest, "invalid_request", 400),
        (ErrorCode::InvalidClient, "invalid_client", 401),
        (ErrorCode::UnauthorizedClient, "unauthorized_client", 400),
        (ErrorCode::UnsupportedGrantType, "unsupported_grant_type", 400),
        (ErrorCode::InvalidScope, "invalid_scope", 400),
        (ErrorCode::InvalidTarget, "invalid_target", 400),
        (ErrorCode::UnsupportedTokenType, "unsupported_token_type", 400),
        (ErrorCode::ServerError, "server_error", 500),
        (ErrorCode::TemporarilyUnavailable, "temporarily_unavailable", 503),
        (ErrorCode::TooManyRequests, "temporarily_unavailable", 429),
    ] {
        assert_eq!((code.as_str(), code.status()), (name, status));
    }
}

#[test]
fn s5_2_descriptions_hold_only_what_they_may() {
    let fine = |error: &OAuthError| error.public.bytes().all(|b| matches!(b, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e));
    let nasty = "%22%5C%0A%1B%5B31m%C3%A9%3Cscript%3E%00";
    for more in [
        format!("&scope={nasty}"),
        format!("&scope=read+{nasty}"),
        format!("&resource={nasty}"),
        format!("&resource=https://x/{nasty}"),
        format!("&audience={nasty}"),
        format!("&client_id={nasty}"),
        format!("&scope={}", "x".repeat(5000)),
    ] {
        let error = World::new().refusal(&Request::grant(&more));
        assert!(fine(&error), "{}", error.public);
        assert!(error.public.len() < 300, "{}", error.public);
    }
    let error = World::new().refusal(&Request::form(format!("grant_type={nasty}")).basic(ID, SECRET));
    assert!(fine(&error), "{}", error.public);
    let error = World::new().refusal(&Request::form("grant_type=client_credentials").basic("a\"b\\c", "x"));
    assert!(fine(&error), "{}", error.public);
}

#[test]
fn a_token_that_would_be_too_long_to_come_back_is_refused() {
    let many: Vec<String> = (0..1000).map(|n| format!("scope-that-is-rather-long-{n:04}")).collect();
    let scope = Scope::from_tokens(many.iter().map(String::as_str));
    let mut world = World::with(|metadata| metadata.scope = scope.clone());
    world.resource(API).scope = scope.clone();
    world.resource(VAULT).scope = scope;
    for target in [API, VAULT] {
        let error = world.refusal(&Request::grant(&format!("&resource={target}")));
        assert_eq!((error.code, error.reason()), (ErrorCode::InvalidRequest, "token_too_long"));
        let asked = Request::grant(&format!("&resource={target}&scope={}", many[0]));
        assert!(world.token(&asked).unwrap().token.len() < JWS_MAX);
    }
}

#[test]
fn a_grant_is_for_the_moment_it_was_asked_in() {
    let mut world = World::new();
    let issued = world.token(&Request::grant("")).unwrap();
    assert_eq!((&issued.claims["iat"], &issued.claims["exp"]), (&NOW.into(), &(NOW + 300).into()));
    world.now = NOW + 299;
    assert!(world.check(&issued.token).is_ok());
    world.now = NOW + 300;
    assert!(world.check(&issued.token).is_err());
}
