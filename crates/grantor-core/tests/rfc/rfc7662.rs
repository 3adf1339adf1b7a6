//! Token introspection: the request, who may ask, and the answer.

use crate::encoding::form;
use crate::world::{API, BANK, ID, NOW, Request, SECRET, VAULT, World};
use grantor_core::error::{ErrorCode, Result};
use grantor_core::jose::b64url_encode;
use grantor_core::token::{TokenQuery, introspect, may_introspect};
use http::header::ACCEPT;
use serde_json::{Value, json};

fn parse(request: &Request) -> Result<TokenQuery> {
    request.read(|incoming| TokenQuery::parse(incoming, &Default::default()))
}

fn asking(token: &str) -> Request {
    Request::form(format!("token={}", form(token))).basic(ID, SECRET)
}

/// The answer to a caller that is the world's own client.
fn answer(world: &World, token: &str) -> Value {
    let query = parse(&asking(token)).unwrap();
    let told = world.authenticated(&query.client_auth, |caller| {
        let token = world.check(&query.token).ok().filter(|token| may_introspect(caller, token));
        Ok(introspect(token.as_ref()))
    });
    told.unwrap()
}

fn api_of(resources: &[&str]) -> World {
    World::with(|metadata| {
        metadata.introspect_resources = resources.iter().map(|&name| name.into()).collect();
        metadata.claims = json!({ "tenant": "acme" }).as_object().unwrap().clone();
    })
}

#[test]
fn s2_1_the_request() {
    assert_eq!(*parse(&asking("abc")).unwrap().token, "abc");
    // The token is taken as it is.
    assert_eq!(*parse(&asking(" a+b%=\0é")).unwrap().token, " a+b%=\0é");
    for (body, code) in [
        ("", ErrorCode::InvalidRequest),
        ("token=", ErrorCode::InvalidRequest),
        ("Token=x", ErrorCode::InvalidRequest),
        ("token=x&token=x", ErrorCode::InvalidRequest),
        ("token=x&token_type_hint=a&token_type_hint=b", ErrorCode::InvalidRequest),
    ] {
        assert_eq!(parse(&Request::form(body).basic(ID, SECRET)).unwrap_err().code, code, "{body}");
    }
    let error = parse(&Request::form("token=x")).unwrap_err();
    assert_eq!((error.code, error.challenge), (ErrorCode::InvalidClient, true));
    let in_url = Request { uri: "/connect/introspect?token=x".into(), ..asking("x") };
    assert_eq!(parse(&in_url).unwrap_err().code, ErrorCode::InvalidRequest);
    // A token is no way to authenticate here.
    let bearer = Request::form("token=x").authorization("Bearer x");
    assert_eq!(parse(&bearer).unwrap_err().code, ErrorCode::InvalidClient);
}

#[test]
fn s2_1_a_hint_never_hides_a_token() {
    for hint in ["", "access_token", "refresh_token", "nonsense", "%00"] {
        let request = Request::form(format!("token=x&token_type_hint={hint}")).basic(ID, SECRET);
        assert!(parse(&request).is_ok(), "{hint}");
    }
}

#[test]
fn s2_2_an_active_token_is_described() {
    let world = api_of(&[API, VAULT]);
    for target in [API, VAULT] {
        let token = world.token(&Request::grant(&format!("&audience={target}&scope=read"))).unwrap().token;
        let expected = json!({
            "active": true, "token_type": "Bearer", "iss": world.domain.issuer, "sub": ID, "client_id": ID,
            "aud": target, "scope": "read", "iat": NOW, "exp": NOW + 300, "jti": "a-jti", "tenant": "acme",
        });
        assert_eq!(answer(&world, &token), expected);
    }
}

#[test]
fn s2_2_anything_else_is_inactive_and_no_more() {
    let mut world = api_of(&[API]);
    let inactive = json!({ "active": false });
    assert_eq!(introspect(None), inactive);
    for nonsense in ["x", "grat_", "grat_AAAA", "a.b.c", "*", "%", "null", "e30.e30.e30"] {
        assert_eq!(answer(&world, nonsense), inactive, "{nonsense}");
    }
    let token = world.token(&Request::grant("")).unwrap().token;
    world.now += 300;
    assert_eq!(answer(&world, &token), inactive);
}

#[test]
fn s4_only_the_audience_may_look() {
    let token = |world: &World, more: &str| world.token(&Request::grant(more)).unwrap().token;
    let inactive = json!({ "active": false });
    let world = api_of(&[BANK]);
    assert_eq!(answer(&world, &token(&world, "")), inactive);
    // One of several audiences will do.
    let both = token(&world, &format!("&audience={API}&audience={}", form(BANK)));
    assert_eq!(answer(&world, &both)["active"], true);
    // Having got the token is no right to look into it.
    assert_eq!(answer(&api_of(&[]), &token(&api_of(&[]), "")), inactive);
    let mut gateway = api_of(&[]);
    gateway.metadata.introspect_any = true;
    assert_eq!(answer(&gateway, &token(&gateway, ""))["active"], true);
}

#[test]
fn s4_only_the_exact_token_counts() {
    let world = api_of(&[API, VAULT]);
    for target in [API, VAULT] {
        let token = world.token(&Request::grant(&format!("&audience={target}"))).unwrap().token;
        assert!(world.check(&token).is_ok());
        for end in 0..token.len() {
            assert!(world.check(&token[..end]).is_err(), "cut at {end}");
            assert!(end == 0 || world.check(&token[end..]).is_err(), "from {end}");
        }
        for more in ["=", "A", ".", " ", "\0", "%00", "*", "~", "AA"] {
            assert!(world.check(&format!("{token}{more}")).is_err(), "{more:?} behind");
            assert!(world.check(&format!("{more}{token}")).is_err(), "{more:?} before");
        }
        assert!(world.check(&token.to_uppercase()).is_err() && world.check(&token.to_lowercase()).is_err());
        assert!(world.check(&token.replacen('_', "-", 1)).is_err() || !token.contains('_'));
    }
}

#[test]
fn s4_a_forged_jwt_is_inactive() {
    let world = api_of(&[API]);
    let token = world.token(&Request::grant("")).unwrap().token;
    let (input, signature) = token.rsplit_once('.').unwrap();
    let (header, claims) = input.split_once('.').unwrap();
    let forged = |header: &str, claims: &str| {
        format!("{}.{}.{signature}", b64url_encode(header.as_bytes()), b64url_encode(claims.as_bytes()))
    };
    let kid = world.check(&token).is_ok().then(|| header.to_owned()).unwrap();
    for attempt in [
        format!("{input}."),
        format!("{header}.{claims}."),
        format!("{}.{claims}.", b64url_encode(br#"{"alg":"none","typ":"at+jwt"}"#)),
        forged(r#"{"alg":"none","typ":"at+jwt"}"#, "{}"),
        forged(r#"{"alg":"HS256","typ":"at+jwt","kid":"x"}"#, "{}"),
        format!("{kid}.{}.{signature}", b64url_encode(br#"{"active":true}"#)),
        World::new().token(&Request::grant("")).unwrap().token,
    ] {
        assert!(world.check(&attempt).is_err(), "{attempt}");
    }
}

#[test]
fn rfc9701_s4_accept_decides_on_a_signed_answer() {
    let wanted = |accept: &str| parse(&asking("x").header(ACCEPT, accept)).unwrap().wants_jwt;
    assert!(!parse(&asking("x")).unwrap().wants_jwt);
    for accept in [
        "application/token-introspection+jwt",
        "Application/Token-Introspection+JWT",
        "application/token-introspection+jwt;q=0.5",
        "text/html, application/token-introspection+jwt",
        "application/json;q=0.8, application/token-introspection+jwt;q=0.9",
        "application/json, application/token-introspection+jwt",
    ] {
        assert!(wanted(accept), "{accept}");
    }
    for accept in [
        "*/*",
        "application/json",
        "application/jwt",
        "application/token-introspection+jwt;q=0",
        "application/token-introspection+jwt;q=0.0, */*",
        "application/token-introspection+jwt;q=x",
        "application/json, application/token-introspection+jwt;q=0.1",
        "application/token-introspection",
    ] {
        assert!(!wanted(accept), "{accept}");
    }
}
