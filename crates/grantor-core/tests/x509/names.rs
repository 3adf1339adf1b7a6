//! RFC 4514: names of certificates that openssl made, against names as administrators write them.

use crate::openssl::{chain, pem};
use grantor_core::x509::{CertificateRule, ClientCertificate};

fn rule(text: &str) -> CertificateRule {
    CertificateRule::parse("tls_client_auth_subject_dn", text).unwrap()
}

/// Fixture, how it is shown, other ways to write it, and what is another name.
type Row = (&'static str, &'static str, &'static [&'static str], &'static [&'static str]);

const ROWS: [Row; 13] = [
    (
        "dn-comma",
        r"CN=payments,O=Example\, Inc.,C=DE",
        &[
            r"CN=payments, O=Example\2C Inc., C=DE",
            r"cn=PAYMENTS,o=example\,  inc.,c=de",
            r"2.5.4.3=payments,OID.2.5.4.10=Example\, Inc.,C=DE",
        ],
        &["CN=payments,O=Example,OU=Inc.,C=DE", r"C=DE,O=Example\, Inc.,CN=payments", r"CN=payments,O=Example\, Inc."],
    ),
    (
        "dn-plus",
        "CN=payments+UID=7,O=Example,C=DE",
        &[
            "UID=7+CN=payments,O=Example,C=DE",
            "UID=7 + CN=payments, O=Example, C=DE",
            "0.9.2342.19200300.100.1.1=7+CN=payments,O=Example,C=DE",
        ],
        &[
            "CN=payments,UID=7,O=Example,C=DE",
            "UID=7,CN=payments,O=Example,C=DE",
            "CN=payments,O=Example,C=DE",
            r"CN=payments\+UID=7,O=Example,C=DE",
        ],
    ),
    (
        "dn-plus-in-value",
        r"CN=a\+b,O=Example",
        &[r"CN=a\2bb,O=Example", r"CN=A\+B,O=EXAMPLE"],
        &[r"CN=a\\\+b,O=Example"],
    ),
    (
        "dn-space",
        r"CN=\ payments\ ,O=Example",
        &["CN=payments,O=Example", r"CN=\20payments\20,O=Example"],
        &[r"CN=pay\ ments,O=Example"],
    ),
    (
        "dn-hash",
        r"CN=\#payments,O=Example",
        &[r"CN=\23payments,O=Example", "CN=#0c09237061796d656e7473,O=Example"],
        &["CN=payments,O=Example"],
    ),
    ("dn-special", r#"CN=\"\<a\>\;b=c\\,O=Example"#, &[r"CN=\22\3Ca\3E\3Bb\3Dc\5C,O=Example"], &["CN=ab=c,O=Example"]),
    (
        "dn-unicode",
        "CN=платежи,O=Müller & Söhne",
        &[r"CN=ПЛАТЕЖИ,O=M\c3\bcller & S\C3\B6hne", "CN=платежи,O=MÜLLER & SÖHNE"],
        &["CN=platezhi,O=Müller & Söhne", "CN=платежи,O=Muller & Sohne", "CN=платежи,O=Mu\u{308}ller & Söhne"],
    ),
    (
        "dn-email",
        "emailAddress=Payments@Example.com,CN=payments,O=Example",
        &[
            "E=payments@example.com,CN=payments,O=Example",
            "1.2.840.113549.1.9.1=payments@example.com,CN=payments,O=Example",
        ],
        &["CN=payments,O=Example", "CN=payments,emailAddress=payments@example.com,O=Example"],
    ),
    (
        "dn-dc",
        "serialNumber=A7,CN=payments,DC=example,DC=com",
        &["SERIALNUMBER=a7,CN=payments,DC=Example,DC=COM", "2.5.4.5=A7,CN=payments,domainComponent=example,dc=com"],
        &["SN=A7,CN=payments,DC=example,DC=com", "serialNumber=A7,CN=payments,DC=com,DC=example"],
    ),
    (
        // Nothing is known of the type, so its values have case.
        "dn-oid",
        "1.3.6.1.4.1.32473.1=Thing,O=Example",
        &["1.3.6.1.4.1.32473.1=#0c055468696e67,O=Example"],
        &["1.3.6.1.4.1.32473.1=thing,O=Example", "1.3.6.1.4.1.32473.2=Thing,O=Example"],
    ),
    (
        // PrintableString where openssl writes UTF8String today.
        "dn-printable",
        "CN=payments,OU=Platform,O=Example,C=DE",
        &["CN=payments,OU=platform,O=Example,C=DE", "CN=#13087061796d656e7473,OU=Platform,O=Example,C=DE"],
        &["CN=payments,OU=Platform,OU=Platform,O=Example,C=DE", "CN=payments,O=Example,C=DE"],
    ),
    ("dn-bmp", "CN=payments,O=Müller,C=DE", &["CN=payments,O=müller,C=DE"], &["CN=payments,O=Muller,C=DE"]),
    (
        // Teletex: what lies beyond ASCII has no agreed meaning, so its bytes are compared.
        "dn-t61",
        "CN=payments,O=#14064dfc6c6c6572,C=DE",
        &["CN=payments,O=#14064DFC6C6C6572,C=DE"],
        &["CN=payments,O=Müller,C=DE", "CN=payments,O=M\u{fffd}ller,C=DE"],
    ),
];

#[test]
fn rfc4514_s2_names_are_shown_as_they_can_be_registered() {
    for (fixture, shown, ..) in ROWS {
        let certificate = chain(fixture);
        assert_eq!(certificate.subject(), shown, "{fixture}");
        rule(shown).matches(&certificate).unwrap();
    }
}

#[test]
fn rfc4514_s3_names_are_compared_by_value_and_never_as_text() {
    for (fixture, _, same, others) in ROWS {
        let certificate = chain(fixture);
        for text in same {
            rule(text).matches(&certificate).unwrap_or_else(|why| panic!("{fixture}: {text}: {why}"));
        }
        for text in others {
            assert!(rule(text).matches(&certificate).is_err(), "{fixture}: {text}");
        }
    }
}

#[test]
fn rfc5280_s7_1_a_renewed_certificate_has_the_same_name() {
    let rule = rule("CN=payments,OU=Platform,O=Example,C=DE");
    for fixture in ["payments", "payments-renewed", "payments-rsa", "payments-p384", "payments-ed25519", "dn-printable"]
    {
        rule.matches(&chain(fixture)).unwrap();
    }
    // Whose CA is for the path to find out, not for the name.
    rule.matches(&chain("twin-payments")).unwrap();
}

#[test]
fn rfc5280_s4_2_1_6_alternative_names_of_each_type() {
    let certificate = chain("sans");
    let shown: Vec<String> = certificate.sans().iter().map(ToString::to_string).collect();
    assert_eq!(
        shown,
        [
            "DNS name payments.example.com",
            "URI spiffe://example.org/payments",
            "IP address 192.0.2.7",
            "IP address 2001:db8::7",
            "email address Payments@example.com",
            "directory name",
            "other name",
        ]
    );
    for (member, value) in [
        ("san_dns", "PAYMENTS.example.com"),
        ("san_uri", "spiffe://example.org/payments"),
        ("san_ip", "2001:DB8:0::7"),
        ("san_email", "Payments@EXAMPLE.COM"),
    ] {
        CertificateRule::parse(&format!("tls_client_auth_{member}"), value).unwrap().matches(&certificate).unwrap();
    }
}

/// An arc with an octet 0x80 before it would show as one that it does not equal.
#[test]
fn x690_s8_19_2_a_padded_type_is_refused() {
    let mut der = ClientCertificate::from_pem(&pem("dn-dc")).unwrap().leaf_der().to_vec();
    let domain_component = [0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, 0x19];
    let at = der.windows(10).rposition(|window| window == domain_component).unwrap();
    der[at + 8] = 0x80;
    let error = ClientCertificate::from_der(vec![der]).unwrap_err();
    assert_eq!(error.to_string(), "a name in the certificate has a type or a string that is not well-formed");
}
