//! What openssl made (`fixtures/make.sh`): which certificates are accepted, and what is said of the others.

use crate::pki::NOW;
use base64::Engine;
use grantor_core::x509::{ClientCertificate, PathProblem, TrustStore};
use std::fs;

pub fn pem(name: &str) -> Vec<u8> {
    fs::read(format!("{}/tests/x509/fixtures/{name}.pem", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// The leaf first.
pub fn chain(names: &str) -> ClientCertificate {
    ClientCertificate::from_pem(&names.split(' ').map(pem).collect::<Vec<_>>().concat()).unwrap()
}

fn store(anchors: &str, lists: &str) -> TrustStore {
    let read = |names: &str| names.split_whitespace().map(pem).collect::<Vec<_>>();
    let (anchors, lists) = (read(anchors), read(lists));
    let anchors: Vec<&[u8]> = anchors.iter().map(Vec::as_slice).collect();
    let lists: Vec<&[u8]> = lists.iter().map(Vec::as_slice).collect();
    TrustStore::from_pem(&anchors, &lists).unwrap()
}

fn verify(anchors: &str, lists: &str, names: &str) -> Result<(), PathProblem> {
    store(anchors, lists).verify(&chain(names), NOW)
}

fn accepted(anchors: &str, lists: &str, names: &str) {
    if let Err(PathProblem { reason, detail }) = verify(anchors, lists, names) {
        panic!("{names}: {reason}: {detail}");
    }
}

fn refused(anchors: &str, lists: &str, names: &str, reason: &str, detail: &str) {
    let problem = verify(anchors, lists, names).expect_err(names);
    assert_eq!((problem.reason, problem.detail.as_str()), (reason, detail), "{names}");
}

#[test]
fn rfc5280_s6_each_kind_of_key() {
    for leaf in ["payments", "payments-renewed", "payments-rsa", "payments-p384", "payments-ed25519"] {
        accepted("root", "", &format!("{leaf} between"));
        accepted("root", "crl-root crl-between", &format!("{leaf} between"));
        assert!(chain(leaf).public_jwk().is_some(), "{leaf}");
    }
    for (anchor, leaf) in [
        ("root-rsa", "of-root-rsa"),
        ("root-rsa", "of-root-rsa-pss"),
        ("root-ed25519", "of-root-ed25519"),
        ("root root-rsa root-ed25519", "of-root-ed25519"),
    ] {
        accepted(anchor, "", leaf);
    }
}

#[test]
fn rfc5280_s6_the_intermediate_may_be_presented_or_trusted() {
    accepted("root", "", "payments between");
    accepted("root", "", "payments twin-between root between");
    accepted("between", "", "payments");
    accepted("between", "", "payments between root");
    refused(
        "root",
        "",
        "payments",
        "certificate_untrusted",
        "certificate chain ends at CN=payments,OU=Platform,O=Example,C=DE, whose issuer CN=Example Issuing,O=Example,C=DE was \
         not presented and is not among this domain's trust anchors (CN=Example Root,O=Example,C=DE); the client must send \
         the intermediates with its certificate",
    );
    refused(
        "root-rsa",
        "",
        "payments between root",
        "certificate_untrusted",
        "certificate chain ends at CN=Example Root,O=Example,C=DE, which is not among this domain's trust anchors \
         (CN=Example Root RSA,O=Example,C=DE)",
    );
}

#[test]
fn rfc5280_s6_another_ca_with_the_same_names_is_not_the_anchor() {
    let detail = "certificate chain leads to CN=Example Root,O=Example,C=DE by name, and a trust anchor of that name \
                  exists, but its key did not sign this: another CA bears the name, or its key was renewed and CN=Example \
                  Root,O=Example,C=DE must be added again";
    refused("root", "", "twin-payments twin-between", "certificate_signature", detail);
    refused("root", "", "twin-payments twin-between twin-root", "certificate_signature", detail);
    // Nor does the right intermediate help a leaf that the other one signed.
    verify("root", "", "twin-payments between").unwrap_err();
    accepted("root twin-root", "", "twin-payments twin-between");
}

#[test]
fn rfc8705_s2_2_a_self_signed_certificate_leads_nowhere() {
    refused(
        "root",
        "",
        "self-signed",
        "certificate_untrusted",
        "certificate chain ends at CN=alone, which is not among this domain's trust anchors (CN=Example \
         Root,O=Example,C=DE); the certificate is self-signed: for such ones there is self_signed_tls_client_auth",
    );
    // As `openssl req -x509` makes them, they say of themselves that they are a CA.
    refused(
        "root",
        "",
        "self-signed-ca",
        "certificate_wrong_usage",
        "CN=alone is a CA certificate; clients need a certificate of their own; the certificate is self-signed: for such \
         ones there is self_signed_tls_client_auth",
    );
    assert_eq!(verify("self-signed-ca", "", "self-signed-ca").unwrap_err().reason, "certificate_wrong_usage");
}

#[test]
fn rfc5280_s4_1_2_5_validity_of_leaf_and_anchor() {
    refused("root", "", "expired between", "certificate_expired", "certificate expired at 2025-12-31T00:00:00Z");
    let detail = "certificate is not valid before 2055-01-01T00:00:00Z";
    refused("root", "", "not-yet between", "certificate_not_yet_valid", detail);
    let detail = "trust anchor CN=Example Root expired,O=Example,C=DE expired at 2025-01-01T00:00:00Z";
    refused("root-expired", "", "of-root-expired", "certificate_expired", detail);
}

#[test]
fn rfc5280_s4_2_1_3_and_12_what_a_key_is_for() {
    accepted("root", "", "no-eku between");
    refused(
        "root",
        "",
        "wrong-eku between",
        "certificate_wrong_usage",
        "the extended key usage of CN=payments,O=Example,C=DE is serverAuth; it must include clientAuth (1.3.6.1.5.5.7.3.2)",
    );
    refused(
        "root",
        "",
        "wrong-ku between",
        "certificate_wrong_usage",
        "certificate has a key usage without digitalSignature, which client authentication needs",
    );
}

#[test]
fn rfc5280_s4_2_1_9_who_may_issue() {
    refused(
        "root",
        "",
        "of-too-deep too-deep between",
        "certificate_path_length",
        "the chain of CN=payments,O=Example,C=DE has more CAs than one of them allows below itself (pathLenConstraint: \
         CN=Too deep,O=Example,C=DE allows 0, CN=Example Issuing,O=Example,C=DE allows 0), or more than 6",
    );
    // The limit of an anchor holds too.
    assert_eq!(
        verify("between", "", "of-too-deep too-deep").unwrap_err().reason,
        "certificate_path_length",
        "the anchor allows none below itself"
    );
    refused(
        "root",
        "",
        "of-client client-as-ca between",
        "certificate_wrong_usage",
        "CN=client,O=Example,C=DE issued a certificate in the chain but may not: it is no CA, or its key usage lacks \
         keyCertSign",
    );
}

#[test]
fn rfc5280_s4_2_1_10_names_that_are_constrained() {
    let constrained =
        "CN=Constrained,O=Example,C=DE permits DNS name example.com, excludes DNS name forbidden.example.com";
    let detail = |subject: &str, name: &str| {
        format!(
            "a name in the chain of {subject}, which has DNS name {name}, is outside the name constraints of a CA: \
             {constrained}"
        )
    };
    accepted("root", "", "constrained-inside constrained");
    accepted("constrained", "", "constrained-inside");
    for (leaf, subject, name) in [
        ("constrained-outside", "CN=outside,O=Example,C=DE", "payments.example.net"),
        ("constrained-forbidden", "CN=forbidden,O=Example,C=DE", "a.forbidden.example.com"),
    ] {
        let reason = "certificate_name_constraint";
        refused("root", "", &format!("{leaf} constrained"), reason, &detail(subject, name));
        // They hold for what stands below an anchor as well.
        refused("constrained", "", leaf, reason, &detail(subject, name));
    }
    accepted("root", "", "of-constrained-ip constrained-ip");
    accepted("root", "", "of-constrained-ip-without constrained-ip");
    refused(
        "root",
        "",
        "of-constrained-ip-outside constrained-ip",
        "certificate_name_constraint",
        "a name in the chain of CN=payments,O=Example, which has IP address 198.51.100.7, is outside the name constraints of \
         a CA: CN=Constrained ip,O=Example,C=DE permits IP address 192.0.2.0/255.255.255.0",
    );
}

/// "the application MUST either process the constraint or reject the certificate".
#[test]
fn rfc5280_s4_2_1_10_constraints_that_are_not_evaluated_let_nothing_through() {
    for (form, shown) in [("uri", "URI"), ("email", "email address")] {
        let (ca, leaf) = (format!("constrained-{form}"), format!("of-constrained-{form}"));
        let problem = verify("root", "", &format!("{leaf} {ca}")).unwrap_err();
        assert_eq!(problem.reason, "certificate_name_constraint");
        let expected =
            format!("constraints on a {shown} are not evaluated here, so all certificates that have one are refused");
        assert!(problem.detail.ends_with(&expected), "{}", problem.detail);
        accepted("root", "", &format!("{leaf}-without {ca}"));
    }
    let problem = verify("root", "", "of-constrained-dirname constrained-dirname").unwrap_err();
    assert_eq!(problem.reason, "certificate_name_constraint");
    assert!(problem.detail.contains("constraints on a directory name are not evaluated here"), "{}", problem.detail);
}

#[test]
fn rfc5280_s6_3_what_is_revoked() {
    accepted("root", "crl-root crl-between-before", "revoked between");
    let detail = "CN=revoked,O=Example,C=DE was revoked by CN=Example Issuing,O=Example,C=DE at ";
    for lists in ["crl-between", "crl-between-before crl-between", "crl-between crl-between-before crl-root"] {
        let problem = verify("root", lists, "revoked between").unwrap_err();
        assert_eq!(problem.reason, "certificate_revoked");
        assert!(problem.detail.starts_with(detail), "{}", problem.detail);
    }
    accepted("root", "crl-root crl-between", "payments between");
    let lists = "crl-root crl-between-revoked";
    let problem = verify("root", lists, "of-between-revoked between-revoked").unwrap_err();
    assert_eq!(problem.reason, "certificate_revoked");
    let detail = "CN=Revoked Issuing,O=Example,C=DE was revoked by CN=Example Root,O=Example,C=DE at ";
    assert!(problem.detail.starts_with(detail), "{}", problem.detail);
}

#[test]
fn rfc5280_s6_3_lists_that_tell_nothing() {
    refused(
        "root",
        "crl-between-expired",
        "payments between",
        "crl_expired",
        "the revocation list of CN=Example Issuing,O=Example,C=DE expired at 2026-02-01T00:00:00Z",
    );
    accepted("root", "crl-between-expired crl-between", "payments between");
    refused(
        "root",
        "crl-root",
        "payments between",
        "certificate_revocation_unknown",
        "no revocation list of CN=Example Issuing,O=Example,C=DE is there, and this domain has others",
    );
}

/// openssl always writes a `nextUpdate`, so it is cut out.
#[test]
fn rfc5280_s5_1_2_5_a_list_without_end_is_refused() {
    let text = String::from_utf8(pem("crl-twin-between")).unwrap();
    let base64: String = text.lines().filter(|line| !line.starts_with('-')).collect();
    let mut der = base64::engine::general_purpose::STANDARD.decode(base64).unwrap();
    assert_eq!((der[0], der[1], der[4], der[5]), (0x30, 0x82, 0x30, 0x81), "two lengths, of two octets and of one");
    TrustStore::from_pem(&[&pem("root")], &[&der]).unwrap();
    let next_update = b"\x18\x0f20560101000000Z";
    let at = der.windows(next_update.len()).position(|window| window == next_update).unwrap();
    der.drain(at..at + next_update.len());
    let removed = u8::try_from(next_update.len()).unwrap();
    der[3] = der[3].checked_sub(removed).expect("no borrow");
    der[6] -= removed;
    let error = TrustStore::from_pem(&[&pem("root")], &[&der]).unwrap_err();
    assert!(error.to_string().starts_with("revocation list 0: it does not say when the next list comes"), "{error}");
}

/// The twin's list has the right issuer by name, and would hide the revocation.
#[test]
fn rfc5280_s6_3_3_a_list_of_another_ca_with_the_same_name() {
    for leaf in ["payments", "revoked"] {
        refused(
            "root",
            "crl-twin-between",
            &format!("{leaf} between"),
            "crl_untrusted",
            "the revocation list of CN=Example Issuing,O=Example,C=DE is not signed with the key of that CA (another CA may \
             bear the name), or the key usage of the CA lacks cRLSign",
        );
    }
    // Beside the right list it neither hurts nor helps, whichever other certificates are presented.
    for lists in ["crl-between crl-twin-between", "crl-twin-between crl-between"] {
        accepted("root", lists, "payments between");
        for names in ["revoked between", "revoked twin-payments between", "revoked between twin-between twin-payments"]
        {
            verify("root", lists, names).unwrap_err();
        }
        assert_eq!(verify("root", lists, "revoked between").unwrap_err().reason, "certificate_revoked");
    }
    // Each of two CAs of one name has its own.
    accepted("root twin-root", "crl-between crl-twin-between", "twin-payments twin-between");
}

#[test]
fn weak_keys_and_broken_hashes_are_refused() {
    let detail = "the RSA key of the certificate has 1024 bits; at least 2048 are needed";
    refused("root", "", "weak between", "certificate_weak_key", detail);
    refused(
        "root",
        "",
        "sha1 between",
        "certificate_signature",
        "CN=payments,O=Example,C=DE is signed with sha1WithRSAEncryption, which is not accepted; its CA must sign with \
         SHA-256 or better",
    );
    let error = TrustStore::from_pem(&[&pem("root-weak")], &[]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "trust anchor 0: the RSA key of CN=Example Root weak,O=Example,C=DE has 1024 bits; at least 2048 are needed"
    );
}

/// Each octet of a DER text in turn, with its lowest or its highest bit turned.
fn damaged(der: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    (0..der.len()).flat_map(|at| [0x01, 0x80].map(|bit| (at, bit))).map(|(at, bit)| {
        let mut damaged = der.to_vec();
        damaged[at] ^= bit;
        damaged
    })
}

#[test]
fn rfc5280_s6_1_3_not_a_bit_of_a_certificate_can_be_changed() {
    let store = store("root", "crl-root crl-between");
    let whole = chain("payments between");
    let [leaf, between] = whole.chain_der().collect::<Vec<_>>()[..] else { panic!("two certificates") };
    store.verify(&whole, NOW).unwrap();
    let leaves = damaged(leaf).map(|leaf| vec![leaf, between.to_vec()]);
    let intermediates = damaged(between).map(|between| vec![leaf.to_vec(), between]);
    for chain in leaves.chain(intermediates) {
        if let Ok(certificate) = ClientCertificate::from_der(chain) {
            store.verify(&certificate, NOW).unwrap_err();
        }
    }
}

#[test]
fn rfc5280_s6_3_3_not_a_bit_of_a_list_can_be_changed() {
    let base64: String =
        String::from_utf8(pem("crl-between")).unwrap().lines().filter(|line| !line.starts_with('-')).collect();
    let list = base64::engine::general_purpose::STANDARD.decode(base64).unwrap();
    let (good, revoked) = (chain("payments between"), chain("revoked between"));
    TrustStore::from_pem(&[&pem("root")], &[&list]).unwrap().verify(&good, NOW).unwrap();
    for list in damaged(&list) {
        if let Ok(store) = TrustStore::from_pem(&[&pem("root")], &[&list]) {
            store.verify(&revoked, NOW).unwrap_err();
            store.verify(&good, NOW).unwrap_err();
        }
    }
}
