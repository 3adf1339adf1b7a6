use crate::Server;
use serde_json::{Value, json};

const SVC: &str = "/v1/domain/default/client/svc";
const BCRYPT: &str = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";

fn credentials() -> String {
    format!("{SVC}/credential")
}

#[tokio::test]
async fn a_secret_is_shown_once() {
    let server = Server::with_client().await;
    let made = server.post(&credentials(), json!({ "label": "ci" })).await.expect(201);
    let secret = made["secret"].as_str().unwrap().to_owned();
    assert!(secret.starts_with("grsec"));
    let id = made["id"].as_str().unwrap();
    for path in [
        credentials(),
        format!("{}/{id}", credentials()),
        SVC.to_owned(),
        "/v1/domain/default/client".into(),
        "/v1/domain/default/change?limit=1000".into(),
    ] {
        let shown = server.get(&path).await;
        assert_eq!(shown.status, 200);
        assert!(
            !shown.text.contains(&secret) && !shown.text.contains("hmac") && !shown.text.contains("pepper"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_chosen_or_imported_secret_is_kept_slow_and_shown_as_such() {
    let server = Server::with_client().await;
    let chosen = server.post(&credentials(), json!({ "secret": "correct horse: battery staple" })).await.expect(201);
    assert_eq!(
        (&chosen["type"], &chosen["scheme"], &chosen["secret"]),
        (&json!("imported_secret"), &json!("argon2id"), &Value::Null)
    );
    let imported = server.post(&credentials(), json!({ "phc": BCRYPT })).await.expect(201);
    assert_eq!(imported["scheme"], "2a");
    let client = server.get(SVC).await.expect(200);
    assert_eq!(client["has_imported_secret"], true);
    assert!(client["hint"].as_str().unwrap().contains("rotate"));
    assert!(!server.get("/v1/domain/default/change?limit=1000").await.text.contains("$2a$"));
}

#[tokio::test]
async fn bad_credentials_are_refused() {
    let server = Server::with_client().await;
    for (body, named) in [
        (json!({ "secret": "" }), "secret"),
        (json!({ "secret": "x".repeat(1025) }), "secret"),
        (json!({ "secret": "tab\there" }), "secret"),
        (json!({ "secret": "grsec0000" }), "checksum"),
        (json!({ "phc": "md5" }), "phc"),
        (json!({ "phc": BCRYPT, "secret": "x" }), "one source"),
        (json!({ "expires_at": 1 }), "expires_at"),
        (json!({ "not_before": "tomorrow" }), "body"),
        (json!({ "lable": "x" }), "label"),
        (json!({ "label": "a\u{7}" }), "label"),
    ] {
        let answer = server.post(&credentials(), body.clone()).await;
        assert_eq!(answer.status, 400, "{body}");
        assert!(answer.text.contains(named), "{body}: {}", answer.text);
    }
    assert_eq!(server.get(&credentials()).await.expect(200)["items"], json!([]));
    assert_eq!(server.post("/v1/domain/default/client/nobody/credential", json!({})).await.status, 404);
}

#[tokio::test]
async fn put_is_idempotent_under_a_name_of_ones_own() {
    let server = Server::with_client().await;
    let main = format!("{}/main", credentials());
    let body = || json!({ "secret": "a secret of our own", "label": "main" });
    server.put(&main, body()).await.expect(201);
    let before = server.changes().await;
    server.put(&main, body()).await.expect(200);
    assert_eq!(server.changes().await, before, "the same again changes nothing");
    assert_eq!(server.put(&main, json!({ "secret": "another" })).await.status, 409);
    let far = 4_102_444_800_i64;
    let changed = server.put(&main, json!({ "expires_at": far })).await.expect(200);
    assert_eq!((&changed["expires_at"], &changed["label"]), (&json!(far), &json!("main")));
    let reset = server.put(&main, json!({ "expires_at": null })).await.expect(200);
    assert_eq!(reset["expires_at"], Value::Null);
    assert_eq!(server.put(&format!("{}/a%20b", credentials()), json!({})).await.status, 400);
}

#[tokio::test]
async fn revoking_is_at_once_and_leaves_a_record() {
    let server = Server::with_client().await;
    let id = server.post(&credentials(), json!({})).await.expect(201)["id"].as_str().unwrap().to_owned();
    let path = format!("{}/{id}", credentials());
    assert_eq!(server.post(&format!("{path}/revoke"), json!({})).await.expect(200)["status"], "revoked");
    server.post(&format!("{path}/revoke"), json!({})).await.expect(200);
    assert_eq!(server.get(&path).await.expect(200)["status"], "revoked");
    server.delete(&path).await.expect(204);
    server.get(&path).await.expect(404);
}

#[tokio::test]
async fn rotation_gives_the_old_secrets_an_end() {
    let server = Server::with_client().await;
    let old = server.post(&credentials(), json!({})).await.expect(201);
    let new = server.post(&format!("{SVC}/rotate"), json!({ "overlap_s": 3600, "label": "next" })).await.expect(201);
    assert!(new["secret"].as_str().unwrap() != old["secret"].as_str().unwrap());
    let shown = server.get(&credentials()).await.expect(200);
    let items = shown["items"].as_array().unwrap();
    let of = |id: &Value| items.iter().find(|item| item["id"] == *id).unwrap();
    assert!(of(&old["id"])["expires_at"].is_i64() && of(&old["id"])["status"] == "active");
    assert_eq!(of(&new["id"])["expires_at"], Value::Null);
    server.post(&format!("{SVC}/rotate"), json!({ "overlap_s": 0 })).await.expect(201);
    let shown = server.get(&credentials()).await.expect(200);
    let active = shown["items"].as_array().unwrap().iter().filter(|item| item["status"] == "active").count();
    assert_eq!(active, 1);
    assert_eq!(server.post(&format!("{SVC}/rotate"), json!({ "overlap": 1 })).await.status, 400);
}

#[tokio::test]
async fn keys_are_rotated_by_publishing_first() {
    let server = Server::start().await;
    let before = server.get("/v1/domain/default/key").await.expect(200);
    let after = server.post("/v1/domain/default/key/rotate", json!({})).await.expect(200);
    let status = |keys: &Value, wanted: &str| {
        keys["items"].as_array().unwrap().iter().filter(|key| key["status"] == wanted).count()
    };
    assert_eq!((status(&before, "active"), status(&after, "active"), status(&after, "pending")), (1, 1, 1));
    let again = server.post("/v1/domain/default/key/rotate", json!({})).await.expect(200);
    assert_eq!(status(&again, "pending"), 1, "a successor that is on its way is left alone");
    let replaced = server.post("/v1/domain/default/key/rotate", json!({ "compromised": true })).await.expect(200);
    let old = &before["items"][0]["kid"];
    let active = replaced["items"].as_array().unwrap().iter().find(|key| key["status"] == "active").unwrap();
    assert_ne!(active["kid"], *old);
}

#[tokio::test]
async fn rotation_makes_another_secret_of_the_same_sort() {
    let server = Server::with_client().await;
    server.post(&credentials(), json!({ "type": "hmac_secret" })).await.expect(201);
    let path = format!("{SVC}/rotate");
    let rotate = || server.post(&path, json!({ "overlap_s": 0 }));
    assert_eq!(rotate().await.expect(201)["type"], "hmac_secret");
    server.post(&credentials(), json!({})).await.expect(201);
    assert_eq!(rotate().await.expect(201)["type"], "secret");
    let shown = server.get(&credentials()).await.expect(200);
    let mut active: Vec<&str> = (shown["items"].as_array().unwrap().iter())
        .filter(|one| one["status"] == "active")
        .map(|one| one["type"].as_str().unwrap())
        .collect();
    active.sort_unstable();
    assert_eq!(active, ["hmac_secret", "secret"], "those of the other sort stay");
}

#[tokio::test]
async fn the_log_of_changes_says_which_key_was_registered() {
    let server = Server::with_client().await;
    let key = json!({ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" });
    server.post(&credentials(), json!({ "jwks": key })).await.expect(201);
    server.post(&credentials(), json!({ "tls_client_auth_san_dns": "svc.example.com" })).await.expect(201);
    let log = server.get("/v1/domain/default/change?limit=1000").await.text;
    for part in ["kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k", "svc.example.com"] {
        assert!(log.contains(part), "{part}: {log}");
    }
}
