use super::*;
use crate::Authentication;
use crate::testing::raw;
use crate::testing_tls::Authority;
use std::time::Duration;

fn verifier(issuer: &Issuer) -> Verifier {
    issuer.builder().introspection("api", "hunter2").build().unwrap()
}

fn active(issuer: &Issuer, changes: Value) -> Value {
    let mut answer = issuer.claims(changes);
    answer["active"] = true.into();
    answer
}

#[tokio::test]
async fn rfc7662_an_active_token_is_accepted_and_the_answer_kept_for_a_moment() {
    let issuer = Issuer::start().await;
    let answer = active(&issuer, value!({ "token_type": "Bearer", "sub": null, "jti": null, "iss": null }));
    issuer.answer_about_tokens(move |_| json(200, &answer));
    let verifier = verifier(&issuer);
    for _ in 0..10 {
        let token = verifier.verify("grat_abc").await.unwrap();
        assert_eq!((token.client_id(), token.subject()), ("demo", None));
        token.require_scope("write").unwrap();
    }
    let seen = issuer.server.seen(INTROSPECT);
    assert_eq!(seen.len(), 1);
    assert_eq!(
        (seen[0].body.as_str(), &seen[0].headers["authorization"]),
        ("token=grat_abc", &"Basic YXBpOmh1bnRlcjI=".parse().unwrap())
    );
    issuer.answer_about_tokens(|_| json(200, &value!({ "active": false })));
    issuer.clock.skip(Duration::from_secs(11));
    assert_eq!(invalid(verifier.verify("grat_abc").await), InvalidToken::Inactive);
    assert_eq!(invalid(verifier.verify("grat_abc").await), InvalidToken::Inactive);
    assert_eq!(issuer.server.count(INTROSPECT), 2);
    assert_eq!(issuer.fetches(), 0);
}

#[tokio::test]
async fn the_claims_of_an_active_token_are_checked_too() {
    let issuer = Issuer::start().await;
    let verifier = verifier(&issuer);
    let cases = [
        (value!({ "aud": "https://other.example" }), InvalidToken::WrongAudience("https://other.example".into())),
        (value!({ "aud": null }), InvalidToken::BadClaim("the claim aud is missing".into())),
        (value!({ "exp": null }), InvalidToken::BadClaim("the claim exp is missing".into())),
        (value!({ "client_id": null }), InvalidToken::BadClaim("the claim client_id is missing".into())),
        (value!({ "iss": "https://evil.example" }), InvalidToken::WrongIssuer),
        (value!({ "exp": issuer.now() - 60 }), InvalidToken::Expired),
    ];
    for (at, (changes, expected)) in cases.into_iter().enumerate() {
        let answer = active(&issuer, changes);
        issuer.answer_about_tokens(move |_| json(200, &answer));
        assert_eq!(invalid(verifier.verify(&format!("opaque{at}")).await), expected);
    }
}

#[tokio::test]
async fn a_token_expires_while_the_answer_about_it_is_kept() {
    let issuer = Issuer::start().await;
    let answer = active(&issuer, value!({ "exp": issuer.now() + 100 }));
    issuer.answer_about_tokens(move |_| json(200, &answer));
    let verifier = issuer.builder().introspection("api", "hunter2").introspection_kept_for(Duration::from_secs(300));
    let verifier = verifier.build().unwrap();
    verifier.verify("opaque").await.unwrap();
    issuer.clock.skip(Duration::from_secs(120));
    assert_eq!(invalid(verifier.verify("opaque").await), InvalidToken::Expired);
    assert_eq!(issuer.server.count(INTROSPECT), 1);
}

#[tokio::test]
async fn what_is_no_answer_is_not_taken_for_one() {
    let issuer = Issuer::start().await;
    let verifier = verifier(&issuer);
    let mut yes = active(&issuer, value!({}));
    yes["active"] = "true".into();
    let answers =
        [(200, yes.to_string()), (200, "{}".into()), (200, "true".into()), (401, "{}".into()), (500, "".into())];
    for (at, (status, body)) in answers.into_iter().enumerate() {
        issuer.answer_about_tokens(move |_| raw(status, body.clone()));
        let error = verifier.verify(&format!("opaque{at}")).await.unwrap_err();
        assert_eq!(error.status(), 503, "{error}");
        assert!(!format!("{error} {error:?}").contains("hunter2"));
    }
}

#[tokio::test]
async fn an_issuer_that_fails_is_not_asked_again_at_once() {
    let issuer = Issuer::start().await;
    let verifier = verifier(&issuer);
    issuer.answer_about_tokens(|_| raw(503, ""));
    for _ in 0..5 {
        assert_eq!(verifier.verify("opaque").await.unwrap_err().status(), 503);
    }
    assert_eq!(issuer.server.count(INTROSPECT), 1);
    issuer.answer_about_tokens(|_| json(200, &value!({ "active": false })));
    issuer.clock.skip(Duration::from_secs(1));
    assert_eq!(invalid(verifier.verify("opaque").await), InvalidToken::Inactive);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_who_show_one_token_make_one_question() {
    let issuer = Issuer::start().await;
    let answer = active(&issuer, value!({}));
    issuer.answer_about_tokens(move |_| json(200, &answer).after(Duration::from_millis(50)));
    let verifier = verifier(&issuer);
    let all: Vec<_> = (0..50)
        .map(|_| {
            let verifier = verifier.clone();
            tokio::spawn(async move { verifier.verify("opaque").await })
        })
        .collect();
    for one in all {
        one.await.unwrap().unwrap();
    }
    assert_eq!(issuer.server.count(INTROSPECT), 1);
}

#[tokio::test]
async fn a_jwt_with_a_fault_is_never_asked_about() {
    let issuer = Issuer::start().await;
    let answer = active(&issuer, value!({}));
    issuer.answer_about_tokens(move |_| json(200, &answer));
    let verifier = verifier(&issuer);
    let good = issuer.token(value!({}));
    verifier.verify(&good).await.unwrap();
    invalid(verifier.verify(&good[..good.len() - 1]).await);
    invalid(verifier.verify(&sign(&key(Alg::ES256), &issuer.claims(value!({})))).await);
    assert_eq!(issuer.server.count(INTROSPECT), 0);
}

#[tokio::test]
async fn rfc8705_s5_an_api_may_prove_itself_with_a_certificate() {
    let authority = Authority::new();
    let client = authority.client();
    let server = authority
        .server(|seen| match seen.path.as_str() {
            "/mtls" => {
                json(200, &value!({ "active": true, "aud": API, "client_id": "demo", "exp": 9_999_999_999_i64 }))
            }
            _ => json(
                200,
                &value!({
                    "issuer": seen.base,
                    "introspection_endpoint": format!("{}{INTROSPECT}", seen.base),
                    "mtls_endpoint_aliases": { "introspection_endpoint": format!("{}/mtls", seen.base) },
                }),
            ),
        })
        .await;
    let method = Authentication::mutual_tls(&client.certificate, &client.key).unwrap();
    let builder = Verifier::builder(&server.url).audience(API).root_certificate_pem(authority.pem());
    builder.introspection_as("api", method).build().unwrap().verify("opaque").await.unwrap();
    let seen = &server.seen("/mtls")[0];
    assert_eq!((seen.x5t_s256.clone(), server.count(INTROSPECT)), (Some(client.x5t_s256()), 0));
    assert!(seen.body.contains("client_id=api") && !seen.headers.contains_key("authorization"));
}
