//! The revocation endpoint (RFC 7009), and the end of all tokens of a client.

use crate::call::Call;
use crate::common::{API, CLIENT, VAULT, metadata, test_app};

#[tokio::test]
async fn rfc7009_s2_immediate_durable_and_only_this_one() {
    let mut app = test_app().await;
    for api in [API, VAULT] {
        let (token, sibling) = (app.client_token(api).await, app.client_token(api).await);
        let answered = app.call_as_client(Call::revoke(&token)).await.ok();
        assert_eq!(answered.header("cache-control"), "no-store");
        assert!(!app.introspects_as_active(&token).await);
        assert!(app.introspects_as_active(&sibling).await);
        // Twice is once.
        app.call_as_client(Call::revoke(&token)).await.ok();
        app = app.reopen().await;
        assert!(!app.introspects_as_active(&token).await);
        assert!(app.introspects_as_active(&sibling).await);
        app.call_as_client(Call::token("")).await.ok();
    }
}

#[tokio::test]
async fn rfc7009_s2_2_what_is_no_token_is_revoked_already() {
    let app = test_app().await;
    let token = app.client_token(API).await;
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let vault = app.client_token(VAULT).await;
    for nonsense in [
        "x".to_owned(),
        "a.b.c".into(),
        "grat_".into(),
        "%".into(),
        format!("{signed}."),
        format!("{signed}.{signature}A"),
        format!("{signature}.{signed}"),
        format!(" {token}"),
        format!("{token} "),
        vault[..vault.len() - 1].to_owned(),
        vault.to_uppercase(),
    ] {
        app.call_as_client(Call::revoke(&nonsense)).await.ok();
    }
    // None of that has revoked anything.
    assert!(app.introspects_as_active(&token).await);
    assert!(app.introspects_as_active(&vault).await);
    app.call_as_client(Call::post("/connect/revocation", "")).await.refused(400, "invalid_request");
}

#[tokio::test]
async fn rfc7009_s2_1_only_its_own_client() {
    let app = test_app().await;
    let secret = app.client("other", &metadata(&[API])).await;
    for api in [API, VAULT] {
        let token = app.client_token(api).await;
        app.call(Call::revoke(&token).basic("other", &secret)).await.refused(400, "unauthorized_client");
        app.call(Call::revoke(&token)).await.refused(401, "invalid_client");
        app.call(Call::revoke(&token).basic(CLIENT, "wrong")).await.refused(401, "invalid_client");
        assert!(app.introspects_as_active(&token).await);
    }
}

#[tokio::test]
async fn all_tokens_of_a_client_end_and_new_ones_begin() {
    let app = test_app().await;
    let secret = app.client("owner", &metadata(&[API, VAULT])).await;
    let old = [app.token_of("owner", &secret, API).await, app.token_of("owner", &secret, VAULT).await];
    let others = app.client_token(API).await;
    app.admin().revoke_tokens("default", "owner").await.unwrap();
    for token in &old {
        assert!(!app.introspects_as_active(token).await);
    }
    assert!(app.introspects_as_active(&others).await);
    // A token asked for in the same second is not caught by it.
    let new = app.token_of("owner", &secret, API).await;
    assert!(app.introspects_as_active(&new).await);
    let app = app.reopen().await;
    for token in &old {
        assert!(!app.introspects_as_active(token).await);
    }
    assert!(app.introspects_as_active(&new).await);
}

#[tokio::test]
async fn a_revocation_ahead_of_this_clock_is_waited_for_elsewhere() {
    let app = test_app().await;
    app.admin_at(grantor::clock::now_s() + 30).revoke_tokens("default", CLIENT).await.unwrap();
    let answered = app.call_as_client(Call::token("")).await;
    answered.refused(503, "temporarily_unavailable");
    let wait: i64 = answered.header("retry-after").parse().unwrap();
    assert!((29..=31).contains(&wait), "{wait}");
}

#[tokio::test]
async fn revocations_are_forgotten_when_their_tokens_have_expired() {
    let app = test_app().await;
    let token = app.client_token(API).await;
    app.call_as_client(Call::revoke(&token)).await.ok();
    let now = grantor::clock::now_s();
    app.directory.forget_expired(now + 299).await.unwrap();
    assert_eq!(app.store.revocations(now).await.unwrap().len(), 1);
    assert!(!app.introspects_as_active(&token).await);
    app.directory.forget_expired(now + 301).await.unwrap();
    assert_eq!(app.store.revocations(now).await.unwrap().len(), 0);
}
