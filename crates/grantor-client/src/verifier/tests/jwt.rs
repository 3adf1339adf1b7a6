use super::*;
use grantor_core::jose::{b64url_decode, b64url_encode};
use http::HeaderMap;
use std::time::Duration;

#[tokio::test]
async fn rfc9068_s4_a_good_token_is_accepted() {
    let issuer = Issuer::start().await;
    let verifier = issuer.verifier();
    let token = verifier.verify(&issuer.token(value!({ "aud": ["x", API], "team": "red" }))).await.unwrap();
    assert_eq!((token.client_id(), token.subject(), token.jti()), ("demo", Some("demo"), Some("t-1")));
    assert_eq!(token.audience(), ["x", API]);
    assert_eq!(token.scope().collect::<Vec<_>>(), ["read", "write"]);
    assert_eq!(token.claim("team"), Some(&"red".into()));
    assert!(token.expires_at() > issuer.now());
    assert!(!format!("{token:?} {verifier:?}").contains("red"));
}

#[tokio::test]
async fn every_algorithm_is_understood() {
    let issuer = Issuer::start().await;
    let keys: Vec<_> = Alg::ALL.into_iter().map(key).collect();
    issuer.answer_keys(publish(&keys.iter().collect::<Vec<_>>()));
    let verifier = issuer.verifier();
    for key in &keys {
        verifier.verify(&sign(key, &issuer.claims(value!({})))).await.unwrap();
    }
    assert_eq!(issuer.fetches(), 1);
}

#[tokio::test]
async fn rfc9068_s4_claims_that_are_wrong_are_named() {
    let issuer = Issuer::start().await;
    let verifier = issuer.verifier();
    let now = issuer.now();
    for (changes, expected) in [
        (value!({ "iss": "https://evil.example" }), InvalidToken::WrongIssuer),
        (value!({ "iss": format!("{}/", issuer.server.url) }), InvalidToken::WrongIssuer),
        (value!({ "aud": "https://api.example.com/" }), InvalidToken::WrongAudience(format!("{API}/"))),
        (value!({ "aud": ["x", "y\n"] }), InvalidToken::WrongAudience("x y?".into())),
        (value!({ "aud": [] }), InvalidToken::WrongAudience(String::new())),
        (value!({ "exp": now - 11 }), InvalidToken::Expired),
        (value!({ "nbf": now + 30 }), InvalidToken::NotYetValid),
        (value!({ "iat": now + 30 }), InvalidToken::NotYetValid),
    ] {
        assert_eq!(invalid(verifier.verify(&issuer.token(changes.clone())).await), expected, "{changes}");
    }
    for name in ["iss", "sub", "aud", "exp", "iat", "jti", "client_id"] {
        for change in [Value::Null, value!({ "x": 1 }), value!("5 o'clock")] {
            if change.is_string() && !matches!(name, "exp" | "iat") {
                continue;
            }
            let why = invalid(verifier.verify(&issuer.token(value!({ name: change }))).await);
            assert!(matches!(&why, InvalidToken::BadClaim(why) if why.contains(name)), "{name}: {why}");
        }
    }
    assert!(matches!(
        invalid(verifier.verify(&issuer.token(value!({ "nbf": "tomorrow" }))).await),
        InvalidToken::BadClaim(_)
    ));
    for changes in [value!({ "exp": now - 5 }), value!({ "nbf": now + 5, "iat": now + 5 }), value!({ "scope": null })] {
        verifier.verify(&issuer.token(changes)).await.unwrap();
    }
}

#[tokio::test]
async fn a_token_that_expires_is_refused_from_then_on() {
    let issuer = Issuer::start().await;
    let (verifier, token) = (issuer.verifier(), issuer.token(value!({})));
    verifier.verify(&token).await.unwrap();
    issuer.clock.skip(Duration::from_secs(311));
    assert_eq!(invalid(verifier.verify(&token).await), InvalidToken::Expired);
}

#[tokio::test]
async fn rfc8725_s3_11_other_kinds_of_jwt_are_refused() {
    let issuer = Issuer::start().await;
    let (verifier, claims) = (issuer.verifier(), issuer.claims(value!({})).to_string());
    for typ in ["JWT", "dpop+jwt", "token-introspection+jwt", "at+jwt2", ""] {
        let token = issuer.key.sign_jwt(typ, claims.as_bytes()).unwrap();
        assert_eq!(invalid(verifier.verify(&token).await), InvalidToken::NotAnAccessToken, "{typ}");
    }
    for typ in ["application/at+jwt", "AT+JWT"] {
        let token = issuer.key.sign_jwt(typ, claims.as_bytes()).unwrap();
        verifier.verify(&token).await.unwrap();
    }
}

#[tokio::test]
async fn rfc8725_s3_1_the_algorithm_is_the_keys_not_the_tokens() {
    let issuer = Issuer::start().await;
    let verifier = issuer.verifier();
    let token = issuer.token(value!({}));
    let (head, rest) = token.split_once('.').unwrap();
    let header: Value = serde_json::from_slice(&b64url_decode(head).unwrap()).unwrap();
    for alg in ["none", "NONE", "HS256", "ES384", "RS256", "es256", ""] {
        let mut header = header.clone();
        header["alg"] = alg.into();
        let head = b64url_encode(header.to_string().as_bytes());
        for token in [format!("{head}.{rest}"), format!("{head}.{}.", rest.split_once('.').unwrap().0)] {
            let why = invalid(verifier.verify(&token).await);
            assert!(matches!(why, InvalidToken::Malformed(_) | InvalidToken::BadSignature(_)), "{alg}: {why}");
        }
    }
    // A symmetric signature under the public key, and a key in the header.
    for (name, member) in [("jwk", jwk(&key(Alg::ES256))), ("jku", format!("{}/evil", issuer.server.url).into())] {
        let forger = key(Alg::ES256);
        let mut header = header.clone();
        header[name] = member;
        let token = sign(&forger, &issuer.claims(value!({})));
        let token = format!("{}.{}", b64url_encode(header.to_string().as_bytes()), token.split_once('.').unwrap().1);
        assert!(matches!(invalid(verifier.verify(&token).await), InvalidToken::BadSignature(_)), "{name}");
    }
    assert_eq!(issuer.server.count("/evil"), 0);
}

#[tokio::test]
async fn a_token_that_was_touched_anywhere_is_refused() {
    let issuer = Issuer::start().await;
    let verifier = issuer.verifier();
    let token = issuer.token(value!({}));
    verifier.verify(&token).await.unwrap();
    for at in (0..token.len()).step_by(7).chain([token.len() - 1]) {
        let mut bytes = token.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        invalid(verifier.verify(std::str::from_utf8(&bytes).unwrap()).await);
    }
    for touched in [format!("{token}="), format!("{token}."), token[..token.len() - 1].to_owned(), format!("x{token}")]
    {
        invalid(verifier.verify(&touched).await);
    }
    for odd in ["", " ", ".", "..", "a.b.c", "....", "e30.e30.", "é"] {
        invalid(verifier.verify(odd).await);
    }
    invalid(verifier.verify(&"a".repeat(20_000)).await);
    invalid(verifier.verify(&".".repeat(10_000)).await);
    assert_eq!(invalid(verifier.verify("opaque").await), InvalidToken::Opaque);
}

#[tokio::test]
async fn rfc6750_s3_refusals_say_what_to_answer() {
    let issuer = Issuer::start().await;
    let verifier = issuer.verifier();
    let mut headers = HeaderMap::new();
    let missing = verifier.verify_request(&headers).await.unwrap_err();
    assert_eq!((missing.status().as_u16(), missing.www_authenticate().unwrap()), (401, "Bearer".parse().unwrap()));
    headers.insert("authorization", format!("Bearer {}", issuer.token(value!({ "scope": "read" }))).parse().unwrap());
    let token = verifier.verify_request(&headers).await.unwrap();
    token.require_scope("read").unwrap();
    token.require_scope("").unwrap();
    let lacking = token.require_scope("read wri\"te").unwrap_err();
    assert_eq!(lacking.status(), 403);
    assert_eq!(
        lacking.www_authenticate().unwrap(),
        "Bearer error=\"insufficient_scope\", error_description=\"the token lacks a scope\", scope=\"read write\""
    );
    headers.append("authorization", "Bearer x".parse().unwrap());
    let twice = verifier.verify_request(&headers).await.unwrap_err();
    assert_eq!(twice.status(), 400);
    assert!(twice.www_authenticate().unwrap().to_str().unwrap().contains("invalid_request"));
}

#[test]
fn wrong_settings_are_told_at_once() {
    let builder = || Verifier::builder("https://as.example");
    for (wrong, why) in [
        (builder(), "audience"),
        (builder().audience(""), "audience"),
        (builder().audience(API).leeway(Duration::from_secs(61)), "leeway"),
        (builder().audience(API).introspection("", "x"), "client_id"),
        (builder().audience(API).introspection("x", ""), "secret"),
        (builder().audience(API).introspection_kept_for(Duration::from_secs(301)), "300"),
        (Verifier::builder("http://as.example").audience(API), "https"),
        (Verifier::builder("https://as.example#x").audience(API), "fragment"),
    ] {
        let error = wrong.build().unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }
    assert!(Verifier::builder("http://as.example").audience(API).danger_allow_http().build().is_ok());
}
