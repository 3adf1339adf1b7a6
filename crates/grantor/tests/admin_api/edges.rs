//! What administrators and their tools send when something is odd.

use crate::Server;
use axum::body::Body;
use axum::http::{HeaderValue, Request};
use serde_json::{Value, json};

const SVC: &str = "/v1/domain/default/client/svc";

#[tokio::test]
async fn whatever_is_refused_is_refused_with_a_problem() {
    let server = Server::start().await;
    for path in [
        "/v1/domain?limit=x",
        "/v1/domain?limit=0",
        "/v1/domain?bogus=1",
        "/v1/domain?limit=1&limit=2",
        "/v1/domain/%FF",
        "/v1/domain/default/client/%FF",
        "/v1/domain/default/change?before=x",
        "/v1/decision/%FF",
    ] {
        let answer = server.get(path).await;
        assert_eq!(answer.header("content-type"), "application/problem+json", "{path}: {}", answer.text);
        assert_eq!((&answer.json["status"], answer.status.as_u16()), (&json!(400), 400), "{path}");
        assert!(answer.json["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{path}");
    }
    let huge = server.put(SVC, json!({ "client_name": "x".repeat(3_000_000) })).await;
    assert_eq!((huge.status.as_u16(), &huge.json["status"]), (413, &json!(413)));
}

#[tokio::test]
async fn a_condition_that_cannot_be_read_is_not_met() {
    let server = Server::with_client().await;
    let request = Request::builder()
        .method("PUT")
        .uri(SVC)
        .header("authorization", format!("Bearer {}", server.app.admin_key.expose()))
        .header("content-type", "application/json")
        .header("if-match", HeaderValue::from_bytes(b"\"\xe9\"").unwrap());
    let answer = server.send(request.body(Body::from("{\"enabled\":false}")).unwrap()).await;
    assert_eq!(answer.status, 412);
    assert_eq!(server.get(SVC).await.expect(200)["version"], 1);
}

#[tokio::test]
async fn any_version_is_a_condition_too() {
    let server = Server::with_client().await;
    let any = [("if-match", "*")];
    let changed = server.call("PUT", SVC, &any, Some(json!({ "client_name": "x" }))).await.expect(200);
    assert_eq!(changed["version"], 2);
    let missing = "/v1/domain/default/client/nobody";
    assert_eq!(server.call("PUT", missing, &any, Some(json!({}))).await.status, 412);
    server.get(missing).await.expect(404);
    for tag in ["*", "\"2\"", "W/\"2\"", "\"1\", \"2\""] {
        assert_eq!(server.call("GET", SVC, &[("if-none-match", tag)], None).await.status, 304, "{tag}");
    }
    assert_eq!(server.call("GET", SVC, &[("if-none-match", "\"1\"")], None).await.status, 200);
}

#[tokio::test]
async fn a_client_can_be_disabled_when_its_resource_is_gone() {
    let server = Server::with_client().await;
    server.delete("/v1/domain/default/resource/api").await.expect(204);
    let disabled = server.put(SVC, json!({ "enabled": false })).await.expect(200);
    assert_eq!(disabled["enabled"], false);
    let added = json!({ "resources": ["https://api.example.com", "https://unknown.example"] });
    let refused = server.put(SVC, added).await.expect(400);
    let errors = refused["errors"].as_array().unwrap();
    assert!(errors.len() == 1 && errors[0].as_str().unwrap().contains("unknown.example"), "{refused}");
}

#[tokio::test]
async fn what_was_changed_outlasts_the_domain() {
    let server = Server::start().await;
    server.put("/v1/domain/acme", json!({})).await.expect(201);
    server.put("/v1/domain/acme/client/svc", json!({})).await.expect(201);
    server.delete("/v1/domain/acme?force=true").await.expect(204);
    let log = server.get("/v1/domain/acme/change?limit=1").await.expect(200);
    let last = &log["items"][0];
    assert_eq!(
        (&last["kind"], &last["op"], &last["actor"]),
        (&json!("domain"), &json!("delete"), &json!("bootstrap-key"))
    );
    server.get("/v1/domain/never/change").await.expect(404);
}

#[tokio::test]
async fn the_log_ends_where_it_ends() {
    let server = Server::start().await;
    let all = server.get("/v1/domain/default/change?limit=1000").await.expect(200);
    let count = all["items"].as_array().unwrap().len();
    assert!(count > 1);
    let whole = server.get(&format!("/v1/domain/default/change?limit={count}")).await.expect(200);
    assert_eq!(whole["next"], Value::Null, "a page that ends with the log has no next one");
    let first = server.get("/v1/domain/default/change?limit=1").await.expect(200);
    let rest = server.get(&format!("/v1/domain/default/change?before={}", first["next"])).await.expect(200);
    assert_eq!(rest["items"].as_array().unwrap().len(), count - 1);
}

#[tokio::test]
async fn a_thousand_clients_and_more_are_listed_once_each() {
    let server = Server::start().await;
    for i in 0..1005 {
        server.put(&format!("/v1/domain/default/client/c%2F{i:04}"), json!({})).await.expect(201);
    }
    let first = server.get("/v1/domain/default/client?limit=1000").await.expect(200);
    assert_eq!((first["items"].as_array().unwrap().len(), &first["next"]), (1000, &json!("c/0999")));
    let second = server.get("/v1/domain/default/client?limit=1000&after=c%2F0999").await.expect(200);
    assert_eq!((second["items"].as_array().unwrap().len(), &second["next"]), (5, &Value::Null));
    assert_eq!(server.get("/v1/domain/default/client").await.expect(200)["items"].as_array().unwrap().len(), 100);
}
