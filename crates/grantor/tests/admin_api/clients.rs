use crate::Server;
use serde_json::{Value, json};

const SVC: &str = "/v1/domain/default/client/svc";

#[tokio::test]
async fn put_merges_and_null_resets() {
    let server = Server::with_client().await;
    let changed = server.put(SVC, json!({ "client_name": "Billing", "access_token_lifetime_s": 60 })).await.expect(200);
    assert_eq!((&changed["scope"], &changed["client_name"]), (&json!("read"), &json!("Billing")));
    let reset = server.put(SVC, json!({ "access_token_lifetime_s": null, "enabled": null })).await.expect(200);
    assert_eq!((&reset["access_token_lifetime_s"], &reset["enabled"]), (&Value::Null, &json!(true)));
    assert_eq!(reset["client_name"], "Billing");
}

#[tokio::test]
async fn writing_what_is_there_changes_nothing() {
    let server = Server::with_client().await;
    let (before, shown) = (server.changes().await, server.get(SVC).await);
    let again = server.put(SVC, json!({ "scope": "read" })).await;
    assert_eq!((again.header("etag"), again.status.as_u16()), (shown.header("etag"), 200));
    assert_eq!(server.changes().await, before);
}

#[tokio::test]
async fn writes_can_be_made_conditional() {
    let server = Server::with_client().await;
    let etag = server.get(SVC).await.header("etag").to_owned();
    assert_eq!(etag, "\"1\"");
    let body = || Some(json!({ "client_name": "x" }));
    assert_eq!(server.call("PUT", SVC, &[("if-none-match", "*")], body()).await.status, 412);
    assert_eq!(server.call("PUT", SVC, &[("if-match", "\"7\"")], body()).await.status, 412);
    assert_eq!(server.call("PUT", SVC, &[("if-match", "what")], body()).await.status, 412);
    assert_eq!(server.call("PUT", SVC, &[("if-match", &etag)], body()).await.header("etag"), "\"2\"");
    assert_eq!(server.call("DELETE", SVC, &[("if-match", &etag)], None).await.status, 412);
    assert_eq!(server.call("GET", SVC, &[("if-none-match", "\"2\"")], None).await.status, 304);
    assert_eq!(server.call("PUT", "/v1/domain/default/client/new", &[("if-match", "\"1\"")], body()).await.status, 412);
    assert_eq!(
        server.call("PUT", "/v1/domain/default/client/new", &[("if-none-match", "*")], body()).await.status,
        201
    );
}

#[tokio::test]
async fn any_vschar_names_a_client() {
    let server = Server::with_api().await;
    for (segment, client_id) in [
        ("a%2Fb", "a/b"),
        ("x:y%20z", "x:y z"),
        ("%2e%2e%2F%2e", "../."),
        ("%25", "%"),
        ("a%3Fb%23c", "a?b#c"),
        ("%7E!$", "~!$"),
    ] {
        let path = format!("/v1/domain/default/client/{segment}");
        let made = server.put(&path, json!({ "scope": "read" })).await.expect(201);
        assert_eq!(made["client_id"], client_id);
        let secret = server.post(&format!("{path}/credential"), json!({})).await.expect(201);
        assert!(secret["secret"].is_string());
        server.delete(&path).await.expect(204);
    }
    for bad in ["%00", "a%0Ab", "%C3%A9", &"a".repeat(256)] {
        assert_eq!(server.put(&format!("/v1/domain/default/client/{bad}"), json!({})).await.status, 400, "{bad}");
    }
    server.put(&format!("/v1/domain/default/client/{}", "a".repeat(255)), json!({})).await.expect(201);
}

#[tokio::test]
async fn lists_come_in_pages() {
    let server = Server::start().await;
    for i in 0..25 {
        server.put(&format!("/v1/domain/default/client/c{i:02}"), json!({})).await.expect(201);
    }
    let (mut names, mut path, mut pages) = (Vec::new(), "/v1/domain/default/client?limit=10".to_owned(), 0);
    loop {
        let page = server.get(&path).await.expect(200);
        names.extend(
            page["items"].as_array().unwrap().iter().map(|item| item["client_id"].as_str().unwrap().to_owned()),
        );
        pages += 1;
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/v1/domain/default/client?limit=10&after={next}");
    }
    assert_eq!((names.len(), pages), (25, 3));
    assert!(names.is_sorted());
    for bad in ["limit=0", "limit=1001", "limit=x", "offset=1"] {
        assert_eq!(server.get(&format!("/v1/domain/default/client?{bad}")).await.status, 400, "{bad}");
    }
    // A page that ends with the list has no next one.
    assert_eq!(server.get("/v1/domain/default/client?limit=25").await.expect(200)["next"], Value::Null);
}

#[tokio::test]
async fn bad_clients_are_refused_and_change_nothing() {
    let server = Server::with_client().await;
    let before = server.changes().await;
    for (body, named) in [
        (json!({ "scpoe": "read" }), "did you mean scope"),
        (json!({ "scope": 7 }), "scope"),
        (json!({ "scope": "a  b" }), "scope"),
        (json!({ "resources": ["https://unknown.example"] }), "resources"),
        (json!({ "introspect_resources": ["https://unknown.example"] }), "introspect_resources"),
        (json!({ "default_resource": "https://other" }), "default_resource"),
        (json!({ "default_scope": "write" }), "default_scope"),
        (json!({ "claims": { "iss": "x" } }), "iss"),
        (json!({ "claims": { "big": "x".repeat(5000) } }), "claims"),
        (json!({ "token_endpoint_auth_methods": [] }), "token_endpoint_auth_methods"),
        (json!({ "token_endpoint_auth_methods": ["none"] }), "token_endpoint_auth_methods"),
        (json!({ "access_token_lifetime_s": 0 }), "access_token_lifetime_s"),
        (json!({ "client_name": "a\nb" }), "client_name"),
    ] {
        let answer = server.put(SVC, body.clone()).await;
        assert_eq!(answer.status, 400, "{body}: {}", answer.text);
        assert!(answer.text.contains(named), "{body}: {}", answer.text);
    }
    let as_text = server.call("PUT", SVC, &[("content-type", "text/plain")], None).await;
    assert_eq!(as_text.status, 200, "no body is the empty object");
    assert_eq!(server.put("/v1/domain/nowhere/client/x", json!({})).await.status, 404);
    assert_eq!(server.changes().await, before);
}

#[tokio::test]
async fn deleting_a_client_ends_its_tokens_for_good() {
    let server = Server::with_client().await;
    server.delete(SVC).await.expect(204);
    server.get(SVC).await.expect(404);
    server.delete(SVC).await.expect(404);
    let changes = server.get("/v1/domain/default/change?limit=2").await.expect(200);
    let kinds: Vec<_> = changes["items"].as_array().unwrap().iter().map(|change| change["kind"].clone()).collect();
    assert!(kinds.contains(&json!("revocation")) && kinds.contains(&json!("client")), "{changes}");
}
