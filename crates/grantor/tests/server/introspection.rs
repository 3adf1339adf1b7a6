//! The introspection endpoint (RFC 7662, RFC 9701).

use crate::call::{Call, form, verify};
use crate::common::{API, CLIENT, ISSUER, VAULT, metadata, test_app};
use grantor::store::Precondition;
use grantor_core::client::ClientMetadata;
use serde_json::json;

#[tokio::test]
async fn rfc7662_s2_2_both_formats_are_described_alike() {
    let app = test_app().await;
    for api in [API, VAULT] {
        let token = app.client_token(api).await;
        let answered = app.call_as_client(Call::introspect(&token)).await.ok();
        assert_eq!(answered.header("content-type"), "application/json");
        assert_eq!(answered.header("cache-control"), "no-store");
        let told = answered.json();
        for (name, value) in [
            ("active", json!(true)),
            ("iss", json!(ISSUER)),
            ("aud", json!(api)),
            ("client_id", json!(CLIENT)),
            ("sub", json!(CLIENT)),
            ("scope", json!("read write")),
            ("token_type", json!("Bearer")),
        ] {
            assert_eq!(told[name], value, "{name}");
        }
        assert_eq!(told["exp"].as_i64().unwrap() - told["iat"].as_i64().unwrap(), 300);
        for hint in ["access_token", "refresh_token", "nonsense"] {
            let call = Call::post("/connect/introspect", format!("token_type_hint={hint}&token={}", form(&token)));
            assert!(app.call_as_client(call).await.is_active(), "{hint}");
        }
    }
}

#[tokio::test]
async fn rfc7662_s2_1_the_caller_authenticates() {
    let app = test_app().await;
    let token = app.client_token(API).await;
    app.call(Call::introspect(&token)).await.refused(401, "invalid_client");
    app.call(Call::introspect(&token).basic(CLIENT, "wrong")).await.refused(401, "invalid_client");
    app.call(Call::introspect(&token).header("authorization", &format!("Bearer {token}")))
        .await
        .refused(401, "invalid_client");
    let query = Call::post(&format!("/connect/introspect?token={token}"), "");
    app.call_as_client(query).await.refused(400, "invalid_request");
    app.call_as_client(Call::post("/connect/introspect", "")).await.refused(400, "invalid_request");
    app.call_as_client(Call::post("/connect/introspect", format!("token={token}&token={token}")))
        .await
        .refused(400, "invalid_request");
}

#[tokio::test]
async fn rfc7662_s4_other_apis_learn_nothing() {
    let app = test_app().await;
    let vault = ClientMetadata { introspect_resources: vec![VAULT.into()], ..metadata(&[API]) };
    let secret = app.client("vault-api", &vault).await;
    let gateway = ClientMetadata { introspect_any: true, ..metadata(&[]) };
    let gateway_secret = app.client("gateway", &gateway).await;
    let token = app.client_token(API).await;
    assert!(!app.call(Call::introspect(&token).basic("vault-api", &secret)).await.is_active());
    assert!(app.call(Call::introspect(&app.client_token(VAULT).await).basic("vault-api", &secret)).await.is_active());
    assert!(app.call(Call::introspect(&token).basic("gateway", &gateway_secret)).await.is_active());
    // The right is taken away at once.
    app.admin().put_client("default", "gateway", &metadata(&[]), Precondition::None).await.unwrap();
    assert!(!app.call(Call::introspect(&token).basic("gateway", &gateway_secret)).await.is_active());
}

#[tokio::test]
async fn a7_tokens_of_a_client_that_is_disabled_or_gone_are_inactive() {
    let app = test_app().await;
    for api in [API, VAULT] {
        let secret = app.client("owner", &metadata(&[API, VAULT])).await;
        let token = app.token_of("owner", &secret, api).await;
        assert!(app.introspects_as_active(&token).await);
        let disabled = ClientMetadata { enabled: false, ..metadata(&[API, VAULT]) };
        app.admin().put_client("default", "owner", &disabled, Precondition::None).await.unwrap();
        assert!(!app.introspects_as_active(&token).await);
        app.admin().put_client("default", "owner", &metadata(&[API, VAULT]), Precondition::None).await.unwrap();
        assert!(app.introspects_as_active(&token).await);
        app.admin().delete_client("default", "owner", Precondition::None).await.unwrap();
        assert!(!app.introspects_as_active(&token).await);
        // Another client of the same name does not inherit them, and has tokens of its own at once.
        let secret = app.client("owner", &metadata(&[API, VAULT])).await;
        assert!(!app.introspects_as_active(&token).await);
        let own = app.token_of("owner", &secret, api).await;
        assert!(app.introspects_as_active(&own).await);
        app.admin().delete_client("default", "owner", Precondition::None).await.unwrap();
    }
}

#[tokio::test]
async fn rfc9701_s5_a_signed_answer_is_verified_with_the_published_keys() {
    let app = test_app().await;
    let jwks = app.jwks("/.well-known/jwks.json").await;
    let ask = async |token: &str| {
        let call = Call::introspect(token).header("accept", "application/token-introspection+jwt");
        let answered = app.call_as_client(call).await.ok();
        assert_eq!(answered.header("content-type"), "application/token-introspection+jwt");
        assert_eq!(answered.header("cache-control"), "no-store");
        let jwt = String::from_utf8(answered.body.to_vec()).unwrap();
        let claims = verify(&jwt, "token-introspection+jwt", &jwks).expect("signed with a published key");
        assert_eq!(claims.opt_str("iss").unwrap(), Some(ISSUER));
        assert_eq!(claims.opt_str("aud").unwrap(), Some(CLIENT));
        assert!(claims.opt_time("iat").unwrap().is_some());
        assert!(claims.get("sub").is_none() && claims.get("exp").is_none());
        // It is not an access token.
        assert!(!app.introspects_as_active(&jwt).await);
        claims.get("token_introspection").unwrap().clone()
    };
    for api in [API, VAULT] {
        let told = ask(&app.client_token(api).await).await;
        assert_eq!((&told["active"], &told["aud"]), (&json!(true), &json!(api)));
    }
    assert_eq!(ask("nonsense").await, json!({ "active": false }));
}

#[tokio::test]
async fn a7_cannot_tell_is_not_inactive() {
    let app = test_app().await;
    let token = app.client_token(API).await;
    let app = app.reopen().await;
    // Nothing is known yet, and the database is gone.
    app.store.close().await;
    let answered = app.call_as_client(Call::introspect(&token)).await;
    answered.refused(503, "temporarily_unavailable");
    assert!(!answered.header("retry-after").is_empty());
    app.call_as_client(Call::token("")).await.refused(503, "temporarily_unavailable");
    // What needs no database goes on.
    assert_eq!(app.call(Call::get("/.well-known/jwks.json")).await.status, 200);
    assert_eq!(app.call(Call::get("/readyz")).await.status, 503);
}

#[tokio::test]
async fn what_is_known_goes_on_without_the_database() {
    let app = test_app().await;
    let token = app.client_token(API).await;
    app.call_as_client(Call::token("")).await.ok();
    app.store.close().await;
    app.call_as_client(Call::token("")).await.ok();
    assert!(app.introspects_as_active(&token).await);
    // But nothing is acknowledged that is not on disk.
    app.call_as_client(Call::revoke(&token)).await.refused(503, "temporarily_unavailable");
    assert!(app.introspects_as_active(&token).await);
}
