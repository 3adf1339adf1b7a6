//! The example of a protected API, with tokens of a real server.

#![expect(clippy::unwrap_used, reason = "what cannot be unwrapped here is a failed test")]

#[expect(dead_code, reason = "the parts that other tests use")]
mod dev_server;
#[path = "../../../examples/protected_api.rs"]
#[expect(dead_code, reason = "its main is for those who run it")]
mod example;

use dev_server::DevServer;
use grantor_client::{DpopKey, Token, TokenSource, Verifier, verifier};
use reqwest::{Client, Response, StatusCode};
use std::time::Duration;

const API: &str = "https://api.example.com";
const OPAQUE: &str = "https://opaque.example.com";

/// Runs the API, and returns where.
async fn serve(builder: verifier::Builder) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let api = example::api(builder.build().unwrap(), &url);
    tokio::spawn(async move { axum::serve(listener, api).await });
    format!("{url}/things")
}

fn tokens(server: &DevServer) -> grantor_client::token_source::Builder {
    TokenSource::builder(server.get("client_id"), server.get("client_secret")).issuer(server.issuer())
}

async fn token(builder: grantor_client::token_source::Builder) -> Token {
    builder.build().unwrap().token().await.unwrap()
}

async fn list(url: &str, token: &Token) -> Response {
    Client::new().get(url).header("authorization", token.authorization()).send().await.unwrap()
}

async fn add(url: &str, token: &Token) -> Response {
    Client::new().post(url).header("authorization", token.authorization()).json("a chair").send().await.unwrap()
}

fn challenge(response: &Response) -> &str {
    response.headers()["www-authenticate"].to_str().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_token_is_let_in_as_far_as_its_scope_goes() {
    let server = DevServer::start();
    let url = serve(Verifier::builder(server.issuer()).audience(API)).await;
    let (reader, writer) = (token(tokens(&server).scope("read")).await, token(tokens(&server)).await);

    let added = add(&url, &writer).await;
    assert_eq!((added.status(), added.text().await.unwrap().as_str()), (StatusCode::OK, "thank you, demo\n"));
    let listed = list(&url, &reader).await;
    assert_eq!(listed.status(), StatusCode::OK);
    assert_eq!(listed.json::<Vec<String>>().await.unwrap(), ["a lamp", "a chair"]);

    let refused = add(&url, &reader).await;
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    assert!(
        challenge(&refused).contains("error=\"insufficient_scope\"") && challenge(&refused).contains("scope=\"write\"")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_else_is_kept_out() {
    let server = DevServer::start();
    let url = serve(Verifier::builder(server.issuer()).audience(API)).await;
    let anonymous = Client::new().get(&url).send().await.unwrap();
    assert_eq!(anonymous.status(), StatusCode::UNAUTHORIZED);
    assert!(challenge(&anonymous).starts_with("Bearer, DPoP algs=\"ES256 "), "{}", challenge(&anonymous));

    let good = token(tokens(&server)).await;
    let text = good.access_token();
    let (head, signature) = text.rsplit_once('.').unwrap();
    let first = if signature.starts_with('A') { 'B' } else { 'A' };
    for wrong in [format!("{head}.{first}{}", &signature[1..]), format!("{head}."), "grat_x".into(), "x".into()] {
        let answer = Client::new().get(&url).bearer_auth(&wrong).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{wrong}");
        assert!(challenge(&answer).contains("error=\"invalid_token\""));
    }

    let elsewhere = serve(Verifier::builder(server.issuer()).audience("https://other.example.com")).await;
    let answer = list(&elsewhere, &good).await;
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    assert!(challenge(&answer).contains("another API"), "{}", challenge(&answer));

    // Another server with a client of the same name: its keys are others.
    let stranger = DevServer::start();
    let answer = list(&url, &token(tokens(&stranger)).await).await;
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test(flavor = "multi_thread")]
async fn opaque_tokens_are_asked_about_until_they_are_revoked() {
    let server = DevServer::start();
    let builder = Verifier::builder(server.issuer())
        .audience(OPAQUE)
        .introspection(server.get("client_id"), server.get("client_secret"))
        .introspection_kept_for(Duration::ZERO);
    let url = serve(builder).await;
    let opaque = token(tokens(&server).resource(OPAQUE)).await;
    assert_eq!(list(&url, &opaque).await.status(), StatusCode::OK);
    let revoked = Client::new()
        .post(format!("{}/connect/revocation", server.issuer()))
        .basic_auth(server.get("client_id"), Some(server.get("client_secret")))
        .form(&[("token", opaque.access_token())])
        .send()
        .await
        .unwrap();
    assert_eq!(revoked.status(), StatusCode::OK);
    assert_eq!(list(&url, &opaque).await.status(), StatusCode::UNAUTHORIZED);
    // And a JWT for the other API is not taken here.
    assert_eq!(list(&url, &token(tokens(&server)).await).await.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_server_is_away_known_keys_serve() {
    let server = DevServer::start();
    let url = serve(Verifier::builder(server.issuer()).audience(API)).await;
    let cold = serve(Verifier::builder(server.issuer()).audience(API)).await;
    let good = token(tokens(&server)).await;
    assert_eq!(list(&url, &good).await.status(), StatusCode::OK);
    drop(server);
    assert_eq!(list(&url, &good).await.status(), StatusCode::OK);
    assert_eq!(list(&cold, &good).await.status(), StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc9449_s7_1_a_stolen_dpop_token_opens_nothing() {
    let server = DevServer::start();
    let jwt = serve(Verifier::builder(server.issuer()).audience(API)).await;
    let opaque = Verifier::builder(server.issuer())
        .audience(OPAQUE)
        .introspection(server.get("client_id"), server.get("client_secret"));
    let opaque = serve(opaque).await;
    for (url, resource) in [(jwt, API), (opaque, OPAQUE)] {
        let bound = token(tokens(&server).resource(resource).dpop(DpopKey::generate().unwrap())).await;
        assert_eq!(bound.token_type(), "DPoP");
        let shown = bound.headers("GET", &url).unwrap();
        let send = |headers| async { Client::new().get(&url).headers(headers).send().await.unwrap() };
        assert_eq!(send(shown.clone()).await.status(), StatusCode::OK);

        let replayed = send(shown).await;
        assert_eq!(replayed.status(), StatusCode::UNAUTHORIZED);
        assert!(challenge(&replayed).starts_with("DPoP error=\"invalid_dpop_proof\""), "{}", challenge(&replayed));

        let thief = DpopKey::generate().unwrap();
        let mut forged = bound.headers("GET", &url).unwrap();
        forged.insert("dpop", thief.proof("GET", &url, Some(bound.access_token())).unwrap());
        let forged = send(forged).await;
        assert!(challenge(&forged).starts_with("DPoP error=\"invalid_token\""), "{}", challenge(&forged));

        let bearer = Client::new().get(&url).bearer_auth(bound.access_token()).send().await.unwrap();
        assert_eq!(bearer.status(), StatusCode::UNAUTHORIZED);
        assert!(challenge(&bearer).contains("is no bearer token"), "{}", challenge(&bearer));

        assert_eq!(send(bound.headers("GET", &url).unwrap()).await.status(), StatusCode::OK);
    }
}
