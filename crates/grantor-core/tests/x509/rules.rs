//! RFC 8705 §2.1.2: the five expectations, each by the rules of its type.

use crate::pki::{Ca, leaf_params, presented};
use grantor_core::x509::{CertificateRule, ClientCertificate};
use rcgen::SanType;
use serde::{Deserialize, Serialize};

fn with_sans(sans: Vec<SanType>) -> ClientCertificate {
    let mut params = leaf_params("payments.example.com");
    params.subject_alt_names = sans;
    presented(&[&Ca::root("Root").issue(&params)])
}

fn rule(member: &str, value: &str) -> CertificateRule {
    CertificateRule::parse(&format!("tls_client_auth_{member}"), value).unwrap()
}

#[test]
fn rfc8705_s2_1_2_san_of_the_same_type_only() {
    let certificate = with_sans(vec![
        SanType::DnsName("Payments.example.com".try_into().unwrap()),
        SanType::URI("spiffe://example.org/payments".try_into().unwrap()),
        SanType::IpAddress("192.0.2.7".parse().unwrap()),
        SanType::Rfc822Name("Payments@example.com".try_into().unwrap()),
    ]);
    for (member, value, good) in [
        ("san_dns", "payments.example.COM", true),
        ("san_dns", "example.com", false),
        ("san_dns", "x.payments.example.com", false),
        ("san_uri", "spiffe://example.org/payments", true),
        ("san_uri", "SPIFFE://EXAMPLE.org/payments", true),
        ("san_uri", "spiffe://example.org/Payments", false),
        ("san_uri", "spiffe://example.org/payments/", false),
        ("san_uri", "spiffe://example.org/", false),
        ("san_ip", "192.0.2.7", true),
        ("san_ip", "::ffff:192.0.2.7", false),
        ("san_ip", "192.0.2.8", false),
        ("san_email", "Payments@EXAMPLE.com", true),
        ("san_email", "payments@example.com", false),
    ] {
        assert_eq!(rule(member, value).matches(&certificate).is_ok(), good, "{member} {value}");
    }
}

#[test]
fn rfc8705_s2_1_2_the_common_name_never_stands_in() {
    let certificate = with_sans(vec![SanType::URI("spiffe://example.org/payments".try_into().unwrap())]);
    assert_eq!(
        rule("san_dns", "payments.example.com").matches(&certificate).unwrap_err(),
        "certificate has no DNS name as alternative name, expected payments.example.com; it has URI \
         spiffe://example.org/payments"
    );
    assert_eq!(
        rule("san_dns", "payments.example.com").matches(&with_sans(vec![])).unwrap_err(),
        "certificate has no alternative names, expected DNS name payments.example.com"
    );
}

#[test]
fn rfc8705_s2_1_2_a_wildcard_in_a_certificate_is_a_name_like_another() {
    let certificate = with_sans(vec![SanType::DnsName("*.example.com".try_into().unwrap())]);
    assert_eq!(
        rule("san_dns", "payments.example.com").matches(&certificate).unwrap_err(),
        "certificate has DNS name *.example.com as alternative name, expected DNS name payments.example.com"
    );
    CertificateRule::parse("tls_client_auth_san_dns", "*.example.com").unwrap_err();
}

#[test]
fn rfc8705_s2_1_2_subject_dn_by_value_and_order() {
    let certificate = with_sans(vec![]);
    for good in [
        "CN=payments.example.com,O=Example",
        "cn=PAYMENTS.example.com, o=example",
        "2.5.4.3=payments.example.com,O=Example",
    ] {
        rule("subject_dn", good).matches(&certificate).unwrap();
    }
    assert_eq!(
        rule("subject_dn", "CN=a,O=Example").matches(&certificate).unwrap_err(),
        "certificate subject is 'CN=payments.example.com,O=Example', expected 'CN=a,O=Example'"
    );
    let reversed = rule("subject_dn", "O=Example,CN=payments.example.com").matches(&certificate).unwrap_err();
    assert!(reversed.ends_with("the parts are in the opposite order: RFC 4514 writes the most specific first"));
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Kind {
    TlsClientAuth(CertificateRule),
}

#[test]
fn rfc8705_s2_1_2_exactly_one_member() {
    for (member, value) in [
        ("subject_dn", "CN=a\\, b,O=Example"),
        ("san_dns", "a.example"),
        ("san_uri", "urn:a:b"),
        ("san_ip", "2001:db8::7"),
        ("san_email", "a@b.example"),
    ] {
        let kind = Kind::TlsClientAuth(rule(member, value));
        let json = serde_json::to_string(&kind).unwrap();
        let value = value.replace('\\', "\\\\");
        assert_eq!(json, format!(r#"{{"type":"tls_client_auth","tls_client_auth_{member}":"{value}"}}"#));
        assert_eq!(serde_json::from_str::<Kind>(&json).unwrap(), kind);
    }
    for bad in [
        r#"{"type":"tls_client_auth"}"#,
        r#"{"type":"tls_client_auth","tls_client_auth_san_dns":"a.b","tls_client_auth_san_ip":"192.0.2.1"}"#,
        r#"{"type":"tls_client_auth","tls_client_auth_san_dns":"a.b","x":1}"#,
        r#"{"type":"tls_client_auth","tls_client_auth_san_dns":7}"#,
        r#"{"type":"tls_client_auth","tls_client_auth_san":"a.b"}"#,
    ] {
        serde_json::from_str::<Kind>(bad).unwrap_err();
    }
}
