use crate::Server;
use crate::pki::Ca;
use axum::body::Body;
use axum::http::Request;
use grantor::http::admin::{members_of, openapi, reference_page};
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn description() -> Value {
    serde_json::to_value(openapi()).unwrap()
}

#[test]
fn the_description_is_a_contract() {
    let mut description = description();
    description["info"]["version"] = "of the crate".into();
    insta::assert_json_snapshot!("openapi", description);
}

#[test]
fn the_reference_page_is_up_to_date() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/admin-api.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path, reference_page()).unwrap();
    }
    let page = std::fs::read_to_string(path).unwrap();
    assert!(
        page == reference_page(),
        "docs/reference/admin-api.md is out of date; run: UPDATE_DOCS=1 cargo test -p grantor --test admin_api"
    );
}

/// Each described operation is routed: without a key it asks for one, and with one it knows the method.
#[tokio::test]
async fn what_is_described_is_served() {
    let server = Server::start().await;
    let mut operations = 0;
    for (path, methods) in description()["paths"].as_object().unwrap() {
        let filled = path.replace("{domain}", "default").replace(['{', '}'], "");
        for (method, operation) in methods.as_object().unwrap() {
            operations += 1;
            let request =
                Request::builder().method(method.to_uppercase().as_str()).uri(&filled).body(Body::empty()).unwrap();
            let open = operation["security"].is_null();
            assert_eq!(server.send(request).await.status.as_u16(), if open { 200 } else { 401 }, "{method} {path}");
            let answer = server.call(&method.to_uppercase(), &filled, &[], None).await;
            assert_ne!(answer.status, 405, "{method} {path}");
        }
    }
    assert!(operations > 25);
}

/// The described members are those that are really shown and taken.
#[tokio::test]
async fn the_schemas_are_true() {
    let server = Server::with_api().await;
    let ca = Ca::new();
    let domain = json!({
        "issuer": "https://acme.example.com", "sandbox": true, "access_token_lifetime_s": 60,
        "trust_anchors": [ca.pem], "crls": [ca.crl()]
    });
    let resource = json!({
        "identifier": "https://x.example", "scope": "a", "access_token_format": "opaque",
        "access_token_signing_alg": "EdDSA", "access_token_lifetime_s": 60, "sender_constraint": "any"
    });
    let client = json!({
        "client_name": "x", "enabled": false, "token_endpoint_auth_methods": ["client_secret_post"],
        "grant_types": ["client_credentials"], "scope": "read", "default_scope": "read",
        "resources": ["https://api.example.com"], "default_resource": "https://api.example.com",
        "access_token_lifetime_s": 60, "claims": { "a": 1 }, "introspect_resources": ["https://api.example.com"],
        "introspect_any": true, "allow_unencoded_basic": true, "allow_token_endpoint_audience": true,
        "token_endpoint_auth_signing_alg": "ES256", "tls_client_certificate_bound_access_tokens": true,
        "dpop_bound_access_tokens": true
    });
    for (path, body, taken, shown) in [
        ("/v1/domain/acme", domain, "DomainBody", "Domain"),
        ("/v1/domain/default/resource/x", resource, "ResourceBody", "Resource"),
        ("/v1/domain/default/client/full", client, "ClientBody", "Client"),
    ] {
        assert_eq!(names(&body), members_of(taken).into_iter().collect(), "{taken}: the example must be full");
        let made = server.put(path, body).await.expect(201);
        assert_eq!(names(&made), members_of(shown).into_iter().collect(), "{shown}");
    }
    let credential =
        server.post("/v1/domain/default/client/full/credential", json!({ "label": "x" })).await.expect(201);
    let described: BTreeSet<String> = members_of("CredentialView").into_iter().chain(["secret".into()]).collect();
    assert!(names(&credential).is_subset(&described), "{credential}");
}

#[tokio::test]
async fn what_a_client_shows_besides_is_described() {
    let server = Server::with_client().await;
    let svc = "/v1/domain/default/client/svc";
    server.put(svc, json!({ "allow_unencoded_basic": true })).await.expect(200);
    server.post(&format!("{svc}/credential"), json!({ "secret": "chosen elsewhere" })).await.expect(201);
    let shown = server.get(svc).await.expect(200);
    let besides: BTreeSet<String> =
        members_of("ClientView").into_iter().filter(|name| !members_of("Client").contains(name)).collect();
    assert_eq!(besides.len(), 3);
    assert!(besides.is_subset(&names(&shown)), "{shown}");
    assert!(names(&shown).is_subset(&members_of("ClientView").into_iter().collect()), "{shown}");
}

fn names(object: &Value) -> BTreeSet<String> {
    object.as_object().unwrap().keys().cloned().collect()
}
