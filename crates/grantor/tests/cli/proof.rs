//! Keys and certificates on the command line: registering them, testing them, getting tokens with them.

use crate::pki::Ca;
use crate::support::Server;
use serde_json::{Value, json};
use std::fs;

/// A new private key, in PEM.
fn key() -> String {
    rcgen::KeyPair::generate().unwrap().serialize_pem()
}

#[test]
fn keys_and_certificates_are_registered_by_flags() {
    let (server, ca) = (Server::start(), Ca::new());
    let private = key();
    let certificate = ca.issue("svc");
    for (file, text) in [("key.pem", &private), ("cert.pem", &certificate), ("ca.pem", &ca.pem), ("ca.crl", &ca.crl())]
    {
        fs::write(server.path(file), text).unwrap();
    }
    let made = server.run("client create svc --auth-method private_key_jwt").ok();
    assert!(made.stderr.contains("Next: grantor credential create svc --jwks FILE"), "{made:?}");
    assert!(!made.stdout.contains("client_secret "), "{made:?}");

    let made = server.run("credential create svc --jwks key.pem --id k").ok();
    assert!(!made.stderr.contains("may not use it yet"), "{made:?}");
    let shown = server.run("credential show svc k --format json").ok().json();
    let public = &shown["jwks"]["keys"][0];
    assert_eq!((&shown["type"], &public["kty"], &public["d"]), (&json!("jwks"), &json!("EC"), &Value::Null));
    let listed = server.run("credential list svc").ok();
    assert!(listed.stdout.contains(public["kid"].as_str().unwrap()), "{listed:?}");

    let made = server.run("credential create svc --certificate cert.pem --id c").ok();
    let step = "grantor client update svc --auth-method private_key_jwt --auth-method self_signed_tls_client_auth";
    assert!(made.stderr.contains(step) && made.stdout.contains("CN=svc"), "{made:?}");
    let made = server.run("credential create svc --san-dns svc.example.com --id n").ok();
    assert!(made.stderr.contains("grantor domain update default --trust-anchors FILE"), "{made:?}");
    let made = server.run("credential create svc --hmac-secret --format json").ok().json();
    assert_eq!(made["type"], "hmac_secret");
    assert!(made["secret"].as_str().unwrap().len() >= 32);

    server.run("credential create svc --jwks key.pem --san-dns a").wrong_usage();
    server.run("credential create svc --hmac-secret --jwks key.pem").wrong_usage();
    let wrong = server.run("credential create svc --certificate key.pem").failed();
    assert!(wrong.stderr.contains("private key, which stays with its owner"), "{wrong:?}");
    let wrong = server.run("credential create svc --jwks cert.pem").failed();
    assert!(wrong.stderr.contains("no public key"), "{wrong:?}");
    let wrong = server.run("credential create svc --san-ip svc.example.com").failed();
    assert!(wrong.stderr.contains("tls_client_auth_san_ip"), "{wrong:?}");

    server.run("domain update default --trust-anchors ca.pem --crls ca.crl").ok();
    let domain = server.run("domain show default --format json").ok().json();
    assert_eq!(domain["trust_anchors"], json!([ca.pem]));
    server.run("domain update default --unset trust-anchors").failed();
    server.run("domain update default --unset trust-anchors --unset crls").ok();
}

#[test]
fn a_certificate_is_tested_from_its_file() {
    let (server, ca) = (Server::start(), Ca::new());
    for (file, text) in [("cert.pem", &ca.issue("svc")), ("other.pem", &Ca::new().issue("svc")), ("ca.pem", &ca.pem)] {
        fs::write(server.path(file), text).unwrap();
    }
    let none = server.run("credential test-certificate cert.pem");
    assert_eq!(none.code, 1);
    assert!(none.stdout.contains("No client of this domain has a credential for certificates"), "{none:?}");

    server.run("client create svc --auth-method tls_client_auth").ok();
    server.run("credential create svc --san-dns svc.example.com --id n").ok();
    let untrusted = server.run("credential test-certificate cert.pem");
    assert_eq!(untrusted.code, 1);
    for part in ["trust_anchors_missing", "domain 'default' has no trust anchors", "--trust-anchors FILE"] {
        assert!(untrusted.stdout.contains(part), "{part}: {untrusted:?}");
    }
    server.run("domain update default --trust-anchors ca.pem").ok();
    let good = server.run("credential test-certificate cert.pem").ok();
    for part in ["CN=svc", "svc.example.com", "Is let in as client 'svc', by tls_client_auth, with credential n."] {
        assert!(good.stdout.contains(part), "{part}: {good:?}");
    }
    let other = server.run("credential test-certificate other.pem --client svc --format json");
    assert_eq!(other.code, 1);
    assert_eq!(other.json()["near_misses"][0]["reason"], "certificate_signature");
}

/// The claims of a JWT, unverified.
fn claims(token: &str) -> Value {
    let part = token.trim().split('.').nth(1).unwrap();
    serde_json::from_slice(&grantor_core::jose::b64url_decode(part).unwrap()).unwrap()
}

const API: &str = "https://api.example.com";

#[test]
fn rfc7523_s2_2_a_token_by_a_key_alone() {
    let server = Server::start();
    let issuer = server.text("issuer").to_owned();
    fs::write(server.path("key.pem"), key()).unwrap();
    let create = format!("client create svc --auth-method private_key_jwt --resource {API} --scope read");
    server.run(&create).ok();
    server.run("credential create svc --jwks key.pem").ok();
    let token = server.run(&format!("token --issuer {issuer} --client-id svc --key key.pem")).ok();
    assert_eq!(claims(&token.stdout)["client_id"], "svc");
    let wrong = server.run(&format!("token --issuer {issuer} --client-id svc --key key.pem --key-id other")).failed();
    assert!(wrong.stderr.contains("grantor explain"), "{wrong:?}");
    server.run(&format!("token --issuer {issuer} --client-id svc --cert key.pem")).wrong_usage();
    let none = server.run(&format!("token --issuer {issuer} --client-id svc")).wrong_usage();
    assert!(none.stderr.contains("--key FILE"), "{none:?}");
}

#[test]
fn rfc7523_s2_2_a_token_by_a_secret_that_is_never_sent() {
    let server = Server::start();
    let issuer = server.text("issuer").to_owned();
    server.run(&format!("client create svc --auth-method client_secret_jwt --resource {API} --scope read")).ok();
    let made = server.run("credential create svc --hmac-secret --format json").ok().json();
    fs::write(server.path("secret"), made["secret"].as_str().unwrap()).unwrap();
    let ask = format!("token --issuer {issuer} --client-id svc --secret file:secret");
    server.run(&format!("{ask} --auth-method client_secret_jwt")).ok();
    server.run(&ask).failed();
}

#[test]
fn rfc9449_s5_a_token_bound_to_a_dpop_key() {
    let server = Server::start();
    let ask =
        format!("token --issuer {} --client-id demo --secret file:grantor-dev/demo.secret", server.text("issuer"));
    fs::write(server.path("dpop.pem"), key()).unwrap();
    let answer = server.run(&format!("{ask} --dpop --format json")).ok();
    assert!(answer.stderr.contains("--dpop-key FILE"), "{answer:?}");
    assert_eq!(answer.json()["token_type"], "DPoP");
    let bound = |done: &str| claims(done)["cnf"]["jkt"].as_str().unwrap().to_owned();
    let kept = format!("{ask} --dpop-key dpop.pem");
    let jkt = bound(&server.run(&kept).ok().stdout);
    assert_eq!(jkt, bound(&server.run(&kept).ok().stdout), "the same key");
    let headers = server.run(&format!("{kept} --headers get {API}/x")).ok().stdout;
    let header = |name: &str| headers.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    assert_eq!(bound(header("authorization: DPoP ")), jkt);
    let proof = claims(header("dpop: "));
    assert_eq!((&proof["htm"], &proof["htu"]), (&json!("GET"), &json!(format!("{API}/x"))));
    server.run(&format!("{ask} --dpop --dpop-key dpop.pem")).wrong_usage();
}

#[test]
fn rfc8705_s2_a_token_by_a_certificate() {
    let server = Server::start_with(tempfile::tempdir().unwrap(), &["--tls"]);
    let ca = Ca::new();
    let (pem, private) = ca.issue_until("svc", 2090);
    for (file, text) in [("cert.pem", &pem), ("key.pem", &private), ("ca.pem", &ca.pem)] {
        fs::write(server.path(file), text).unwrap();
    }
    server.run("domain update default --trust-anchors ca.pem").ok();
    let create = format!("client create svc --auth-method tls_client_auth --resource {API} --scope read");
    server.run(&format!("{create} --certificate-bound-tokens")).ok();
    server.run("credential create svc --subject-dn CN=svc").ok();
    let (issuer, tls) = (server.text("issuer"), server.text("ca"));
    let ask = format!("token --issuer {issuer} --ca {tls} --client-id svc");
    let token = server.run(&format!("{ask} --cert cert.pem --key key.pem")).ok();
    assert!(claims(&token.stdout)["cnf"]["x5t#S256"].is_string());
    // Beside a secret, a certificate is there for binding.
    let demo = format!("token --issuer {issuer} --ca {tls} --client-id demo --secret file:grantor-dev/demo.secret");
    server.run("client update demo --certificate-bound-tokens").ok();
    let refused = server.run(&demo).failed();
    assert!(refused.stderr.contains("Add --cert FILE"), "{refused:?}");
    let token = server.run(&format!("{demo} --cert cert.pem --key key.pem")).ok();
    assert!(claims(&token.stdout)["cnf"]["x5t#S256"].is_string());
}

#[test]
fn allowances_that_nobody_needs_are_told() {
    let server = Server::start();
    server.run("client update demo --allow-token-endpoint-audience").ok();
    let shown = server.run("client show demo").ok();
    assert!(shown.stdout.contains("allow_token_endpoint_audience not used since 2"), "{shown:?}");
    assert_eq!(server.run("client allowances --format json").ok().json(), json!([]));
}
