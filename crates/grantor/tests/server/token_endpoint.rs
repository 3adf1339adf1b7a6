//! The token endpoint over HTTP: what the core decides is tested there; here are headers, registrations and effects.

use crate::call::{Call, form, verify};
use crate::common::{API, CLIENT, ISSUER, VAULT, metadata, resource, test_app};
use grantor::admin::credential::{CredentialSource, NewCredential};
use grantor::store::Precondition;
use grantor_core::client::ClientMetadata;
use grantor_core::client_auth::Allowance;
use grantor_core::jose::Alg;
use grantor_core::resource::Resource;
use grantor_core::secret::generate;
use serde_json::json;

#[tokio::test]
async fn rfc6749_s5_1_a_token_and_its_headers() {
    let app = test_app().await;
    for call in [
        Call::token("").basic(CLIENT, &app.secret),
        Call::token(&format!("&client_id={CLIENT}&client_secret={}", app.secret)),
        Call::token("").basic(CLIENT, &app.secret).header("accept", "text/html"),
    ] {
        let answered = app.call(call).await.ok();
        assert_eq!(answered.header("content-type"), "application/json");
        assert_eq!(answered.header("cache-control"), "no-store");
        assert_eq!(answered.header("pragma"), "no-cache");
        assert_eq!(answered.header("x-content-type-options"), "nosniff");
        assert_eq!(answered.header("x-request-id").len(), 16);
        for name in ["set-cookie", "server", "access-control-allow-origin", "www-authenticate", "etag"] {
            assert_eq!(answered.header(name), "", "{name}");
        }
        let body = answered.json();
        assert_eq!(
            (&body["token_type"], &body["expires_in"], &body["scope"]),
            (&json!("Bearer"), &json!(300), &json!("read write"))
        );
        let claims = verify(&answered.access_token(), "at+jwt", &app.jwks("/.well-known/jwks.json").await).unwrap();
        assert_eq!(claims.opt_str("iss").unwrap(), Some(ISSUER));
        assert_eq!(claims.opt_str("sub").unwrap(), Some(CLIENT));
        assert_eq!(claims.opt_strings("aud").unwrap().unwrap(), [API]);
        let lives = claims.opt_time("exp").unwrap().unwrap() - claims.opt_time("iat").unwrap().unwrap();
        assert_eq!(lives, 300);
    }
}

#[tokio::test]
async fn rfc6749_s5_2_a_refusal_and_its_headers() {
    let app = test_app().await;
    for (call, status, error, challenged) in [
        (Call::token("").basic(CLIENT, "wrong"), 401, "invalid_client", true),
        (Call::token("").basic("unknown", "wrong"), 401, "invalid_client", true),
        (Call::token("").header("authorization", "Basic !"), 401, "invalid_client", true),
        (Call::token(""), 401, "invalid_client", true),
        (Call::token(&format!("&client_id={CLIENT}&client_secret=wrong")), 401, "invalid_client", false),
        (Call::token("&scope=admin").basic(CLIENT, &app.secret), 400, "invalid_scope", false),
        (Call::token("&resource=https://x").basic(CLIENT, &app.secret), 400, "invalid_target", false),
        (Call::token("&grant_type=x").basic(CLIENT, &app.secret), 400, "invalid_request", false),
        (Call::post("/connect/token", "grant_type=x").basic(CLIENT, &app.secret), 400, "unsupported_grant_type", false),
        (
            Call::token("").header("content-type", "application/json").basic(CLIENT, &app.secret),
            400,
            "invalid_request",
            false,
        ),
        (Call::post("/connect/token?client_id=x", "grant_type=client_credentials"), 400, "invalid_request", false),
    ] {
        let answered = app.call(call.clone()).await;
        answered.refused(status, error);
        let expected =
            if challenged { "Basic realm=\"grantor\", charset=\"UTF-8\", error=\"invalid_client\"" } else { "" };
        assert_eq!(answered.header("www-authenticate"), expected, "{call:?}");
        assert_eq!(answered.header("content-type"), "application/json");
        assert_eq!(answered.header("cache-control"), "no-store");
        assert_eq!(answered.header("x-content-type-options"), "nosniff");
        assert_eq!(answered.header("x-request-id").len(), 16);
        let body = answered.json();
        assert_eq!(body.as_object().unwrap().len(), 2, "{body}");
        assert!(body["error_description"].as_str().unwrap().len() > 8);
    }
}

#[tokio::test]
async fn rfc6749_s5_2_an_unknown_client_and_a_wrong_secret_get_the_same_bytes() {
    let app = test_app().await;
    let seen = async |call: Call| {
        let mut answered = app.call(call).await;
        answered.headers.remove("x-request-id");
        (answered.status, answered.headers, answered.body)
    };
    for secret in ["wrong", &generate(&[1; 32])] {
        assert_eq!(
            seen(Call::token("").basic(CLIENT, secret)).await,
            seen(Call::token("").basic("nobody", secret)).await
        );
        let post = |id: &str| Call::token(&format!("&client_id={id}&client_secret={secret}"));
        assert_eq!(seen(post(CLIENT)).await, seen(post("nobody")).await);
    }
}

#[tokio::test]
async fn rfc6749_s3_2_only_post() {
    let app = test_app().await;
    for path in ["/connect/token", "/connect/introspect", "/connect/revocation"] {
        for method in ["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "post", "QUERY"] {
            let answered = app.call_as_client(Call::new(method, path)).await;
            assert_eq!((answered.status, answered.header("allow")), (405, "POST"), "{method} {path}");
            assert_eq!(answered.header("access-control-allow-origin"), "");
        }
    }
}

#[tokio::test]
async fn two_tokens_are_never_the_same() {
    let app = test_app().await;
    for resource in [API, VAULT] {
        let mut seen = std::collections::HashSet::new();
        for _ in 0..50 {
            assert!(seen.insert(app.client_token(resource).await));
        }
    }
}

#[tokio::test]
async fn each_algorithm_signs_for_the_resource_that_wants_it() {
    let app = test_app().await;
    let names = Alg::ALL.map(|alg| format!("https://{}.example.com", alg.as_str().to_lowercase()));
    for (alg, identifier) in Alg::ALL.into_iter().zip(&names) {
        let resource = Resource { access_token_signing_alg: alg, ..resource(identifier, "read") };
        app.admin().put_resource("default", &alg.as_str().to_lowercase(), &resource, Precondition::None).await.unwrap();
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let secret = app.client("all", &metadata(&names)).await;
    let jwks = app.jwks("/.well-known/jwks.json").await;
    for (alg, identifier) in Alg::ALL.into_iter().zip(&names) {
        let token = app.token_of("all", &secret, identifier).await;
        assert!(verify(&token, "at+jwt", &jwks).is_some(), "{alg:?}");
        let kid = grantor_core::jose::UnverifiedJws::parse(&token).unwrap().header().kid.clone().unwrap();
        let (_, jwk) = jwks.iter().find(|(have, _)| *have == kid).expect("published before it was used");
        assert_eq!(jwk.alg.as_deref(), Some(alg.as_str()));
    }
    assert_eq!(app.jwks("/.well-known/jwks.json").await.len(), jwks.len());
}

#[tokio::test]
async fn what_an_administrator_changes_is_in_force_at_once() {
    let app = test_app().await;
    let call = || Call::token("").basic("late", "early bird");
    app.call(call()).await.refused(401, "invalid_client");
    // Remembered as unknown, and still found when it is made.
    let metadata = metadata(&[API]);
    app.admin().put_client("default", "late", &metadata, Precondition::None).await.unwrap();
    app.call(call()).await.refused(401, "invalid_client");
    let given = NewCredential {
        source: CredentialSource::Given(zeroize::Zeroizing::new("early bird".into())),
        ..NewCredential::default()
    };
    let first = app.admin().create_credential("default", "late", given).await.unwrap().credential;
    assert_eq!(app.call(call()).await.ok().json()["scope"], "read write");
    let narrowed = ClientMetadata { scope: grantor_core::scope::Scope::from_tokens(["read"]), ..metadata.clone() };
    app.admin().put_client("default", "late", &narrowed, Precondition::None).await.unwrap();
    assert_eq!(app.call(call()).await.ok().json()["scope"], "read");
    let disabled = ClientMetadata { enabled: false, ..metadata.clone() };
    app.admin().put_client("default", "late", &disabled, Precondition::None).await.unwrap();
    app.call(call()).await.refused(401, "invalid_client");
    app.admin().put_client("default", "late", &metadata, Precondition::None).await.unwrap();
    app.call(call()).await.ok();
    app.admin().revoke_credential("default", "late", &first.id).await.unwrap();
    app.call(call()).await.refused(401, "invalid_client");
    app.admin().delete_client("default", "late", Precondition::None).await.unwrap();
    app.call(call()).await.refused(401, "invalid_client");
}

#[tokio::test]
async fn a_rotated_secret_works_beside_the_new_one_for_a_while() {
    let app = test_app().await;
    let made = app.admin().rotate_secret("default", CLIENT, 3600, None).await.unwrap();
    let new = made.secret.unwrap().expose().to_owned();
    app.call(Call::token("").basic(CLIENT, &new)).await.ok();
    app.call(Call::token("").basic(CLIENT, &app.secret)).await.ok();
    let made = app.admin().rotate_secret("default", CLIENT, 0, None).await.unwrap();
    let newest = made.secret.unwrap().expose().to_owned();
    app.call(Call::token("").basic(CLIENT, &newest)).await.ok();
    app.call(Call::token("").basic(CLIENT, &new)).await.refused(401, "invalid_client");
    app.call(Call::token("").basic(CLIENT, &app.secret)).await.refused(401, "invalid_client");
}

#[tokio::test]
async fn odd_names_and_secrets_of_migrated_clients_work() {
    let app = test_app().await;
    let long = "s".repeat(1024);
    for (id, secret) in [("urn:svc/eu 1", "a:b c"), ("100%+é".trim_end_matches('é'), "%41&="), ("~", long.as_str())] {
        app.admin().put_client("default", id, &metadata(&[API]), Precondition::None).await.unwrap();
        let source = CredentialSource::Given(zeroize::Zeroizing::new(secret.into()));
        app.admin().create_credential("default", id, NewCredential { source, ..Default::default() }).await.unwrap();
        app.call(Call::token("").basic(id, secret)).await.ok();
        app.call(Call::token(&format!("&client_id={}&client_secret={}", form(id), form(secret)))).await.ok();
    }
    app.call(Call::token("").basic("~", &long[..1023])).await.refused(401, "invalid_client");
}

#[tokio::test]
async fn the_unencoded_allowance_is_counted() {
    let app = test_app().await;
    let metadata = ClientMetadata { allow_unencoded_basic: true, ..metadata(&[API]) };
    app.admin().put_client("default", "a%41", &metadata, Precondition::None).await.unwrap();
    let source = CredentialSource::Given(zeroize::Zeroizing::new("c+d".into()));
    app.admin().create_credential("default", "a%41", NewCredential { source, ..Default::default() }).await.unwrap();
    app.call(Call::token("").basic("a%41", "c+d")).await.ok();
    assert!(!app.metrics.render().contains("grantor_allowances_used_total{"));
    let raw = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, "a%41:c+d");
    app.call(Call::token("").header("authorization", &format!("Basic {raw}"))).await.ok();
    assert!(
        app.metrics
            .render()
            .contains("grantor_allowances_used_total{domain=\"default\",allowance=\"allow_unencoded_basic\"} 1")
    );
    let used = app.allowances.of_client("default", "a%41");
    assert_eq!(used.iter().map(|one| (one.allowance, one.count)).collect::<Vec<_>>(), [(Allowance::UnencodedBasic, 1)]);
}

#[tokio::test]
async fn the_true_cause_is_found_by_the_request_id() {
    let app = test_app().await;
    let answered = app.call(Call::token("").basic(CLIENT, "wrong")).await;
    let issued = app.client_token(API).await;
    let id = answered.header("x-request-id").to_owned();
    let folder = app.config.audit.folder.clone();
    app.close().await;
    let found = grantor::audit::find(&folder, &id).unwrap().unwrap();
    assert_eq!((found.outcome.as_str(), found.error.as_deref()), ("refused", Some("invalid_client")));
    assert_eq!((found.reason.as_deref(), found.client_id.as_deref()), (Some("wrong_secret"), Some(CLIENT)));
    assert_eq!(found.source, "192.0.2.1");
    let log = std::fs::read_to_string(folder.join("audit.jsonl")).unwrap();
    assert!(log.contains("\"outcome\":\"issued\"") && !log.contains(&issued));
}

#[tokio::test]
async fn health_is_told_apart() {
    let app = test_app().await;
    assert_eq!(app.call(Call::get("/livez")).await.status, 200);
    assert_eq!(app.call(Call::get("/readyz")).await.status, 200);
    app.stop();
    assert_eq!(app.call(Call::get("/livez")).await.status, 200);
    assert_eq!(app.call(Call::get("/readyz")).await.status, 503);
}
