use crate::Server;
use serde_json::json;

#[tokio::test]
async fn a_domain_is_made_shown_changed_and_deleted() {
    let server = Server::start().await;
    let made = server.put("/v1/domain/acme", json!({ "sandbox": true })).await.expect(201);
    assert_eq!((&made["issuer"], &made["version"]), (&json!("https://auth.example.com/acme"), &json!(1)));
    let changed = server.put("/v1/domain/acme", json!({ "access_token_lifetime_s": 60 })).await.expect(200);
    assert_eq!((&changed["sandbox"], &changed["version"]), (&json!(true), &json!(2)));
    let keys = server.get("/v1/domain/acme/key").await.expect(200);
    assert_eq!(keys["items"][0]["status"], "active", "keys are published before anybody needs them");
    server.delete("/v1/domain/acme").await.expect(204);
    server.get("/v1/domain/acme").await.expect(404);
    server.get("/v1/domain/acme/key").await.expect(404);
}

#[tokio::test]
async fn a_domain_in_use_is_deleted_only_by_force() {
    let server = Server::start().await;
    server.put("/v1/domain/acme", json!({})).await.expect(201);
    server.put("/v1/domain/acme/client/svc", json!({})).await.expect(201);
    let refused = server.delete("/v1/domain/acme").await.expect(409);
    assert!(refused["detail"].as_str().unwrap().contains("force"), "{refused}");
    server.delete("/v1/domain/acme?force=true").await.expect(204);
    assert_eq!(server.delete("/v1/domain/default?force=true").await.status, 409);
}

#[tokio::test]
async fn issuers_are_unique_and_names_fit_into_paths() {
    let server = Server::start().await;
    let taken = server.put("/v1/domain/other", json!({ "issuer": "https://auth.example.com" })).await.expect(409);
    assert!(taken["detail"].as_str().unwrap().contains("default"), "{taken}");
    for (path, body) in [
        ("/v1/domain/Acme", json!({})),
        ("/v1/domain/a%2Fb", json!({})),
        ("/v1/domain/x", json!({ "issuer": "http://example.com" })),
        ("/v1/domain/x", json!({ "issuer": 7 })),
        ("/v1/domain/x", json!({ "access_token_lifetime_s": 0 })),
    ] {
        let before = server.changes().await;
        assert_eq!(server.put(path, body.clone()).await.status, 400, "{path} {body}");
        assert_eq!(server.changes().await, before, "nothing is changed by a bad request");
    }
}

#[tokio::test]
async fn a_resource_is_made_shown_changed_and_deleted() {
    let server = Server::with_api().await;
    let shown = server.get("/v1/domain/default/resource/api").await.expect(200);
    assert_eq!((&shown["access_token_format"], &shown["access_token_signing_alg"]), (&json!("jwt"), &json!("ES256")));
    server.put("/v1/domain/default/resource/api", json!({ "access_token_signing_alg": "RS256" })).await.expect(200);
    let keys = server.get("/v1/domain/default/key").await.expect(200);
    assert!(keys["items"].as_array().unwrap().iter().any(|key| key["alg"] == "RS256"), "{keys}");
    server.delete("/v1/domain/default/resource/api").await.expect(204);
    server.get("/v1/domain/default/resource/api").await.expect(404);
}

#[tokio::test]
async fn bad_resources_are_refused_with_the_member_s_name() {
    let server = Server::with_api().await;
    for (body, named) in [
        (json!({}), "identifier"),
        (json!({ "identifier": "https://x#y" }), "identifier"),
        (json!({ "identifier": "a b" }), "identifier"),
        (json!({ "identifier": "https://api.example.com" }), "identifier"),
        (json!({ "identifier": "https://x", "access_token_format": "saml" }), "access_token_format"),
        (json!({ "identifier": "https://x", "access_token_signing_alg": "none" }), "access_token_signing_alg"),
        (json!({ "identifier": "https://x", "scope": "a\"b" }), "scope"),
        (json!({ "identifier": "https://x", "scopes": "a" }), "scope"),
    ] {
        let answer = server.put("/v1/domain/default/resource/x", body.clone()).await;
        assert!(answer.status.is_client_error(), "{body}");
        assert!(answer.text.contains(named), "{body}: {}", answer.text);
    }
    assert_eq!(server.put("/v1/domain/default/resource/grantor-admin", json!({ "scope": "x" })).await.status, 409);
    assert_eq!(server.delete("/v1/domain/default/resource/grantor-admin").await.status, 409);
}
