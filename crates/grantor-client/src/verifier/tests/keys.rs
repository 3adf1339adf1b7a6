use super::*;
use crate::testing::{raw, until};
use std::time::Duration;

fn down() -> Answer {
    Box::new(|_| raw(503, ""))
}

fn unavailable(result: Result<VerifiedToken, VerifyError>) -> String {
    match result {
        Err(error) if matches!(error.cause(), Cause::Unavailable(_)) => {
            assert_eq!((error.status().as_u16(), error.www_authenticate()), (503, None));
            error.to_string()
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_tokens_make_one_fetch() {
    let issuer = Issuer::start().await;
    let set = value!({ "keys": [jwk(&issuer.key)] });
    issuer.answer_keys(Box::new(move |_| json(200, &set).after(Duration::from_millis(50))));
    let (verifier, token) = (issuer.verifier(), issuer.token(value!({})));
    let all: Vec<_> = (0..100)
        .map(|_| {
            let (verifier, token) = (verifier.clone(), token.clone());
            tokio::spawn(async move { verifier.verify(&token).await })
        })
        .collect();
    for one in all {
        one.await.unwrap().unwrap();
    }
    assert_eq!(issuer.fetches(), 1);
}

#[tokio::test]
async fn keys_are_renewed_ahead_and_a_withdrawn_key_is_forgotten() {
    let issuer = Issuer::start().await;
    let (verifier, token) = (issuer.verifier(), issuer.token(value!({ "exp": issuer.now() + 100_000 })));
    verifier.verify(&token).await.unwrap();
    let next = key(Alg::ES256);
    issuer.answer_keys(publish(&[&next]));
    issuer.clock.skip(Duration::from_secs(470));
    verifier.verify(&token).await.unwrap();
    assert_eq!(issuer.fetches(), 1, "max-age is 600");
    issuer.clock.skip(Duration::from_secs(20));
    verifier.verify(&token).await.unwrap();
    until(|| issuer.fetches() == 2).await;
    until(|| verifier.0.keys.find_now(next.kid())).await;
    assert_eq!(invalid(verifier.verify(&token).await), InvalidToken::UnknownKey);
    verifier.verify(&sign(&next, &issuer.claims(value!({})))).await.unwrap();
}

#[tokio::test]
async fn an_idle_verifier_does_not_use_stale_keys_while_the_issuer_is_up() {
    let issuer = Issuer::start().await;
    let (verifier, token) = (issuer.verifier(), issuer.token(value!({ "exp": issuer.now() + 100_000 })));
    verifier.verify(&token).await.unwrap();
    issuer.answer_keys(publish(&[]));
    issuer.clock.skip(Duration::from_secs(601));
    assert_eq!(invalid(verifier.verify(&token).await), InvalidToken::UnknownKey);
}

#[tokio::test]
async fn an_unknown_key_is_looked_for_once_per_interval() {
    let issuer = Issuer::start().await;
    let verifier = issuer.verifier();
    verifier.verify(&issuer.token(value!({}))).await.unwrap();
    let new = key(Alg::ES256);
    let token = || sign(&new, &issuer.claims(value!({})));
    for _ in 0..20 {
        assert_eq!(invalid(verifier.verify(&token()).await), InvalidToken::UnknownKey);
    }
    assert_eq!(issuer.fetches(), 1, "fetched only just now");
    issuer.clock.skip(Duration::from_secs(10));
    for _ in 0..20 {
        assert_eq!(
            invalid(verifier.verify(&sign(&key(Alg::ES256), &issuer.claims(value!({})))).await),
            InvalidToken::UnknownKey
        );
    }
    assert_eq!(issuer.fetches(), 2);
    issuer.clock.skip(Duration::from_secs(10));
    issuer.answer_keys(publish(&[&issuer.key, &new]));
    verifier.verify(&token()).await.unwrap();
    verifier.verify(&issuer.token(value!({}))).await.unwrap();
    assert_eq!(issuer.fetches(), 3);
}

#[tokio::test]
async fn the_last_good_copy_serves_while_the_issuer_is_down_and_for_a_day() {
    let issuer = Issuer::start().await;
    let (verifier, token) = (issuer.verifier(), issuer.token(value!({ "exp": issuer.now() + 1_000_000 })));
    verifier.verify(&token).await.unwrap();
    issuer.answer_keys(down());
    issuer.clock.skip(Duration::from_secs(700));
    for _ in 0..20 {
        verifier.verify(&token).await.unwrap();
    }
    assert_eq!(issuer.fetches(), 2, "left alone after a failure");
    let unknown = sign(&key(Alg::ES256), &issuer.claims(value!({})));
    assert!(unavailable(verifier.verify(&unknown).await).contains("answered 503"), "nobody can tell");
    assert_eq!(issuer.fetches(), 2);
    issuer.clock.skip(Duration::from_secs(86_000));
    verifier.verify(&token).await.unwrap();
    until(|| issuer.fetches() == 3).await;
    issuer.clock.skip(Duration::from_secs(1000));
    unavailable(verifier.verify(&token).await);
    issuer.answer_keys(publish(&[&issuer.key]));
    issuer.clock.skip(Duration::from_secs(10));
    verifier.verify(&token).await.unwrap();
}

#[tokio::test]
async fn a_hanging_issuer_holds_up_nobody_who_has_keys() {
    let issuer = Issuer::start().await;
    let verifier = issuer.builder().request_timeout(Duration::from_millis(300)).build().unwrap();
    let token = issuer.token(value!({ "exp": issuer.now() + 100_000 }));
    verifier.verify(&token).await.unwrap();
    issuer.answer_keys(Box::new(|_| raw(200, "").after(Duration::from_secs(60))));
    issuer.clock.skip(Duration::from_secs(500));
    for _ in 0..5 {
        let quick = tokio::time::timeout(Duration::from_millis(200), verifier.verify(&token));
        quick.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn an_issuer_that_hangs_for_long_holds_up_the_first_alone() {
    let issuer = Issuer::start().await;
    let verifier = issuer.builder().request_timeout(Duration::from_millis(300)).build().unwrap();
    let token = issuer.token(value!({ "exp": issuer.now() + 100_000 }));
    verifier.verify(&token).await.unwrap();
    issuer.answer_keys(Box::new(|_| raw(200, "").after(Duration::from_secs(60))));
    issuer.clock.skip(Duration::from_secs(700));
    verifier.verify(&token).await.unwrap();
    for _ in 0..3 {
        issuer.clock.skip(Duration::from_secs(10));
        let quick = tokio::time::timeout(Duration::from_millis(200), verifier.verify(&token));
        quick.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn an_rsa_key_that_names_no_algorithm_suits_both() {
    let issuer = Issuer::start().await;
    let (rs256, pkcs8) = SigningKey::generate(Alg::RS256).unwrap();
    let ps256 = SigningKey::from_pkcs8(Alg::PS256, rs256.kid(), &pkcs8).unwrap();
    let named = jwk(&rs256);
    let mut unnamed = named.clone();
    unnamed.as_object_mut().unwrap().remove("alg");
    for (jwk, both) in [(unnamed, true), (named, false)] {
        let set = value!({ "keys": [jwk] });
        issuer.answer_keys(Box::new(move |_| json(200, &set)));
        let verifier = issuer.verifier();
        verifier.verify(&sign(&rs256, &issuer.claims(value!({})))).await.unwrap();
        let other = verifier.verify(&sign(&ps256, &issuer.claims(value!({})))).await;
        assert_eq!(other.is_ok(), both, "{other:?}");
    }
}

#[tokio::test]
async fn answers_that_are_no_keys_are_refused() {
    let elsewhere = Issuer::start().await;
    let target = format!("{}{JWKS}", elsewhere.server.url);
    let huge = value!({ "keys": [], "x": "y".repeat(600 * 1024) });
    let answers: [(&str, Answer); 6] = [
        ("redirects are not followed", Box::new(move |_| raw(302, "").header("location", target.clone()))),
        ("longer than", Box::new(move |_| json(200, &huge))),
        ("not valid JSON", Box::new(|_| raw(200, "<html>"))),
        ("no list `keys`", Box::new(|_| raw(200, "{\"keys\":{}}"))),
        ("answered 404", Box::new(|_| raw(404, "{\"keys\":[]}"))),
        ("not valid JSON", Box::new(|_| raw(200, "[".repeat(100_000)))),
    ];
    for (expected, answer) in answers {
        let issuer = Issuer::start().await;
        issuer.answer_keys(answer);
        let why = unavailable(issuer.verifier().verify(&issuer.token(value!({}))).await);
        assert!(why.contains(expected), "{why}");
    }
    assert_eq!(elsewhere.fetches(), 0);
}

#[tokio::test]
async fn odd_keys_are_skipped() {
    let issuer = Issuer::start().await;
    let good = jwk(&issuer.key);
    let mut private = jwk(&key(Alg::ES256));
    private["d"] = "AA".into();
    let mut encryption = jwk(&key(Alg::ES256));
    encryption["use"] = "enc".into();
    let refused = [encryption["kid"].clone(), private["kid"].clone()];
    let odd = value!({ "keys": [7, {}, { "kty": "oct", "k": "AA", "kid": "o" }, private, encryption, good] });
    issuer.answer_keys(Box::new(move |_| json(200, &odd)));
    let verifier = issuer.verifier();
    verifier.verify(&issuer.token(value!({}))).await.unwrap();
    for kid in refused {
        assert!(!verifier.0.keys.find_now(kid.as_str().unwrap()));
    }
}

#[tokio::test]
async fn metadata_that_is_not_the_issuers_is_refused() {
    let wrong_issuer = TestServer::start(|seen| {
        json(200, &value!({ "issuer": "https://evil.example", "jwks_uri": format!("{}{JWKS}", seen.base) }))
    })
    .await;
    let plain =
        TestServer::start(|seen| json(200, &value!({ "issuer": seen.base, "jwks_uri": "http://evil.example/" })));
    let nothing = TestServer::start(|seen| json(200, &value!({ "issuer": seen.base })));
    let issuer = Issuer::start().await;
    for (server, expected) in
        [(wrong_issuer, "same to the letter"), (plain.await, "must be https"), (nothing.await, "names no jwks_uri")]
    {
        let verifier = Verifier::builder(&server.url).audience(API).build().unwrap();
        let why = unavailable(verifier.verify(&issuer.token(value!({}))).await);
        assert!(why.contains(expected), "{why}");
        assert_eq!(server.count(JWKS), 0);
    }
}
