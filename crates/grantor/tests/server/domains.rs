//! Domains, by path and by host. The issuer comes from configuration, never from a request.

use crate::call::Call;
use crate::common::{API, CLIENT, ISSUER, TestApp, metadata, resource, test_app};
use grantor::store::Precondition;
use grantor_core::domain::DomainSettings;
use grantor_core::jose::UnverifiedJws;

async fn with_domain(app: &TestApp, name: &str, issuer: Option<&str>) -> String {
    let settings = DomainSettings { issuer: issuer.map(str::to_owned), ..DomainSettings::default() };
    app.admin().put_domain(name, &settings, Precondition::None).await.unwrap();
    app.admin().put_resource(name, "api", &resource(API, "read write"), Precondition::None).await.unwrap();
    let metadata = grantor_core::client::ClientMetadata { introspect_any: true, ..metadata(&[API]) };
    app.client_in(name, CLIENT, &metadata).await
}

fn issuer(token: &str) -> String {
    let claims = UnverifiedJws::parse(token).unwrap().unverified_claims().unwrap();
    claims.opt_str("iss").unwrap().unwrap().to_owned()
}

#[tokio::test]
async fn a_domain_answers_under_its_path() {
    let app = test_app().await;
    let secret = with_domain(&app, "acme", None).await;
    let path = |path: &str| format!("/acme{path}");
    let call = Call::post(&path("/connect/token"), "grant_type=client_credentials").basic(CLIENT, &secret);
    let token = app.call(call).await.ok().access_token();
    assert_eq!(issuer(&token), format!("{ISSUER}/acme"));
    for place in [
        "/acme/.well-known/oauth-authorization-server",
        "/acme/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server/acme",
        "/.well-known/openid-configuration/acme",
    ] {
        let document = app.call(Call::get(place)).await.ok().json();
        assert_eq!(document["issuer"], format!("{ISSUER}/acme"), "{place}");
        assert_eq!(document["jwks_uri"], format!("{ISSUER}/acme/.well-known/jwks.json"));
    }
    assert_eq!(app.call(Call::get("/acmex/.well-known/jwks.json")).await.status, 404);
    assert_eq!(app.call(Call::get("/ACME/.well-known/jwks.json")).await.status, 404);
}

#[tokio::test]
async fn domains_share_nothing() {
    let app = test_app().await;
    let secret = with_domain(&app, "acme", None).await;
    // The same name, another secret.
    let here = Call::token("").basic(CLIENT, &secret);
    app.call(here).await.refused(401, "invalid_client");
    let there = Call::post("/acme/connect/token", "grant_type=client_credentials");
    app.call(there.clone().basic(CLIENT, &app.secret)).await.refused(401, "invalid_client");
    // Other keys, so each one's tokens mean nothing to the other.
    let ours = app.jwks("/.well-known/jwks.json").await;
    let theirs = app.jwks("/acme/.well-known/jwks.json").await;
    assert!(ours.iter().all(|(kid, _)| theirs.iter().all(|(other, _)| kid != other)));
    let token = app.call(there.basic(CLIENT, &secret)).await.ok().access_token();
    assert!(!app.introspects_as_active(&token).await);
    let introspect =
        |token: &str| Call::post("/acme/connect/introspect", format!("token={token}")).basic(CLIENT, &secret);
    assert!(app.call(introspect(&token)).await.is_active());
    assert!(!app.call(introspect(&app.client_token(API).await)).await.is_active());
    // Revoking everything of one's client leaves the namesake alone.
    let ours = app.client_token(API).await;
    app.admin().revoke_tokens("acme", CLIENT).await.unwrap();
    assert!(!app.call(introspect(&token)).await.is_active());
    assert!(app.introspects_as_active(&ours).await);
}

#[tokio::test]
async fn a_domain_answers_at_its_host() {
    let app = test_app().await;
    let secret = with_domain(&app, "acme", Some("https://login.acme.example")).await;
    for host in ["login.acme.example", "LOGIN.acme.example", "login.acme.example:443"] {
        let call = Call::token("").basic(CLIENT, &secret).host(host);
        assert_eq!(issuer(&app.call(call).await.ok().access_token()), "https://login.acme.example", "{host}");
    }
    for host in ["login.acme.example:8443", "acme.example", "x.login.acme.example"] {
        let call = Call::token("").basic(CLIENT, &secret).host(host);
        app.call(call).await.refused(401, "invalid_client");
    }
    assert_eq!(app.call(Call::get("/acme/.well-known/jwks.json")).await.status, 404);
}

#[tokio::test]
async fn a9_the_issuer_is_never_the_host_that_was_asked() {
    // Whoever is no proxy may not even say so.
    let app = TestApp::start(&[("proxy.trusted", "192.0.2.1")]).await;
    for host in ["evil.example", "127.0.0.1:8080", "auth.example.com.evil.example", "auth.example.com"] {
        let mut get = Call::get("/.well-known/oauth-authorization-server").host(host);
        let mut post = Call::token("").basic(CLIENT, &app.secret).host(host);
        for (name, value) in [
            ("x-forwarded-host", "evil.example"),
            ("x-forwarded-proto", "http"),
            ("x-forwarded-port", "1"),
            ("x-forwarded-prefix", "/evil"),
            ("forwarded", "host=evil.example;proto=http"),
            ("x-original-url", "/evil"),
            ("x-host", "evil.example"),
        ] {
            (get, post) = (get.header(name, value), post.header(name, value));
        }
        let document = app.call(get).await.ok();
        assert_eq!(document.json()["issuer"], ISSUER);
        assert!(!std::str::from_utf8(&document.body).unwrap().contains("evil"));
        assert_eq!(issuer(&app.call(post).await.ok().access_token()), ISSUER);
    }
}

#[tokio::test]
async fn a_domain_may_be_named_like_an_endpoint() {
    let app = test_app().await;
    for name in ["connect", "livez", "token"] {
        let secret = with_domain(&app, name, None).await;
        let call = Call::post(&format!("/{name}/connect/token"), "grant_type=client_credentials");
        let token = app.call(call.basic(CLIENT, &secret)).await.ok().access_token();
        assert_eq!(issuer(&token), format!("{ISSUER}/{name}"));
    }
    assert_eq!(issuer(&app.client_token(API).await), ISSUER);
    assert_eq!(app.call(Call::get("/livez")).await.status, 200);
}

#[tokio::test]
async fn a_deleted_domain_is_gone_with_all_it_had() {
    let app = test_app().await;
    let secret = with_domain(&app, "acme", None).await;
    let call = || Call::post("/acme/connect/token", "grant_type=client_credentials").basic(CLIENT, &secret);
    let token = app.call(call()).await.ok().access_token();
    let jwks = app.jwks("/acme/.well-known/jwks.json").await;
    app.admin().delete_domain("acme", true, Precondition::None).await.unwrap();
    assert_eq!(app.call(call()).await.status, 404);
    // One of the same name is another one: other keys, no clients, and the old tokens mean nothing.
    app.admin().put_domain("acme", &DomainSettings::default(), Precondition::Absent).await.unwrap();
    app.call(call()).await.refused(401, "invalid_client");
    let new = app.jwks("/acme/.well-known/jwks.json").await;
    assert!(jwks.iter().all(|(kid, _)| new.iter().all(|(other, _)| kid != other)));
    let secret = with_domain(&app, "acme", None).await;
    let introspect =
        |token: &str| Call::post("/acme/connect/introspect", format!("token={token}")).basic(CLIENT, &secret);
    assert!(!app.call(introspect(&token)).await.is_active());
    let app = app.reopen().await;
    assert_eq!(app.jwks("/acme/.well-known/jwks.json").await, new);
}

#[tokio::test]
async fn a_domains_lifetime_goes_before_the_servers() {
    let app = TestApp::start(&[("token.lifetime_s", "100"), ("token.lifetime_max_s", "1000")]).await;
    assert_eq!(app.call_as_client(Call::token("")).await.ok().json()["expires_in"], 100);
    for (wanted, given) in [(200, 200), (5000, 1000)] {
        let settings = DomainSettings { access_token_lifetime_s: Some(wanted), ..DomainSettings::default() };
        app.admin().put_domain("default", &settings, Precondition::None).await.unwrap();
        assert_eq!(app.call_as_client(Call::token("")).await.ok().json()["expires_in"], given);
    }
}
