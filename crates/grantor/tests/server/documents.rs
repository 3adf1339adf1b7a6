//! Metadata and key set (RFC 8414, RFC 7517): where they are, how long they may be kept, who may read them.

use crate::call::Call;
use crate::common::{ISSUER, test_app};
use std::collections::HashSet;

const DOCUMENTS: [&str; 3] =
    ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration", "/.well-known/jwks.json"];

#[tokio::test]
async fn rfc8414_s3_both_documents_say_the_same() {
    let app = test_app().await;
    let one = app.call(Call::get(DOCUMENTS[0])).await.ok();
    let two = app.call(Call::get(DOCUMENTS[1])).await.ok();
    assert_eq!(one.body, two.body);
    let document = one.json();
    assert_eq!(document["issuer"], ISSUER);
    assert_eq!(document["token_endpoint"], format!("{ISSUER}/connect/token"));
    // What it names is there.
    for (name, url) in document.as_object().unwrap() {
        if let Some(path) = url.as_str().filter(|_| name != "issuer").and_then(|url| url.strip_prefix(ISSUER)) {
            assert_ne!(app.call(Call::get(path)).await.status, 404, "{name}");
        }
    }
}

#[tokio::test]
async fn rfc9110_s13_1_2_a_document_that_is_known_is_not_sent_again() {
    let app = test_app().await;
    for path in DOCUMENTS {
        let answered = app.call(Call::get(path)).await.ok();
        let etag = answered.header("etag").to_owned();
        assert!(etag.starts_with('"') && etag.ends_with('"') && etag.len() > 10);
        assert_eq!(answered.header("cache-control"), "public, max-age=900");
        assert_eq!(answered.header("content-type"), "application/json");
        assert_eq!(answered.header("x-content-type-options"), "nosniff");
        for known in [etag.clone(), format!("W/{etag}"), format!("\"x\", {etag}"), "*".into()] {
            let answered = app.call(Call::get(path).header("if-none-match", &known)).await;
            assert_eq!((answered.status, answered.body.len()), (304, 0), "{known}");
            assert_eq!(answered.header("etag"), etag);
            assert_eq!(answered.header("cache-control"), "public, max-age=900");
        }
        for other in ["\"x\"", "x", etag.trim_matches('"'), ""] {
            assert_eq!(app.call(Call::get(path).header("if-none-match", other)).await.status, 200, "{other}");
        }
        assert_eq!(app.call(Call::new("HEAD", path)).await.header("etag"), etag);
    }
}

#[tokio::test]
async fn the_key_sets_tag_changes_with_it() {
    let app = test_app().await;
    let before = app.call(Call::get(DOCUMENTS[2])).await;
    app.admin().rotate_keys("default").await.unwrap();
    let after = app.call(Call::get(DOCUMENTS[2]).header("if-none-match", before.header("etag"))).await;
    assert_eq!(after.status, 200);
    assert_ne!(after.body, before.body);
}

#[tokio::test]
async fn browsers_may_read_these_three_and_nothing_else() {
    let app = test_app().await;
    for path in DOCUMENTS {
        let answered = app.call(Call::get(path).header("origin", "https://spa.example.com")).await;
        assert_eq!(answered.header("access-control-allow-origin"), "*");
        assert_eq!(answered.header("access-control-allow-credentials"), "");
        let preflight = app.call(Call::new("OPTIONS", path).header("origin", "https://spa.example.com")).await;
        assert_eq!((preflight.status, preflight.header("access-control-allow-methods")), (204, "GET, HEAD"));
    }
    for path in ["/connect/token", "/connect/introspect", "/connect/revocation", "/livez", "/readyz", "/nothing"] {
        for method in ["GET", "POST", "OPTIONS"] {
            let call = Call::new(method, path).header("origin", "https://spa.example.com");
            let answered = app.call(call.header("access-control-request-method", "POST")).await;
            for name in ["access-control-allow-origin", "access-control-allow-methods", "access-control-allow-headers"]
            {
                assert_eq!(answered.header(name), "", "{method} {path}");
            }
        }
    }
}

#[tokio::test]
async fn other_methods_are_named() {
    let app = test_app().await;
    for path in DOCUMENTS {
        let answered = app.call(Call::new("POST", path)).await;
        assert_eq!((answered.status, answered.header("allow")), (405, "GET, HEAD, OPTIONS"), "{path}");
    }
    let answered = app.call(Call::new("POST", "/livez")).await;
    assert_eq!((answered.status, answered.header("allow")), (405, "GET, HEAD"));
    for path in [
        "/",
        "/nothing",
        "/connect",
        "/connect/token/",
        "/connect/TOKEN",
        "//connect/token",
        "/connect/token/x",
        "/.well-known/oauth-authorization-server/",
        "/.well-known/oauth-authorization-server/nobody",
        "/.well-known",
    ] {
        let answered = app.call(Call::get(path)).await;
        assert_eq!(answered.status, 404, "{path}");
        assert_eq!(answered.header("content-type"), "application/json");
        assert_eq!(answered.header("x-request-id").len(), 16);
    }
}

#[tokio::test]
async fn rfc7517_s5_public_members_and_nothing_else() {
    let app = test_app().await;
    for (name, alg) in [("rsa", "RS256"), ("ed", "EdDSA"), ("p384", "ES384")] {
        let resource = grantor_core::resource::Resource {
            access_token_signing_alg: alg.parse().unwrap(),
            ..crate::common::resource(&format!("https://{name}"), "read")
        };
        app.admin().put_resource("default", name, &resource, grantor::store::Precondition::None).await.unwrap();
    }
    app.admin().rotate_keys("default").await.unwrap();
    let set = app.call(Call::get(DOCUMENTS[2])).await.json();
    assert_eq!(set.as_object().unwrap().len(), 1);
    let keys = set["keys"].as_array().unwrap();
    assert_eq!(keys.len(), 8, "two of each algorithm, and none of opaque tokens");
    let mut kids = HashSet::new();
    for key in keys {
        let expected: &[&str] = match key["kty"].as_str().unwrap() {
            "EC" => &["alg", "crv", "kid", "kty", "use", "x", "y"],
            "OKP" => &["alg", "crv", "kid", "kty", "use", "x"],
            "RSA" => &["alg", "e", "kid", "kty", "n", "use"],
            other => panic!("{other}"),
        };
        let mut members: Vec<_> = key.as_object().unwrap().keys().map(String::as_str).collect();
        members.sort_unstable();
        assert_eq!(members, expected);
        assert_eq!(key["use"], "sig");
        assert!(kids.insert(key["kid"].as_str().unwrap()));
    }
}
