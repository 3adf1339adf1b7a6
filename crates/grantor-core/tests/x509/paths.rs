//! RFC 5280 §6 and RFC 8705 §2.1: which certificates lead to a trust anchor, and what is said of the others.

use crate::pki::{Ca, NOW, ca_params, leaf_params, presented, store};
use grantor_core::x509::{ClientCertificate, TrustStore};
use rcgen::{ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, SerialNumber, date_time_ymd};

fn refusal(store: &TrustStore, certificate: &ClientCertificate) -> (&'static str, String) {
    let problem = store.verify(certificate, NOW).expect_err("the certificate is accepted");
    (problem.reason, problem.detail)
}

#[test]
fn rfc5280_s6_a_chain_with_an_intermediate_is_accepted() {
    let root = Ca::root("Root");
    let between = root.intermediate(ca_params("Between"));
    let leaf = between.issue(&leaf_params("payments"));
    let store = store(&[&root], &[]);
    assert_eq!(store.anchors().collect::<Vec<_>>(), ["CN=Root,O=Example"]);
    let certificate = presented(&[&leaf, &between.der]);
    store.verify(&certificate, NOW).unwrap();
    assert_eq!(certificate.subject(), "CN=payments,O=Example");
    assert_eq!(certificate.issuer(), "CN=Between,O=Example");
    // With the root, and out of order.
    store.verify(&presented(&[&leaf, &root.der, &between.der]), NOW).unwrap();
}

#[test]
fn rfc5280_s6_where_a_chain_ends_is_said() {
    let (root, other) = (Ca::root("Root"), Ca::root("Other"));
    let between = root.intermediate(ca_params("Between"));
    let leaf = between.issue(&leaf_params("payments"));
    let (reason, detail) = refusal(&store(&[&root, &other], &[]), &presented(&[&leaf]));
    assert_eq!(reason, "certificate_untrusted");
    assert_eq!(
        detail,
        "certificate chain ends at CN=payments,O=Example, whose issuer CN=Between,O=Example was not presented and is not \
         among this domain's trust anchors (CN=Root,O=Example; CN=Other,O=Example); the client must send the \
         intermediates with its certificate"
    );
    let (reason, detail) = refusal(&store(&[&other], &[]), &presented(&[&leaf, &between.der, &root.der]));
    assert_eq!(reason, "certificate_untrusted");
    assert_eq!(
        detail,
        "certificate chain ends at CN=Root,O=Example, which is not among this domain's trust anchors (CN=Other,O=Example)"
    );
    // An intermediate can be an anchor.
    store(&[&between], &[]).verify(&presented(&[&leaf]), NOW).unwrap();
}

#[test]
fn rfc5280_s6_another_ca_of_the_same_name_is_not_the_anchor() {
    let (root, twin) = (Ca::root("Root"), Ca::root("Root"));
    let leaf = twin.issue(&leaf_params("payments"));
    let (reason, detail) = refusal(&store(&[&root], &[]), &presented(&[&leaf, &twin.der]));
    assert_eq!(reason, "certificate_signature");
    assert!(detail.contains("a trust anchor of that name exists, but its key did not sign this"), "{detail}");
    // Two anchors of one name: a renewed root beside the old one.
    store(&[&root, &twin], &[]).verify(&presented(&[&leaf]), NOW).unwrap();
}

#[test]
fn rfc5280_s4_1_2_5_validity() {
    let root = Ca::root("Root");
    let leaf = presented(&[&root.issue(&leaf_params("payments"))]);
    let store = store(&[&root], &[]);
    assert_eq!((leaf.not_before(), leaf.not_after()), (1_767_225_600, 1_798_761_600));
    for (now, reason, detail) in [
        (leaf.not_before() - 1, "certificate_not_yet_valid", "certificate is not valid before 2026-01-01T00:00:00Z"),
        (leaf.not_after() + 1, "certificate_expired", "certificate expired at 2027-01-01T00:00:00Z"),
    ] {
        let problem = store.verify(&leaf, now).unwrap_err();
        assert_eq!((problem.reason, problem.detail.as_str()), (reason, detail));
    }
    store.verify(&leaf, leaf.not_before()).unwrap();
    store.verify(&leaf, leaf.not_after()).unwrap();
}

#[test]
fn rfc5280_s4_1_2_5_issuers_expire_too() {
    let mut params = ca_params("Root");
    params.not_after = date_time_ymd(2026, 6, 1);
    let root = Ca::root_with(params.clone());
    let (reason, detail) = refusal(&store(&[&root], &[]), &presented(&[&root.issue(&leaf_params("payments"))]));
    assert_eq!(reason, "certificate_expired");
    assert_eq!(detail, "trust anchor CN=Root,O=Example expired at 2026-06-01T00:00:00Z");
    let fresh = Ca::root("Fresh");
    let between = fresh.intermediate(params);
    let leaf = between.issue(&leaf_params("payments"));
    let (reason, detail) = refusal(&store(&[&fresh], &[]), &presented(&[&leaf, &between.der]));
    assert_eq!(reason, "certificate_expired");
    assert_eq!(detail, "intermediate CN=Root,O=Example expired at 2026-06-01T00:00:00Z");
}

#[test]
fn rfc5280_s4_2_1_12_extended_key_usage() {
    let root = Ca::root("Root");
    let store = store(&[&root], &[]);
    let mut params = leaf_params("payments");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let (reason, detail) = refusal(&store, &presented(&[&root.issue(&params)]));
    assert_eq!(reason, "certificate_wrong_usage");
    assert_eq!(
        detail,
        "the extended key usage of CN=payments,O=Example is serverAuth; it must include clientAuth (1.3.6.1.5.5.7.3.2)"
    );
    params.extended_key_usages.clear();
    store.verify(&presented(&[&root.issue(&params)]), NOW).unwrap();
}

#[test]
fn rfc5280_s4_2_1_3_key_usage() {
    let root = Ca::root("Root");
    let mut params = leaf_params("payments");
    params.key_usages = vec![KeyUsagePurpose::KeyEncipherment];
    let (reason, detail) = refusal(&store(&[&root], &[]), &presented(&[&root.issue(&params)]));
    assert_eq!(reason, "certificate_wrong_usage");
    assert!(detail.contains("digitalSignature"), "{detail}");
    // An intermediate that may not sign certificates, though it is a CA.
    let mut params = ca_params("Between");
    params.key_usages = vec![KeyUsagePurpose::CrlSign];
    let between = root.intermediate(params);
    let leaf = between.issue(&leaf_params("payments"));
    let (reason, detail) = refusal(&store(&[&root], &[]), &presented(&[&leaf, &between.der]));
    assert_eq!(reason, "certificate_wrong_usage");
    assert!(detail.contains("keyCertSign"), "{detail}");
}

#[test]
fn rfc5280_s4_2_1_9_a_client_certificate_issues_nothing() {
    let root = Ca::root("Root");
    let mut params = leaf_params("payments");
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages.push(KeyUsagePurpose::KeyCertSign);
    let client = root.intermediate(params);
    let leaf = client.issue(&leaf_params("admin"));
    let (reason, _) = refusal(&store(&[&root], &[]), &presented(&[&leaf, &client.der]));
    assert_eq!(reason, "certificate_wrong_usage");
}

#[test]
fn rfc8705_s2_2_a_self_signed_certificate_has_a_method_of_its_own() {
    let root = Ca::root("Root");
    let key = KeyPair::generate().unwrap();
    let certificate = leaf_params("payments").self_signed(&key).unwrap();
    let (reason, detail) = refusal(&store(&[&root], &[]), &presented(&[certificate.der()]));
    assert_eq!(reason, "certificate_untrusted");
    assert!(detail.ends_with("for such ones there is self_signed_tls_client_auth"), "{detail}");
}

#[test]
fn rfc5280_s6_3_a_revoked_certificate_is_refused() {
    let root = Ca::root("Root");
    let mut params = leaf_params("payments");
    params.serial_number = Some(SerialNumber::from(7));
    let leaf = presented(&[&root.issue(&params)]);
    store(&[&root], &[root.list(&[8], 2027)]).verify(&leaf, NOW).unwrap();
    let (reason, detail) = refusal(&store(&[&root], &[root.list(&[7, 8], 2027)]), &leaf);
    assert_eq!(reason, "certificate_revoked");
    assert_eq!(detail, "CN=payments,O=Example was revoked by CN=Root,O=Example at 2026-03-01T00:00:00Z");
    // Of two lists of one issuer the newer counts, in whichever order they are given.
    let (old, new) = (root.list(&[], 2027), root.list_with(&[7], (2026, 2, 1), 2027, None));
    for lists in [[old.clone(), new.clone()], [new, old]] {
        assert_eq!(refusal(&store(&[&root], &lists), &leaf).0, "certificate_revoked");
    }
}

#[test]
fn rfc5280_s6_3_a_revoked_intermediate_is_refused() {
    let root = Ca::root("Root");
    let mut params = ca_params("Between");
    params.serial_number = Some(SerialNumber::from(9));
    let between = root.intermediate(params);
    let leaf = between.issue(&leaf_params("payments"));
    let chain = presented(&[&leaf, &between.der]);
    // Nothing need be known of the intermediate.
    store(&[&root], &[between.list(&[], 2027)]).verify(&chain, NOW).unwrap();
    let (reason, detail) = refusal(&store(&[&root], &[between.list(&[], 2027), root.list(&[9], 2027)]), &chain);
    assert_eq!(reason, "certificate_revoked");
    assert!(detail.starts_with("CN=Between,O=Example was revoked"), "{detail}");
}

#[test]
fn rfc5280_s6_3_an_unknown_status_is_refused_where_there_are_lists() {
    let (root, other) = (Ca::root("Root"), Ca::root("Other"));
    let leaf = presented(&[&root.issue(&leaf_params("payments"))]);
    let (reason, detail) = refusal(&store(&[&root, &other], &[other.list(&[], 2027)]), &leaf);
    assert_eq!(reason, "certificate_revocation_unknown");
    assert_eq!(detail, "no revocation list of CN=Root,O=Example is there, and this domain has others");
}

#[test]
fn rfc5280_s5_1_2_5_an_expired_list_is_refused() {
    let root = Ca::root("Root");
    let leaf = presented(&[&root.issue(&leaf_params("payments"))]);
    let list = root.list_with(&[], (2025, 1, 1), 2026, None);
    let (reason, detail) = refusal(&store(&[&root], &[list]), &leaf);
    assert_eq!(reason, "crl_expired");
    assert_eq!(detail, "the revocation list of CN=Root,O=Example expired at 2026-01-01T00:00:00Z");
}

#[test]
fn rfc5280_s6_3_a_list_of_another_ca_of_the_same_name_is_not_believed() {
    let (root, twin) = (Ca::root("Root"), Ca::root("Root"));
    let leaf = presented(&[&root.issue(&leaf_params("payments"))]);
    assert_eq!(refusal(&store(&[&root], &[twin.list(&[], 2027)]), &leaf).0, "crl_untrusted");
}

#[test]
fn a_trust_store_says_which_part_is_wrong() {
    let root = Ca::root("Root");
    let leaf = KeyPair::generate().unwrap();
    let leaf = leaf_params("payments").self_signed(&leaf).unwrap().pem();
    let list = root.list(&[], 2027);
    let sentence = |anchors: &[&[u8]], lists: &[&[u8]]| TrustStore::from_pem(anchors, lists).unwrap_err().to_string();
    assert_eq!(sentence(&[], &[]), "there is no trust anchor; give the certificate of at least one CA");
    assert!(
        sentence(&[root.pem.as_bytes(), leaf.as_bytes()], &[])
            .starts_with("trust anchor 1: CN=payments,O=Example is not a CA certificate")
    );
    assert!(
        sentence(&[root.pem.as_bytes()], &[&list, b"junk"]).starts_with("revocation list 1: there is no revocation")
    );
    assert_eq!(
        sentence(&[root.pem.as_bytes()], &[&list[..40]]),
        "revocation list 0: it is not a certificate revocation list"
    );
    let key = KeyPair::generate().unwrap().serialize_pem();
    assert_eq!(
        sentence(&[[root.pem.as_bytes(), key.as_bytes()].concat().as_slice()], &[]),
        "trust anchor 0: this holds a private key, which stays with its owner; give the certificate alone"
    );
}
