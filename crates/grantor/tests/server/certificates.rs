//! Clients that show a certificate, to this server or to a proxy in front of it: RFC 8705, RFC 9440.

use crate::call::{Answered, Call, form};
use crate::common::{API, ISSUER, TestApp, VAULT, metadata, test_app};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use grantor::admin::credential::{CredentialSource, NewCredential};
use grantor::store::Precondition;
use grantor_core::client::{ClientMetadata, CredentialKind};
use grantor_core::client_auth::Method;
use grantor_core::domain::{DEFAULT_DOMAIN, DomainSettings};
use grantor_core::x509::{CertificateRule, ClientCertificate};
use rcgen::{
    CertificateParams, CertificateRevocationListParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod,
    KeyPair, RevokedCertParams, SerialNumber, date_time_ymd,
};
use std::sync::Arc;

const ID: &str = "batch";
const SERIAL: u64 = 7;

struct Ca {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(vec![format!("{name}.example.com")]).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

impl Ca {
    fn new() -> Self {
        let mut params = params("CA");
        params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        Self { pem: params.self_signed(&key).unwrap().pem(), issuer: Issuer::new(params, key) }
    }

    fn issue(&self, name: &str) -> Arc<ClientCertificate> {
        let mut params = params(name);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.serial_number = Some(SerialNumber::from(SERIAL));
        let signed = params.signed_by(&KeyPair::generate().unwrap(), &self.issuer).unwrap();
        Arc::new(ClientCertificate::from_der(vec![signed.der().to_vec()]).unwrap())
    }
}

impl Ca {
    fn list(&self, serials: &[u64]) -> String {
        let revoked = |serial: &u64| RevokedCertParams {
            serial_number: SerialNumber::from(*serial),
            revocation_time: date_time_ymd(2026, 1, 1),
            reason_code: None,
            invalidity_date: None,
        };
        let params = CertificateRevocationListParams {
            this_update: date_time_ymd(2026, 1, 1),
            next_update: date_time_ymd(4000, 1, 1),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: serials.iter().map(revoked).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        params.signed_by(&self.issuer).unwrap().pem().unwrap()
    }
}

/// The default domain with this CA, and a client known by its DNS name.
async fn register(app: &TestApp, ca: &Ca, more: ClientMetadata) {
    register_with_lists(app, ca, more, Vec::new()).await;
}

async fn register_with_lists(app: &TestApp, ca: &Ca, more: ClientMetadata, crls: Vec<String>) {
    let settings = DomainSettings { trust_anchors: vec![ca.pem.clone()], crls, ..DomainSettings::default() };
    app.admin().put_domain(DEFAULT_DOMAIN, &settings, Precondition::None).await.unwrap();
    let metadata = ClientMetadata { token_endpoint_auth_methods: vec![Method::TlsClientAuth], ..more };
    app.admin().put_client(DEFAULT_DOMAIN, ID, &metadata, Precondition::None).await.unwrap();
    let rule = CertificateRule::parse("tls_client_auth_san_dns", "batch.example.com").unwrap();
    let source = CredentialSource::Public(CredentialKind::TlsClientAuth(rule));
    let new = NewCredential { source, ..NewCredential::default() };
    app.admin().create_credential(DEFAULT_DOMAIN, ID, new).await.unwrap();
}

fn request(more: &str) -> Call {
    Call::token(&format!("&client_id={ID}{more}"))
}

async fn token(app: &TestApp, certificate: &Arc<ClientCertificate>) -> Answered {
    app.call(request("").over(Ok(certificate.clone()))).await
}

fn client_cert(certificate: &ClientCertificate) -> String {
    format!(":{}:", STANDARD.encode(certificate.leaf_der()))
}

#[tokio::test]
async fn rfc8705_s2_1_the_certificate_of_the_connection_is_the_client_s_proof() {
    let (app, ca) = (test_app().await, Ca::new());
    register(&app, &ca, metadata(&[API])).await;
    token(&app, &ca.issue("batch")).await.ok();
    token(&app, &ca.issue("batch")).await.ok();
    token(&app, &ca.issue("another")).await.refused(401, "invalid_client");
    token(&app, &Ca::new().issue("batch")).await.refused(401, "invalid_client");
    app.call(request("")).await.refused(401, "invalid_client");
    let unreadable = app.call(request("").over(Err("no certificate at all".into()))).await;
    unreadable.refused(400, "invalid_request");
    assert!(!String::from_utf8_lossy(&unreadable.body).contains("at all"), "the cause is for the operator");
}

#[tokio::test]
async fn rfc8705_s3_2_introspection_tells_the_thumbprint_in_both_formats() {
    let (app, ca) = (test_app().await, Ca::new());
    register(&app, &ca, ClientMetadata { tls_client_certificate_bound_access_tokens: true, ..metadata(&[API, VAULT]) })
        .await;
    let certificate = ca.issue("batch");
    for resource in [API, VAULT] {
        let call = request(&format!("&resource={}", form(resource))).over(Ok(certificate.clone()));
        let issued = app.call(call).await.ok().access_token();
        let told = app.call_as_client(Call::introspect(&issued)).await.ok().json();
        assert_eq!(told["cnf"]["x5t#S256"], certificate.x5t_s256(), "{told}");
        assert_eq!(told["token_type"], "Bearer");
    }
}

#[tokio::test]
async fn rfc8705_s2_certificates_prove_clients_at_introspection_and_revocation_too() {
    let (app, ca) = (test_app().await, Ca::new());
    register(&app, &ca, ClientMetadata { introspect_resources: vec![API.into()], ..metadata(&[API]) }).await;
    let certificate = ca.issue("batch");
    let issued = token(&app, &certificate).await.ok().access_token();
    let ask =
        |path: &str| Call::post(path, format!("client_id={ID}&token={}", form(&issued))).over(Ok(certificate.clone()));
    assert!(app.call(ask("/connect/introspect")).await.is_active());
    app.call(ask("/connect/revocation")).await.ok();
    assert!(!app.call(ask("/connect/introspect")).await.is_active());
}

#[tokio::test]
async fn rfc9440_s2_a_trusted_proxy_passes_the_certificate_on() {
    let settings = [("proxy.trusted", "10.0.0.0/24"), ("proxy.certificate_header", "client-cert")];
    let (app, ca) = (TestApp::start(&settings).await, Ca::new());
    register(&app, &ca, ClientMetadata { tls_client_certificate_bound_access_tokens: true, ..metadata(&[API]) }).await;
    let certificate = ca.issue("batch");
    let by_proxy = |header: &str| request("").from("10.0.0.7").header("client-cert", header);
    let issued = app.call(by_proxy(&client_cert(&certificate))).await.ok().access_token();
    let told = app.call_as_client(Call::introspect(&issued)).await.ok().json();
    assert_eq!(told["cnf"]["x5t#S256"], certificate.x5t_s256());
    app.call(by_proxy(":MAA=:")).await.refused(400, "invalid_request");
    // The certificate of the proxy's own connection is nobody's.
    let own = request("").from("10.0.0.7").over(Ok(certificate.clone()));
    app.call(own).await.refused(401, "invalid_client");
    // Who is no proxy can still come directly.
    token(&app, &certificate).await.ok();
    let methods = app.call(Call::get("/.well-known/oauth-authorization-server")).await.ok().json();
    assert!(methods["token_endpoint_auth_methods_supported"].to_string().contains("tls_client_auth"), "{ISSUER}");
}

#[tokio::test]
async fn rfc5280_s6_3_a_replaced_list_counts_once_it_is_read_and_a_broken_one_never() {
    let (app, ca, folder) = (test_app().await, Ca::new(), tempfile::tempdir().unwrap());
    let list = folder.path().join("list.pem");
    std::fs::write(&list, ca.list(&[])).unwrap();
    register_with_lists(&app, &ca, metadata(&[API]), vec![format!("file:{}", list.display())]).await;
    let certificate = ca.issue("batch");
    token(&app, &certificate).await.ok();
    std::fs::write(&list, "junk").unwrap();
    app.reload_trust();
    token(&app, &certificate).await.ok();
    std::fs::write(&list, ca.list(&[SERIAL])).unwrap();
    app.reload_trust();
    token(&app, &certificate).await.refused(401, "invalid_client");
}
