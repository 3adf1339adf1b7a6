//! Clients that prove themselves by the certificate of their connection, and tokens that are bound to one: RFC 8705.

use crate::world::{API, BANK, ID, ISSUER, NOW, Request, VAULT, World};
use grantor_core::client::CredentialKind;
use grantor_core::client_auth::Method;
use grantor_core::jose::{b64url_encode, sha256};
use grantor_core::jwk::JwkSet;
use grantor_core::resource::SenderConstraint;
use grantor_core::x509::{CertificateRule, ClientCertificate, TrustStore};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use serde_json::{Value, json};

/// `NOW` is in January 2027.
fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(vec![format!("{name}.example.com")]).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, "Example");
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = date_time_ymd(2026, 1, 1);
    params.not_after = date_time_ymd(2028, 1, 1);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params
}

struct Ca {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Ca {
    fn new() -> Self {
        let mut params = params("CA");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let key = KeyPair::generate().unwrap();
        Self { pem: params.self_signed(&key).unwrap().pem(), issuer: Issuer::new(params, key) }
    }

    fn issue(&self, params: &CertificateParams) -> ClientCertificate {
        let signed = params.signed_by(&KeyPair::generate().unwrap(), &self.issuer).unwrap();
        ClientCertificate::from_der(vec![signed.der().to_vec()]).unwrap()
    }

    fn trusted(&self) -> Option<TrustStore> {
        Some(TrustStore::from_pem(&[self.pem.as_bytes()], &[]).unwrap())
    }
}

fn self_signed(params: &CertificateParams) -> ClientCertificate {
    let signed = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
    ClientCertificate::from_der(vec![signed.der().to_vec()]).unwrap()
}

fn rule(member: &str, value: &str) -> CredentialKind {
    CredentialKind::TlsClientAuth(CertificateRule::parse(member, value).unwrap())
}

/// A client that has one certificate rule and no secret.
fn world_with(ca: &Ca, kind: CredentialKind) -> World {
    let mut world = World::new();
    world.trust = ca.trusted();
    world.credentials.clear();
    world.add(kind);
    world
}

/// §2: the client names itself by `client_id`.
fn by_certificate(certificate: &ClientCertificate) -> Request {
    Request::form(format!("grant_type=client_credentials&client_id={ID}")).over(certificate)
}

#[test]
fn s2_1_a_certificate_of_a_trusted_authority_with_the_registered_name() {
    let ca = Ca::new();
    let world = world_with(&ca, rule("tls_client_auth_subject_dn", "CN=svc,O=Example"));
    let certificate = ca.issue(&params("svc"));
    let issued = world.token(&by_certificate(&certificate)).unwrap();
    assert_eq!(issued.claims["client_id"], ID);
    assert!(issued.claims.get("cnf").is_none(), "bound only where that was asked for (section 3.4)");
    assert_eq!(issued.response["token_type"], "Bearer");
}

#[test]
fn s2_1_a_renewed_certificate_of_the_same_name_goes_on_working_and_both_are_valid_at_once() {
    let ca = Ca::new();
    let world = world_with(&ca, rule("tls_client_auth_san_dns", "svc.example.com"));
    let (first, renewed) = (ca.issue(&params("svc")), ca.issue(&params("svc")));
    assert_ne!(first.x5t_s256(), renewed.x5t_s256());
    for certificate in [&first, &renewed, &first] {
        world.token(&by_certificate(certificate)).unwrap();
    }
}

#[test]
fn s2_1_2_each_refusal_has_its_cause() {
    let (ca, other) = (Ca::new(), Ca::new());
    let world = world_with(&ca, rule("tls_client_auth_subject_dn", "CN=svc,O=Example"));
    let mut expired = params("svc");
    expired.not_after = date_time_ymd(2026, 6, 1);
    for (certificate, reason, says) in [
        (ca.issue(&params("another")), "certificate_no_match", "another"),
        (other.issue(&params("svc")), "certificate_signature", "another CA bears the name"),
        (self_signed(&params("svc")), "certificate_untrusted", ""),
        (ca.issue(&expired), "certificate_expired", "2026"),
    ] {
        let error = world.refusal(&by_certificate(&certificate));
        assert_eq!(error.code.as_str(), "invalid_client", "{error}");
        let cause = error.cause.clone().unwrap();
        assert_eq!(cause.reason, reason, "{error}");
        assert!(cause.detail.contains(says), "{error}");
        assert_eq!(error.public, "client authentication failed");
    }
    let nameless = Request::form(format!("grant_type=client_credentials&client_id={ID}"));
    assert_eq!(world.refusal(&nameless).code.as_str(), "invalid_client");
}

#[test]
fn s2_2_a_self_signed_certificate_by_thumbprint_or_x5c() {
    let ca = Ca::new();
    let certificate = self_signed(&params("svc"));
    let leaf = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, certificate.leaf_der());
    let mut key = serde_json::to_value(certificate.public_jwk().unwrap()).unwrap();
    key["x5c"] = json!([leaf]);
    let jwks = JwkSet::read(&json!({ "keys": [key] })).unwrap();
    for kind in [
        CredentialKind::Certificate { x5t_s256: certificate.x5t_s256().to_owned() },
        CredentialKind::Jwks { jwks: jwks.clone() },
    ] {
        let world = world_with(&ca, kind);
        world.token(&by_certificate(&certificate)).unwrap();
        let another = self_signed(&params("svc"));
        assert_eq!(world.refusal(&by_certificate(&another)).reason(), "certificate_no_match");
    }
}

#[test]
fn s2_2_two_certificates_at_once_while_one_replaces_the_other() {
    let (old, new) = (self_signed(&params("svc")), self_signed(&params("svc")));
    let mut world = world_with(&Ca::new(), CredentialKind::Certificate { x5t_s256: old.x5t_s256().to_owned() });
    assert_eq!(world.refusal(&by_certificate(&new)).reason(), "certificate_no_match");
    world.add(CredentialKind::Certificate { x5t_s256: new.x5t_s256().to_owned() });
    world.token(&by_certificate(&old)).unwrap();
    world.token(&by_certificate(&new)).unwrap();
    world.credentials[0].revoked_at = Some(NOW);
    assert_eq!(world.refusal(&by_certificate(&old)).reason(), "credential_revoked");
    world.token(&by_certificate(&new)).unwrap();
}

#[test]
fn s2_the_method_must_be_registered() {
    let certificate = self_signed(&params("svc"));
    let mut world = world_with(&Ca::new(), CredentialKind::Certificate { x5t_s256: certificate.x5t_s256().to_owned() });
    world.metadata.token_endpoint_auth_methods = vec![Method::TlsClientAuth];
    assert_eq!(world.refusal(&by_certificate(&certificate)).reason(), "auth_method_not_registered");
}

/// §3.1: the thumbprint is the SHA-256 of the DER, in base64url without padding.
fn x5t(certificate: &ClientCertificate) -> Value {
    json!({ "x5t#S256": b64url_encode(&sha256(certificate.leaf_der())) })
}

#[test]
fn s3_tokens_of_clients_that_asked_for_it_are_bound() {
    let certificate = self_signed(&params("svc"));
    let mut world = world_with(&Ca::new(), CredentialKind::Certificate { x5t_s256: certificate.x5t_s256().to_owned() });
    world.metadata.tls_client_certificate_bound_access_tokens = true;
    for resource in [API, VAULT] {
        let request = Request::form(format!("grant_type=client_credentials&client_id={ID}&audience={resource}"));
        let issued = world.token(&request.over(&certificate)).unwrap();
        assert_eq!(issued.claims["cnf"], x5t(&certificate));
        assert_eq!(issued.response["token_type"], "Bearer");
        assert_eq!(issued.claims["iss"], ISSUER);
    }
}

#[test]
fn s3_a_client_with_a_secret_can_bind_to_the_certificate_of_its_connection() {
    let world = World::with(|metadata| metadata.tls_client_certificate_bound_access_tokens = true);
    // No authority knows it, and it is registered nowhere: the binding needs neither (section 4).
    let certificate = self_signed(&params("anything"));
    let issued = world.token(&Request::grant("").over(&certificate)).unwrap();
    assert_eq!(issued.claims["cnf"], x5t(&certificate));
}

#[test]
fn s3_4_without_a_certificate_such_a_client_gets_nothing() {
    let world = World::with(|metadata| metadata.tls_client_certificate_bound_access_tokens = true);
    let error = world.refusal(&Request::grant(""));
    assert_eq!((error.code.as_str(), error.reason()), ("invalid_request", "certificate_to_bind_missing"));
    assert!(error.public.contains("mtls_endpoint_aliases"), "{error}");
}

#[test]
fn a_resource_can_ask_for_certificates() {
    let certificate = self_signed(&params("svc"));
    for constraint in [SenderConstraint::Mtls, SenderConstraint::Any] {
        let mut world = World::new();
        world.resource(API).sender_constraint = Some(constraint);
        assert_eq!(world.refusal(&Request::grant("")).code.as_str(), "invalid_request");
        let issued = world.token(&Request::grant("").over(&certificate)).unwrap();
        assert_eq!(issued.claims["cnf"], x5t(&certificate));
        // What another resource wants says nothing about this one.
        let bank = Request::grant(&format!("&audience={}", crate::encoding::form(BANK)));
        assert!(world.token(&bank.clone().over(&certificate)).unwrap().claims.get("cnf").is_none());
        // Of several targets the strictest counts.
        let both = Request::grant(&format!("&audience={API}&audience={}", crate::encoding::form(BANK)));
        assert_eq!(world.token(&both.clone().over(&certificate)).unwrap().claims["cnf"], x5t(&certificate));
        assert_eq!(world.refusal(&both).code.as_str(), "invalid_request");
    }
}
