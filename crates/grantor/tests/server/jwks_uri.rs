//! Clients that publish their keys: `jwks_uri` (RFC 7591 §2), over real TLS.

use crate::call::{Answered, Call, form};
use crate::common::{API, ISSUER, TestApp, metadata, test_app};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use grantor::admin::AdminError;
use grantor::admin::credential::{CredentialSource, NewCredential};
use grantor::clock::now_s;
use grantor::store::Precondition;
use grantor_core::client::{ClientMetadata, CredentialKind};
use grantor_core::client_auth::{CLIENT_AUTHENTICATION_JWT, JWT_BEARER, Method};
use grantor_core::domain::DEFAULT_DOMAIN;
use grantor_core::jose::{Alg, SigningKey};
use grantor_core::x509::ClientCertificate;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;

const ID: &str = "batch";

/// An https server for one document, at `localhost`.
struct Host {
    uri: String,
    ca_pem: String,
    keys: Arc<Mutex<Vec<Value>>>,
    /// Instead of the keys.
    instead: Arc<Mutex<Option<&'static str>>>,
}

impl Host {
    async fn start() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let ca_pem = params.self_signed(&key).unwrap().pem();
        let ca = Issuer::new(params, key);
        let key = KeyPair::generate().unwrap();
        let leaf = CertificateParams::new(vec!["localhost".into()]).unwrap().signed_by(&key, &ca).unwrap();
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], PrivatePkcs8KeyDer::from(key.serialize_der()).into())
            .unwrap();
        let (acceptor, listener) =
            (TlsAcceptor::from(Arc::new(config)), TcpListener::bind("127.0.0.1:0").await.unwrap());
        let uri = format!("https://localhost:{}/jwks.json", listener.local_addr().unwrap().port());
        let keys = Arc::new(Mutex::new(Vec::new()));
        let (served, instead) = (keys.clone(), Arc::new(Mutex::new(None)));
        let told = instead.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let Ok(mut stream) = acceptor.accept(stream).await else { continue };
                let _ = stream.read(&mut [0; 2048]).await;
                let body = json!({ "keys": *served.lock().unwrap() }).to_string();
                let length = body.len();
                let keys = format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}");
                let answer = told.lock().unwrap().map_or(keys, str::to_owned);
                let _ = stream.write_all(answer.as_bytes()).await;
                let _ = stream.shutdown().await;
            }
        });
        Self { uri, ca_pem, keys, instead }
    }

    /// A server that may fetch from there.
    async fn client_of(&self) -> (TestApp, tempfile::NamedTempFile) {
        self.client_with(&[]).await
    }

    async fn client_with(&self, more: &[(&str, &str)]) -> (TestApp, tempfile::NamedTempFile) {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), &self.ca_pem).unwrap();
        let path = file.path().display().to_string();
        let settings = [("jwks_fetch.allowed_hosts", "localhost"), ("jwks_fetch.ca_certificates", path.as_str())];
        (TestApp::start(&[&settings[..], more].concat()).await, file)
    }

    fn publishes(&self, keys: impl IntoIterator<Item = Value>) {
        *self.keys.lock().unwrap() = keys.into_iter().collect();
    }
}

async fn register(app: &TestApp, method: Method, uri: &str) -> Result<(), AdminError> {
    let metadata = ClientMetadata { token_endpoint_auth_methods: vec![method], ..metadata(&[API]) };
    app.admin().put_client(DEFAULT_DOMAIN, ID, &metadata, Precondition::None).await.unwrap();
    let source = CredentialSource::Public(CredentialKind::JwksUri { jwks_uri: uri.into() });
    app.admin()
        .create_credential(DEFAULT_DOMAIN, ID, NewCredential { source, ..NewCredential::default() })
        .await
        .map(|_| ())
}

async fn token(app: &TestApp, key: &SigningKey, jti: &str) -> Answered {
    let now = now_s();
    let claims = json!({ "iss": ID, "sub": ID, "aud": ISSUER, "exp": now + 60, "iat": now, "jti": jti });
    let assertion = key.sign_jwt(CLIENT_AUTHENTICATION_JWT, claims.to_string().as_bytes()).unwrap();
    let form = format!("&client_assertion_type={}&client_assertion={assertion}", form(JWT_BEARER));
    app.call(Call::token(&form)).await
}

fn key() -> SigningKey {
    SigningKey::generate(Alg::ES256).unwrap().0
}

#[tokio::test]
async fn rfc7591_s2_published_keys_prove_the_client_and_once_known_need_no_source() {
    let host = Host::start().await;
    let (app, _ca) = host.client_of().await;
    register(&app, Method::PrivateKeyJwt, &host.uri).await.unwrap();
    let (first, second) = (key(), key());
    host.publishes([json!(first.public_jwk().unwrap()), json!(second.public_jwk().unwrap())]);
    token(&app, &first, "1").await.ok();
    token(&app, &second, "2").await.ok();
    token(&app, &key(), "3").await.refused(401, "invalid_client");
    // Known keys need no source.
    drop(host);
    token(&app, &first, "4").await.ok();
}

#[tokio::test]
async fn keys_that_cannot_be_fetched_are_a_passing_trouble() {
    let host = Host::start().await;
    let (app, _ca) = host.client_of().await;
    register(&app, Method::PrivateKeyJwt, "https://localhost:1/jwks.json").await.unwrap();
    let answer = token(&app, &key(), "1").await;
    answer.refused(503, "temporarily_unavailable");
    assert!(!answer.header("retry-after").is_empty());
}

#[tokio::test]
async fn rfc8705_s2_2_2_published_certificates_prove_the_client() {
    let host = Host::start().await;
    let (app, _ca) = host.client_of().await;
    register(&app, Method::SelfSignedTlsClientAuth, &host.uri).await.unwrap();
    let certificate = |name: &str| {
        let signed = CertificateParams::new(vec![name.into()]).unwrap();
        let signed = signed.self_signed(&KeyPair::generate().unwrap()).unwrap();
        Arc::new(ClientCertificate::from_der(vec![signed.der().to_vec()]).unwrap())
    };
    let (published, other) = (certificate("a"), certificate("a"));
    let mut jwk = json!(published.public_jwk().unwrap());
    jwk["x5c"] = json!([STANDARD.encode(published.leaf_der())]);
    host.publishes([jwk]);
    let ask = |shown: &Arc<ClientCertificate>| Call::token(&format!("&client_id={ID}")).over(Ok(shown.clone()));
    app.call(ask(&published)).await.ok();
    app.call(ask(&other)).await.refused(401, "invalid_client");
}

#[tokio::test]
async fn a_uri_that_could_never_be_fetched_cannot_be_registered() {
    let app = test_app().await;
    for (uri, says) in [
        ("http://client.example.com/jwks.json", "https"),
        ("https://10.0.0.1/jwks.json", "allowed_hosts"),
        ("https://localhost.:x/", "no URL"),
    ] {
        let error = register(&app, Method::PrivateKeyJwt, uri).await.unwrap_err();
        assert!(matches!(&error, AdminError::Invalid(problems) if problems[0].contains(says)), "{error:?}");
    }
}

/// How many token requests were refused for this.
fn refused_for(app: &TestApp, reason: &str) -> bool {
    app.metrics.render().lines().any(|line| line.contains("_decisions_total{") && line.contains(reason))
}

#[tokio::test]
async fn rfc7591_s2_a_new_key_is_found_by_its_kid_once_per_interval() {
    let host = Host::start().await;
    let (app, _ca) = host.client_with(&[("jwks_fetch.refetch_interval_s", "1")]).await;
    register(&app, Method::PrivateKeyJwt, &host.uri).await.unwrap();
    let (old, new) = (key(), key());
    host.publishes([json!(old.public_jwk().unwrap())]);
    token(&app, &old, "1").await.ok();
    host.publishes([json!(new.public_jwk().unwrap())]);
    let mut tries = 0;
    while token(&app, &new, &format!("new-{tries}")).await.status != 200 {
        assert!(tries < 15, "the new key was never asked for");
        tries += 1;
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    // The old one was taken back.
    token(&app, &old, "2").await.refused(401, "invalid_client");
    assert!(app.metrics.render().contains("grantor_jwks_fetches_total{outcome=\"ok\"} 2"), "{}", app.metrics.render());
}

#[tokio::test]
async fn a_certificate_of_an_unknown_authority_proves_no_source() {
    let (host, other) = (Host::start().await, Host::start().await);
    let (app, _ca) = other.client_of().await;
    register(&app, Method::PrivateKeyJwt, &host.uri).await.unwrap();
    let good = key();
    host.publishes([json!(good.public_jwk().unwrap())]);
    token(&app, &good, "1").await.refused(503, "temporarily_unavailable");
    assert!(refused_for(&app, "jwks_uri_untrusted"), "{}", app.metrics.render());
}

#[tokio::test]
async fn a_host_that_is_listed_no_more_is_not_connected_to() {
    let host = Host::start().await;
    let (app, _ca) = host.client_of().await;
    register(&app, Method::PrivateKeyJwt, &host.uri).await.unwrap();
    let app = app.reopen_with(Vec::new()).await.unwrap();
    token(&app, &key(), "1").await.refused(503, "temporarily_unavailable");
    assert!(refused_for(&app, "jwks_uri_address_refused"), "{}", app.metrics.render());
}

#[tokio::test]
async fn redirects_and_endless_answers_are_refused_over_tls_too() {
    let long = format!("HTTP/1.1 200 OK\r\n\r\n{}", " ".repeat(4096));
    for (instead, reason) in [
        ("HTTP/1.1 302 Found\r\nLocation: https://localhost/\r\nContent-Length: 0\r\n\r\n", "jwks_uri_redirected"),
        (&*long.leak(), "jwks_uri_too_long"),
    ] {
        let host = Host::start().await;
        let (app, _ca) = host.client_with(&[("jwks_fetch.body_max_bytes", "1024")]).await;
        register(&app, Method::PrivateKeyJwt, &host.uri).await.unwrap();
        *host.instead.lock().unwrap() = Some(instead);
        token(&app, &key(), "1").await.refused(503, "temporarily_unavailable");
        assert!(refused_for(&app, reason), "{reason} {}", app.metrics.render());
    }
}
