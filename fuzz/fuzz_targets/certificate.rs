#![no_main]
//! A client certificate, as DER or PEM: read without a panic, its name can be registered as it is shown, and only what
//! the CA signed leads to it.

use grantor_core::x509::{CertificateRule, ClientCertificate, TrustStore};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

const NOW: i64 = 1_800_000_000;
/// Longest name that is shown whole, in characters, and longest that is read, in bytes.
const SHOWN_MAX: usize = 512;
const TEXT_MAX: usize = 1024;

macro_rules! fixture {
    ($name:literal) => {
        include_bytes!(concat!("../../crates/grantor-core/tests/x509/fixtures/", $name, ".pem")).as_slice()
    };
}

static STORE: LazyLock<TrustStore> = LazyLock::new(|| {
    TrustStore::from_pem(&[fixture!("root"), fixture!("between")], &[fixture!("crl-between"), fixture!("crl-root")])
        .expect("the fixtures are good")
});

fn read(data: &[u8]) -> Option<ClientCertificate> {
    if data.first() == Some(&b'-') {
        return ClientCertificate::from_pem(data).ok();
    }
    ClientCertificate::from_der(vec![data.to_vec()]).ok()
}

fuzz_target!(|data: &[u8]| {
    let Some(certificate) = read(data) else { return };
    for san in certificate.sans() {
        assert!(!san.to_string().contains(|c: char| c.is_control()));
    }
    let _ = certificate.public_jwk();
    let subject = certificate.subject();
    assert!(!subject.contains(|c: char| c.is_control()));
    // A part of a name that has an attribute twice cannot be written.
    if subject != "(no name)"
        && subject.len() <= TEXT_MAX
        && subject.chars().count() <= SHOWN_MAX
        && let Ok(rule) = CertificateRule::parse("tls_client_auth_subject_dn", &subject)
            .inspect_err(|error| assert!(error.contains("stands twice"), "{subject}: {error}"))
    {
        rule.matches(&certificate).expect("a name is itself");
    }
    if STORE.verify(&certificate, NOW).is_ok() {
        assert!(certificate.issuer().starts_with("CN=Example "), "{}", certificate.issuer());
        assert!((certificate.not_before()..=certificate.not_after()).contains(&NOW));
    }
});
