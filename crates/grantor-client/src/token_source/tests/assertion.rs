//! Clients that prove themselves with assertions (RFC 7523).

use super::*;
use crate::testing::{form, private_key};
use crate::{PrivateKey, RsaAlg};
use grantor_core::jose::{Alg, Claims, SigningKey, UnverifiedHs256, UnverifiedJws, VerifyingKey};
use std::collections::HashSet;

fn with(server: &TestServer, method: Authentication) -> Builder {
    TokenSource::with("demo", method).issuer(&server.url)
}

/// The claims, if the key made the assertion.
fn verified(assertion: &str, key: &SigningKey, alg: Alg) -> Claims {
    let jws = UnverifiedJws::parse(assertion).unwrap();
    assert_eq!(jws.header().typ.as_deref(), Some("client-authentication+jwt"));
    let public = grantor_core::jwk::Jwk { alg: None, ..key.public_jwk().unwrap() };
    jws.verify(&VerifyingKey::from_jwk(&public, alg).unwrap()).unwrap()
}

fn check(claims: &Claims, issuer: &str, now: i64) -> String {
    assert_eq!((claims.opt_str("iss").unwrap(), claims.opt_str("sub").unwrap()), (Some("demo"), Some("demo")));
    // A string, and the issuer alone: not a list, not the endpoint.
    assert_eq!(claims.opt_str("aud").unwrap(), Some(issuer));
    let (iat, exp) = (claims.opt_time("iat").unwrap().unwrap(), claims.opt_time("exp").unwrap().unwrap());
    assert!((now - 60..=now).contains(&iat) && exp == iat + 60, "{iat} {exp} {now}");
    let jti = claims.opt_str("jti").unwrap().unwrap();
    assert_eq!(jti.len(), 22, "128 bits");
    jti.to_owned()
}

#[tokio::test]
async fn rfc7523_s2_2_a_private_key_proves_the_client() {
    let clock = Clock::default();
    for alg in Alg::ALL {
        let server = server(|seen| issue(seen, 3600)).await;
        let (pem, key) = private_key(alg);
        let rsa = if alg == Alg::RS256 { RsaAlg::RS256 } else { RsaAlg::PS256 };
        let method = Authentication::PrivateKeyJwt(PrivateKey::with(&pem, None, rsa).unwrap());
        with(&server, method).scope("read").build().unwrap().token().await.unwrap();
        let seen = &server.seen(TOKEN)[0];
        let form = form(&seen.body);
        assert_eq!(form["client_assertion_type"], "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
        assert_eq!((form["client_id"].as_str(), form["scope"].as_str()), ("demo", "read"));
        assert!(!seen.headers.contains_key("authorization") && !form.contains_key("client_secret"));
        let assertion = &form["client_assertion"];
        check(&verified(assertion, &key, alg), &server.url, clock.now().unix_s());
        let header = UnverifiedJws::parse(assertion).unwrap().header().clone();
        assert_eq!((header.alg, header.kid.as_deref()), (alg, Some(key.kid())), "named by its thumbprint");
    }
}

#[tokio::test]
async fn rfc7515_s4_1_4_the_key_has_the_name_that_was_given() {
    let server = server(|seen| issue(seen, 3600)).await;
    let key = PrivateKey::with(private_key(Alg::ES256).0, Some("2026-11"), RsaAlg::default()).unwrap();
    assert_eq!((key.kid(), key.public_jwk().unwrap().kid.as_deref()), ("2026-11", Some("2026-11")));
    with(&server, Authentication::PrivateKeyJwt(key)).build().unwrap().token().await.unwrap();
    let assertion = &form(&server.seen(TOKEN)[0].body)["client_assertion"];
    assert_eq!(UnverifiedJws::parse(assertion).unwrap().header().kid.as_deref(), Some("2026-11"));
}

#[tokio::test]
async fn oidc_s9_a_secret_makes_assertions_and_is_not_sent() {
    let server = server(|seen| issue(seen, 3600)).await;
    with(&server, Authentication::client_secret_jwt(SECRET)).build().unwrap().token().await.unwrap();
    let seen = &server.seen(TOKEN)[0];
    assert!(!seen.body.contains("hunter2") && !seen.headers.contains_key("authorization"));
    let form = form(&seen.body);
    let jws = UnverifiedHs256::parse(&form["client_assertion"]).unwrap().unwrap();
    assert_eq!(jws.typ(), Some("client-authentication+jwt"));
    check(&jws.verify(SECRET.as_bytes()).unwrap(), &server.url, Clock::default().now().unix_s());
}

#[tokio::test]
async fn rfc7523_s3_each_attempt_has_an_assertion_of_its_own() {
    let shaky = |seen: &Seen| if seen.before < 2 { raw(503, "") } else { issue(seen, 3600) };
    let server = server(shaky).await;
    let (pem, key) = private_key(Alg::ES256);
    let tokens = with(&server, Authentication::private_key_jwt(pem).unwrap()).build().unwrap();
    tokens.token().await.unwrap();
    tokens.forget(&tokens.token().await.unwrap());
    tokens.token().await.unwrap();
    let now = Clock::default().now().unix_s();
    let seen = server.seen(TOKEN);
    let jti = |seen: &Seen| check(&verified(&form(&seen.body)["client_assertion"], &key, Alg::ES256), &server.url, now);
    assert_eq!(seen.iter().map(jti).collect::<HashSet<_>>().len(), 4);
}

#[tokio::test]
async fn rfc7523bis_the_audience_is_the_issuer_even_where_the_endpoint_is_given() {
    let server = server(|seen| issue(seen, 3600)).await;
    let (pem, key) = private_key(Alg::EdDSA);
    let method = Authentication::private_key_jwt(pem).unwrap();
    let tokens = TokenSource::with("demo", method.clone())
        .issuer("https://as.example")
        .token_endpoint(format!("{}{TOKEN}", server.url))
        .build();
    tokens.unwrap().token().await.unwrap();
    let assertion = &form(&server.seen(TOKEN)[0].body)["client_assertion"];
    let claims = verified(assertion, &key, Alg::EdDSA);
    check(&claims, "https://as.example", Clock::default().now().unix_s());
    assert_eq!(server.count(METADATA), 0);

    let no_issuer = TokenSource::with("demo", method).token_endpoint("https://as.example/token").build();
    assert!(no_issuer.unwrap_err().to_string().contains("audience"));
}

#[tokio::test]
async fn neither_key_nor_assertion_shows_anywhere() {
    let server = server(|seen| {
        let assertion = form(&seen.body)["client_assertion"].clone();
        json(400, &value!({ "error": "invalid_client", "error_description": format!("refused: {assertion}") }))
    })
    .await;
    let (pem, _) = private_key(Alg::ES256);
    let method = Authentication::private_key_jwt(&pem).unwrap();
    let builder = with(&server, method.clone());
    let builder_shown = format!("{builder:?}");
    let tokens = builder.build().unwrap();
    let error = tokens.token().await.unwrap_err();
    let assertion = form(&server.seen(TOKEN)[0].body)["client_assertion"].clone();
    let shown = format!("{error} {error:?} {tokens:?} {method:?} {builder_shown}");
    assert!(shown.contains("refused: [token]"), "{shown}");
    for part in assertion.split('.').chain(pem.lines().skip(1).take(1).map(|line| &line[..20])) {
        assert!(!shown.contains(part), "{shown}");
    }
}

#[test]
fn keys_that_cannot_be_used_are_told_at_once() {
    for (pem, why) in
        [("", "no private key"), ("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", "cannot be used")]
    {
        let error = Authentication::private_key_jwt(pem).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }
    let empty = TokenSource::with("c", Authentication::client_secret_jwt("")).issuer("https://as.example").build();
    assert!(empty.unwrap_err().to_string().contains("secret is empty"));
}
