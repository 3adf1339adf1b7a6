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
        (json!({ "certificate": ca.issue_until("svc", 2024) }), "certificate: its end"),
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
