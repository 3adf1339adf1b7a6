//! Certificates as credentials (RFC 8705 §2).

use crate::Server;
use crate::pki::Ca;
use grantor_core::x509::ClientCertificate;
use serde_json::{Value, json};

const CREDENTIALS: &str = "/v1/domain/default/client/svc/credential";

#[tokio::test]
async fn rfc8705_s2_2_a_certificate_is_kept_as_its_thumbprint() {
    let (server, ca) = (Server::with_client().await, Ca::new());
    let pem = ca.issue("svc");
    let thumbprint = ClientCertificate::from_pem(pem.as_bytes()).unwrap().x5t_s256().to_owned();
    let made = server.post(CREDENTIALS, json!({ "certificate": pem })).await.expect(201);
    assert_eq!((&made["type"], &made["x5t#S256"]), (&json!("certificate"), &json!(thumbprint)));
    assert_eq!((&made["label"], &made["secret"]), (&json!("CN=svc"), &Value::Null));
    assert_eq!(made["expires_at"], 3_786_912_001_i64, "a second after the certificate's own end");
    let by_thumbprint = json!({ "type": "certificate", "x5t#S256": thumbprint, "label": "the same" });
    let made = server.put(&format!("{CREDENTIALS}/main"), by_thumbprint).await.expect(201);
    assert_eq!((&made["x5t#S256"], &made["expires_at"]), (&json!(thumbprint), &Value::Null));
    server.put(&format!("{CREDENTIALS}/main"), json!({ "certificate": pem })).await.expect(200);
    let another = server.put(&format!("{CREDENTIALS}/main"), json!({ "certificate": ca.issue("svc") })).await;
    assert_eq!(another.status, 409, "another certificate is another credential");
}

#[tokio::test]
async fn rfc8705_s2_1_2_a_name_is_one_of_five() {
    let server = Server::with_client().await;
    for (member, value) in [
        ("tls_client_auth_subject_dn", "CN=svc,O=Example"),
        ("tls_client_auth_san_dns", "svc.example.com"),
        ("tls_client_auth_san_uri", "spiffe://example.org/svc"),
        ("tls_client_auth_san_ip", "2001:db8::7"),
        ("tls_client_auth_san_email", "svc@example.com"),
    ] {
        let made = server.post(CREDENTIALS, json!({ member: value })).await.expect(201);
        assert_eq!((&made["type"], &made[member]), (&json!("tls_client_auth"), &json!(value)));
        let one = format!("{CREDENTIALS}/{}", made["id"].as_str().unwrap());
        assert_eq!(server.get(&one).await.expect(200)[member], value);
        server.put(&one, json!({ member: value, "label": "x" })).await.expect(200);
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_certificate_names_its_member() {
    let (server, ca) = (Server::with_client().await, Ca::new());
    for (body, named) in [
        (json!({ "certificate": "MIIB" }), "certificate: there is no certificate in it"),
        (json!({ "certificate": "-----BEGIN PRIVATE KEY-----" }), "private key, which stays with its owner"),
        (json!({ "certificate": ca.issue_until("svc", 2024).0 }), "certificate: its end"),
        (json!({ "x5t#S256": "AB:CD" }), "x5t#S256: the SHA-256"),
        (json!({ "type": "certificate" }), "needs certificate or x5t#S256"),
        (json!({ "type": "tls_client_auth" }), "needs one of tls_client_auth_subject_dn"),
        (json!({ "type": "tls" }), "type: 'tls' is not known"),
        (json!({ "type": "jwks", "x5t#S256": "x" }), "which makes certificate"),
        (json!({ "tls_client_auth_san_dns": "*.example.com" }), "tls_client_auth_san_dns: "),
        (json!({ "tls_client_auth_san_ip": "localhost" }), "tls_client_auth_san_ip: "),
        (json!({ "tls_client_auth_san_dns": "a.example", "tls_client_auth_subject_dn": "CN=a" }), "one source"),
        (json!({ "tls_client_auth_san_dns": "a.example", "secret": "x" }), "one source"),
    ] {
        let answer = server.post(CREDENTIALS, body.clone()).await;
        assert_eq!(answer.status, 400, "{body}");
        assert!(answer.text.contains(named), "{body}: {}", answer.text);
    }
    assert_eq!(server.get(CREDENTIALS).await.expect(200)["items"], json!([]));
}

const TEST: &str = "/v1/domain/default/test-certificate";

/// A server with a CA, and clients of it: `svc` by its DNS name, `off` likewise but disabled, `own` by its very certificate,
/// `basic` with secrets alone.
async fn with_clients(ca: &Ca, own: &str) -> Server {
    let server = Server::with_client().await;
    server.put("/v1/domain/default", json!({ "trust_anchors": [ca.pem] })).await.expect(200);
    for (client_id, methods, credential) in [
        ("svc", json!(["tls_client_auth"]), json!({ "tls_client_auth_san_dns": "svc.example.com" })),
        ("off", json!(["tls_client_auth"]), json!({ "tls_client_auth_san_dns": "svc.example.com" })),
        ("own", json!(["self_signed_tls_client_auth"]), json!({ "certificate": own })),
        ("basic", json!(["client_secret_basic"]), json!({})),
        ("published", json!(["self_signed_tls_client_auth"]), json!({ "jwks_uri": "https://keys.example.com/" })),
    ] {
        let client = format!("/v1/domain/default/client/{client_id}");
        let body = json!({ "token_endpoint_auth_methods": methods, "enabled": client_id != "off" });
        assert!(server.put(&client, body).await.status.is_success());
        server.post(&format!("{client}/credential"), credential).await.expect(201);
    }
    server
}

#[tokio::test]
async fn a_certificate_is_held_against_all_clients() {
    let ca = Ca::new();
    let server = with_clients(&ca, &ca.issue("own")).await;
    let tested = server.post(TEST, json!({ "certificate": ca.issue("svc") })).await.expect(200);
    assert_eq!(tested["trusted"], true);
    assert_eq!(
        (&tested["subject"], &tested["alternative_names"]),
        (&json!("CN=svc"), &json!(["DNS name svc.example.com"]))
    );
    let matches = tested["matches"].as_array().unwrap();
    assert_eq!(matches.len(), 1, "{tested}");
    assert_eq!((&matches[0]["client_id"], &matches[0]["method"]), (&json!("svc"), &json!("tls_client_auth")));
    let reasons: Vec<_> = (tested["near_misses"].as_array().unwrap().iter())
        .map(|miss| (miss["client_id"].as_str().unwrap(), miss["reason"].as_str().unwrap()))
        .collect();
    assert_eq!(
        reasons,
        [("off", "client_disabled"), ("published", "not_fetched"), ("own", "certificate_no_match")],
        "{tested}"
    );
    assert_eq!((&tested["clients"], &tested["left_off"]), (&json!(4), &json!(0)), "`basic` is no business of it");
}

#[tokio::test]
async fn a_certificate_of_another_ca_is_said_to_be_so() {
    let (ca, other) = (Ca::new(), Ca::new());
    let server = with_clients(&ca, &other.issue("own")).await;
    let tested = server.post(TEST, json!({ "certificate": other.issue("svc"), "client_id": "svc" })).await.expect(200);
    assert_eq!((&tested["trusted"], &tested["matches"], &tested["clients"]), (&json!(false), &json!([]), &json!(1)));
    assert_eq!(tested["trust_problem"]["reason"], "certificate_signature");
    assert_eq!(tested["near_misses"][0]["reason"], "certificate_signature");
    let basic = server.post(TEST, json!({ "certificate": other.issue("svc"), "client_id": "basic" })).await.expect(200);
    assert_eq!(basic["near_misses"][0]["reason"], "auth_method_not_registered");
    assert_eq!(server.post(TEST, json!({ "certificate": ca.pem, "client_id": "nobody" })).await.status, 404);
    for bad in [json!({}), json!({ "certificate": "x" }), json!({ "certificate": ca.pem, "x": 1 })] {
        assert_eq!(server.post(TEST, bad).await.status, 400);
    }
    assert_eq!(server.post("/v1/domain/none/test-certificate", json!({ "certificate": ca.pem })).await.status, 404);
}

#[tokio::test]
async fn only_so_much_is_told_of_many() {
    let ca = Ca::new();
    let server = with_clients(&ca, &ca.issue("own")).await;
    for n in 0..25 {
        let client = format!("/v1/domain/default/client/many-{n}");
        server.put(&client, json!({ "token_endpoint_auth_methods": ["tls_client_auth"] })).await.expect(201);
        let name = json!({ "tls_client_auth_san_dns": format!("many-{n}.example.com") });
        server.post(&format!("{client}/credential"), name).await.expect(201);
    }
    let tested = server.post(TEST, json!({ "certificate": ca.issue("svc") })).await.expect(200);
    assert_eq!(tested["matches"].as_array().unwrap().len(), 1);
    assert_eq!(tested["near_misses"].as_array().unwrap().len(), 20);
    assert_eq!((&tested["near_misses"][0]["client_id"], &tested["left_off"]), (&json!("off"), &json!(8)));
}
