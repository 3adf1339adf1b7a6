//! Where clients with certificates are told to go, and that they are served there (RFC 8705 §5).

use crate::call::Call;
use crate::common::{CLIENT, ISSUER, TestApp, test_app};
use grantor::store::Precondition;
use grantor_core::domain::DomainSettings;
use serde_json::json;

const METADATA: &str = "/.well-known/oauth-authorization-server";

/// With a domain below the server's issuer, `acme`, and one at a host of its own, `other`.
async fn start(settings: &[(&str, &str)]) -> TestApp {
    let app = TestApp::start(settings).await;
    for (name, issuer) in [("acme", None), ("other", Some("https://login.other.example/x".into()))] {
        let settings = DomainSettings { issuer, ..DomainSettings::default() };
        app.admin().put_domain(name, &settings, Precondition::None).await.unwrap();
    }
    app
}

async fn assert_aliases(app: &TestApp, host: &str, path: &str, issuer: &str, base: &str) {
    let document = app.call(Call::get(&format!("{path}{METADATA}")).host(host)).await.ok().json();
    assert_eq!(document["issuer"], issuer);
    let endpoints = json!({
        "token_endpoint": format!("{base}/connect/token"),
        "introspection_endpoint": format!("{base}/connect/introspect"),
        "revocation_endpoint": format!("{base}/connect/revocation"),
    });
    assert_eq!(document["mtls_endpoint_aliases"], endpoints);
    // The ordinary ones stay what they are.
    assert_eq!(document["token_endpoint"], format!("{issuer}/connect/token"));
}

#[tokio::test]
async fn rfc8705_s5_no_aliases_where_nothing_asks_for_certificates() {
    let app = test_app().await;
    let document = app.call(Call::get(METADATA)).await.ok().json();
    assert_eq!(document.get("mtls_endpoint_aliases"), None);
}

#[tokio::test]
async fn rfc8705_s5_aliases_are_below_the_url_that_is_set() {
    let app = start(&[("mtls.url", "https://mtls.example.com:8443/m")]).await;
    let (host, base) = ("mtls.example.com:8443", "https://mtls.example.com:8443/m");
    for (host, path) in [("auth.example.com", ""), (host, "/m")] {
        assert_aliases(&app, host, path, ISSUER, base).await;
    }
    for (host, path) in [("auth.example.com", "/acme"), (host, "/m/acme")] {
        assert_aliases(&app, host, path, &format!("{ISSUER}/acme"), &format!("{base}/acme")).await;
    }
    for (host, path) in [("login.other.example", "/x"), (host, "/m/other")] {
        assert_aliases(&app, host, path, "https://login.other.example/x", &format!("{base}/other")).await;
    }
    // RFC 8414 §3.1 puts the well-known part before the path, there as well.
    let call = Call::get(&format!("{METADATA}/m/acme")).host(host);
    assert_eq!(app.call(call).await.ok().json()["issuer"], format!("{ISSUER}/acme"));
    let token = Call::post("/m/connect/token", "grant_type=client_credentials").basic(CLIENT, &app.secret).host(host);
    app.call(token).await.ok().access_token();
}

#[tokio::test]
async fn rfc8705_s5_aliases_have_the_port_of_the_listener() {
    // Nothing reads it here.
    let pem = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let tls = [("listen.mtls", "127.0.0.1:8443"), ("tls.certificate", pem), ("tls.key", pem)];
    let app = start(&tls).await;
    for (host, path, issuer, base) in [
        ("auth.example.com", "", ISSUER.to_owned(), "https://auth.example.com:8443"),
        ("auth.example.com", "/acme", format!("{ISSUER}/acme"), "https://auth.example.com:8443/acme"),
        ("login.other.example", "/x", "https://login.other.example/x".into(), "https://login.other.example:8443/x"),
    ] {
        for host in [host.to_owned(), format!("{host}:8443")] {
            assert_aliases(&app, &host, path, &issuer, base).await;
        }
    }
    // With the URL set, the port is of no importance.
    let mut settings = vec![("mtls.url", "https://mtls.example.com")];
    settings.extend(tls);
    let app = start(&settings).await;
    assert_aliases(&app, "auth.example.com", "", ISSUER, "https://mtls.example.com").await;
}
