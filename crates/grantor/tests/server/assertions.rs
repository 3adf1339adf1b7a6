//! Client assertions against a server with a memory: RFC 7523 §3.

use crate::call::{Answered, Call, form};
use crate::common::{API, ISSUER, TestApp, metadata, test_app};
use grantor::admin::credential::{CredentialSource, NewCredential};
use grantor::clock::now_s;
use grantor::store::Precondition;
use grantor_core::client::{ClientMetadata, CredentialKind};
use grantor_core::client_auth::{CLIENT_AUTHENTICATION_JWT, JWT_BEARER, Method};
use grantor_core::domain::DEFAULT_DOMAIN;
use grantor_core::jose::{Alg, SigningKey, sign_hs256};
use grantor_core::jwk::JwkSet;

use serde_json::json;

const ID: &str = "batch";

fn claims(jti: &str, aud: &str) -> Vec<u8> {
    let now = now_s();
    json!({ "iss": ID, "sub": ID, "aud": aud, "exp": now + 60, "iat": now, "jti": jti }).to_string().into_bytes()
}

fn by(assertion: &str) -> String {
    format!("client_assertion_type={}&client_assertion={assertion}", form(JWT_BEARER))
}

async fn token(app: &TestApp, assertion: &str) -> Answered {
    app.call(Call::token(&format!("&{}", by(assertion)))).await
}

/// A client that has this credential and no other.
async fn register(app: &TestApp, method: Method, source: CredentialSource, more: ClientMetadata) -> Option<String> {
    let metadata = ClientMetadata { token_endpoint_auth_methods: vec![method], ..more };
    app.admin().put_client(DEFAULT_DOMAIN, ID, &metadata, Precondition::None).await.unwrap();
    let new = NewCredential { source, ..NewCredential::default() };
    let made = app.admin().create_credential(DEFAULT_DOMAIN, ID, new).await.unwrap();
    made.secret.map(|secret| secret.expose().to_owned())
}

async fn keyed(app: &TestApp, more: ClientMetadata) -> SigningKey {
    let (key, _) = SigningKey::generate(Alg::ES256).unwrap();
    let jwks = JwkSet { keys: vec![key.public_jwk().unwrap()] };
    register(app, Method::PrivateKeyJwt, CredentialSource::Public(CredentialKind::Jwks { jwks }), more).await;
    key
}

fn sign(key: &SigningKey, jti: &str, aud: &str) -> String {
    key.sign_jwt(CLIENT_AUTHENTICATION_JWT, &claims(jti, aud)).unwrap()
}

#[tokio::test]
async fn rfc7523_s3_an_assertion_serves_once_at_any_endpoint_also_after_a_restart() {
    let app = test_app().await;
    let key = keyed(&app, ClientMetadata { introspect_resources: vec![API.into()], ..metadata(&[API]) }).await;
    let first = sign(&key, "first", ISSUER);
    let issued = token(&app, &first).await.ok().access_token();
    let again = token(&app, &first).await;
    again.refused(401, "invalid_client");
    assert!(again.json()["error_description"].as_str().unwrap().contains("used before"));
    let ask = |assertion: &str| Call::post("/connect/introspect", format!("token={}&{}", form(&issued), by(assertion)));
    app.call(ask(&first)).await.refused(401, "invalid_client");
    let second = sign(&key, "second", ISSUER);
    assert!(app.call(ask(&second)).await.is_active());
    token(&app, &second).await.refused(401, "invalid_client");
    let revoke = Call::post("/connect/revocation", format!("token={}&{}", form(&issued), by(&second)));
    app.call(revoke).await.refused(401, "invalid_client");
    let app = app.reopen().await;
    for used in [&first, &second] {
        token(&app, used).await.refused(401, "invalid_client");
    }
    token(&app, &sign(&key, "third", ISSUER)).await.ok();
}

#[tokio::test]
async fn rfc7523_s3_a_request_that_is_refused_for_something_else_leaves_the_assertion_usable() {
    let app = test_app().await;
    let assertion = sign(&keyed(&app, metadata(&[API])).await, "one", ISSUER);
    app.call(Call::token(&format!("&scope=nothing&{}", by(&assertion)))).await.refused(400, "invalid_scope");
    token(&app, &assertion).await.ok();
}

#[tokio::test]
async fn oidc_core_s9_a_shared_secret_made_here_signs_and_outlasts_a_restart() {
    let app = test_app().await;
    let secret = register(&app, Method::ClientSecretJwt, CredentialSource::Hmac(None), metadata(&[API])).await.unwrap();
    let sign = |jti: &str| sign_hs256(CLIENT_AUTHENTICATION_JWT, &claims(jti, ISSUER), secret.as_bytes());
    token(&app, &sign("one")).await.ok();
    app.call(Call::token("").basic(ID, &secret)).await.refused(401, "invalid_client");
    let app = app.reopen().await;
    token(&app, &sign("two")).await.ok();
}

#[tokio::test]
async fn rfc7523bis_the_allowance_for_the_token_endpoint_is_counted() {
    let app = test_app().await;
    let key = keyed(&app, metadata(&[API])).await;
    let endpoint = format!("{ISSUER}/connect/token");
    token(&app, &sign(&key, "one", &endpoint)).await.refused(401, "invalid_client");
    assert!(!app.metrics.render().contains("allow_token_endpoint_audience"), "nothing was let through");
    let allowed = ClientMetadata {
        token_endpoint_auth_methods: vec![Method::PrivateKeyJwt],
        allow_token_endpoint_audience: true,
        ..metadata(&[API])
    };
    app.admin().put_client(DEFAULT_DOMAIN, ID, &allowed, Precondition::None).await.unwrap();
    token(&app, &sign(&key, "two", &endpoint)).await.ok();
    token(&app, &sign(&key, "three", ISSUER)).await.ok();
    let counted = "grantor_allowances_used_total{domain=\"default\",allowance=\"allow_token_endpoint_audience\"} 1\n";
    assert!(app.metrics.render().contains(counted), "{}", app.metrics.render());
}
