use crate::{Answer, Server};
use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, Request};
use grantor::audit::Decision;
use grantor::authenticate::Asked;
use grantor::clock;
use grantor::token::issue;
use grantor_core::binding::DpopKey;
use grantor_core::incoming::Incoming;
use grantor_core::jose::SigningKey;
use serde_json::{Value, json};

async fn with_bearer(server: &Server, method: &str, path: &str, token: &str) -> Answer {
    let request = Request::builder().method(method).uri(path).header("authorization", token);
    server.send(request.header("content-type", "application/json").body(Body::from("{}")).unwrap()).await
}

/// An access token of a new client for all its resources, as the token endpoint issues it.
async fn token(server: &Server, client_id: &str, client: Value) -> String {
    token_with(server, client_id, client, HeaderMap::new()).await
}

/// Likewise, for a request with these headers.
async fn token_with(server: &Server, client_id: &str, mut client: Value, mut headers: HeaderMap) -> String {
    let path = format!("/v1/domain/default/client/{client_id}");
    let resources = client["resources"].as_array().unwrap().iter();
    let resources: String = resources.map(|name| format!("&resource={}", name.as_str().unwrap())).collect();
    client["token_endpoint_auth_methods"] = json!(["client_secret_post"]);
    server.put(&path, client).await.expect(201);
    let made = server.post(&format!("{path}/credential"), json!({})).await.expect(201);
    let secret = made["secret"].as_str().unwrap();
    let body = format!("grant_type=client_credentials&client_id={client_id}&client_secret={secret}{resources}");
    headers.insert("content-type", "application/x-www-form-urlencoded".parse().unwrap());
    let uri = "/connect/token".parse().unwrap();
    let incoming = Incoming { uri: &uri, headers: &headers, body: body.as_bytes(), certificate: None };
    let domain = server.app.directory.domains().by_name("default").unwrap().clone();
    let asked = Asked { incoming, source: "127.0.0.1".parse().unwrap(), now: clock::now_s() };
    let issued = issue(&server.app, &domain, &asked, &mut Decision::default()).await.unwrap();
    issued.access_token
}

async fn admin_token(server: &Server, client_id: &str, scope: &str) -> String {
    token(server, client_id, json!({ "scope": scope, "resources": ["urn:grantor:admin"] })).await
}

#[tokio::test]
async fn nothing_is_told_without_a_key() {
    let server = Server::start().await;
    for header in ["", "Bearer", "Bearer x", "Basic eDp5", "bearer  ", "Bearer\tx"] {
        let answer = with_bearer(&server, "GET", "/v1/domain", header).await;
        assert_eq!(answer.status.as_u16(), 401, "{header}");
        assert!(answer.header("www-authenticate").starts_with("Bearer"), "{header}");
        assert_eq!(answer.header("content-type"), "application/problem+json");
        assert_eq!(answer.header("cache-control"), "no-store");
    }
}

#[tokio::test]
async fn tokens_of_the_admin_resource_administer_by_their_scope() {
    let server = Server::start().await;
    let reader = format!("Bearer {}", admin_token(&server, "reader", "admin:read").await);
    let writer = format!("Bearer {}", admin_token(&server, "writer", "admin:write").await);
    assert_eq!(with_bearer(&server, "GET", "/v1/domain", &reader).await.status, 200);
    let refused = with_bearer(&server, "PUT", "/v1/domain/acme", &reader).await;
    assert_eq!(refused.status, 403);
    assert!(refused.header("www-authenticate").contains("insufficient_scope"));
    assert_eq!(with_bearer(&server, "PUT", "/v1/domain/acme", &writer).await.status, 201);
    let change = server.get("/v1/domain/acme/change?limit=1000").await.expect(200);
    let actors: Vec<_> = change["items"].as_array().unwrap().iter().map(|item| item["actor"].clone()).collect();
    assert!(actors.contains(&json!("client:writer")), "{actors:?}");
}

#[tokio::test]
async fn an_administrator_s_token_ends_with_its_client() {
    let server = Server::start().await;
    let token = format!("Bearer {}", admin_token(&server, "writer", "admin:write").await);
    server.put("/v1/domain/default/client/writer", json!({ "enabled": false })).await.expect(200);
    assert_eq!(with_bearer(&server, "GET", "/v1/domain", &token).await.status, 401);
    server.put("/v1/domain/default/client/writer", json!({ "enabled": true })).await.expect(200);
    assert_eq!(with_bearer(&server, "GET", "/v1/domain", &token).await.status, 200);
    server.post("/v1/domain/default/client/writer/revoke-tokens", json!({})).await.expect(204);
    assert_eq!(with_bearer(&server, "GET", "/v1/domain", &token).await.status, 401);
}

#[tokio::test]
async fn rfc9449_s7_2_a_bound_token_is_no_bearer_token() {
    let server = Server::start().await;
    let (key, _) = SigningKey::generate(Default::default()).unwrap();
    let issuer = server.app.directory.domains().by_name("default").unwrap().issuer.clone();
    let uri = format!("{issuer}/connect/token");
    let proof = DpopKey::new(key).unwrap().proof("POST", &uri, None, None, "one".into(), clock::now_s()).unwrap();
    let headers = HeaderMap::from_iter([(HeaderName::from_static("dpop"), proof.parse().unwrap())]);
    let client = json!({ "scope": "admin:write", "resources": ["urn:grantor:admin"] });
    let token = token_with(&server, "writer", client, headers).await;
    for scheme in ["Bearer", "DPoP"] {
        let refused = with_bearer(&server, "GET", "/v1/domain", &format!("{scheme} {token}")).await;
        assert_eq!(refused.status, 401, "{scheme}");
    }
}

#[tokio::test]
async fn a_token_for_another_api_is_none_for_this() {
    let server = Server::with_api().await;
    let client = json!({ "scope": "read", "resources": ["https://api.example.com"] });
    let other = format!("Bearer {}", token(&server, "svc", client).await);
    assert_eq!(with_bearer(&server, "GET", "/v1/domain", &other).await.status, 401);
    // Nor is one that the other API could take and use.
    let client = json!({ "scope": "admin:write", "resources": ["urn:grantor:admin", "https://api.example.com"] });
    let shared = format!("Bearer {}", token(&server, "both", client).await);
    assert_eq!(with_bearer(&server, "GET", "/v1/domain", &shared).await.status, 401);
}

#[tokio::test]
async fn monitors_need_no_key() {
    let server = Server::start().await;
    for path in ["/livez", "/readyz", "/metrics", "/v1/openapi.json", "/v1/docs/"] {
        let request = Request::builder().uri(path).body(Body::empty()).unwrap();
        assert_eq!(server.send(request).await.status, 200, "{path}");
    }
    server.app.stop();
    let request = Request::builder().uri("/readyz").body(Body::empty()).unwrap();
    let answer = server.send(request).await;
    assert_eq!((answer.status.as_u16(), answer.header("retry-after")), (503, "1"));
}

#[tokio::test]
async fn what_is_not_there_is_a_problem() {
    let server = Server::start().await;
    let answer = server.get("/v1/nothing").await;
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (404, "application/problem+json"));
    let answer = server.delete("/v1/domain").await;
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (405, "application/problem+json"));
    assert!(answer.header("allow").contains("GET"), "{:?}", answer.headers);
    assert!(!answer.header("x-request-id").is_empty());
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
}
