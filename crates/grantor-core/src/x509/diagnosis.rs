//! Says of a refused path what an operator has to know.

use super::certificate::Leaf;
use super::name::DistinguishedName;
use super::{ClientCertificate, PathProblem, TrustStore, rfc3339};
use crate::Timestamp;
use rustls_pki_types::UnixTime;
use webpki::{EndEntityCert, Error};

/// Most trust anchors named in a sentence.
const ANCHORS_SHOWN: usize = 5;

pub(super) const fn problem(reason: &'static str, detail: String) -> PathProblem {
    PathProblem { reason, detail }
}

/// webpki's verdict in the words of this server.
pub(super) fn explain(store: &TrustStore, certificate: &ClientCertificate, error: &Error) -> PathProblem {
    match error {
        Error::CertExpired { not_after, .. } => {
            let at = timestamp(*not_after);
            let who = issuer_where(store, certificate, |not_before_after| not_before_after.1 == at);
            problem("certificate_expired", format!("{who} expired at {}", rfc3339(at)))
        }
        Error::CertNotValidYet { not_before, .. } => {
            let at = timestamp(*not_before);
            let who = issuer_where(store, certificate, |not_before_after| not_before_after.0 == at);
            problem("certificate_not_yet_valid", format!("{who} is not valid before {}", rfc3339(at)))
        }
        Error::CertRevoked => problem("certificate_revoked", revoked(store, certificate)),
        Error::UnknownRevocationStatus => problem(
            "certificate_revocation_unknown",
            format!("no revocation list of {} is there, and this domain has others", certificate.issuer()),
        ),
        Error::CrlExpired { next_update, .. } => {
            let at = timestamp(*next_update);
            let list = store.lists().iter().find(|list| list.next_update == at);
            let issuer = list.map_or_else(|| "an issuer".into(), |list| list.issuer.shown());
            problem("crl_expired", format!("the revocation list of {issuer} expired at {}", rfc3339(at)))
        }
        Error::InvalidCrlSignatureForPublicKey
        | Error::UnsupportedCrlSignatureAlgorithmContext(_)
        | Error::UnsupportedCrlSignatureAlgorithmForPublicKeyContext(_)
        | Error::IssuerNotCrlSigner => problem(
            "crl_untrusted",
            format!("a revocation list in the path of {} is not signed by its issuer, or its issuer may not sign lists", certificate.subject()),
        ),
        Error::RequiredEkuNotFoundContext(_) | Error::EmptyEkuExtension => {
            problem("certificate_wrong_usage", wrong_usage(certificate))
        }
        Error::CaUsedAsEndEntity => problem(
            "certificate_wrong_usage",
            format!("{} is a CA certificate; clients need a certificate of their own", certificate.subject()),
        ),
        Error::EndEntityUsedAsCa => problem(
            "certificate_wrong_usage",
            "a certificate in the chain issued another but may not: it is no CA, or its key usage lacks keyCertSign".into(),
        ),
        Error::PathLenConstraintViolated | Error::MaximumPathDepthExceeded => problem(
            "certificate_path_length",
            "the chain is longer than a CA in it allows, or than 6 intermediates".into(),
        ),
        Error::NameConstraintViolation | Error::MalformedNameConstraint | Error::InvalidNetworkMaskConstraint => problem(
            "certificate_name_constraint",
            format!("a name in the certificate {} is outside the name constraints of a CA in its chain", certificate.subject()),
        ),
        Error::UnsupportedSignatureAlgorithmContext(_) | Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => {
            problem("certificate_signature", "a certificate in the chain is signed with an algorithm that is not accepted here, or with an RSA key below 2048 bits".into())
        }
        Error::InvalidSignatureForPublicKey | Error::SignatureAlgorithmMismatch => {
            problem("certificate_signature", wrong_signature(store, certificate))
        }
        Error::UnknownIssuer => problem("certificate_untrusted", walk(store, certificate)),
        other => problem("certificate_untrusted", format!("the chain cannot be validated: {other:?}")),
    }
}

fn timestamp(time: UnixTime) -> Timestamp {
    Timestamp::try_from(time.as_secs()).unwrap_or(Timestamp::MAX)
}

/// The issuer in the chain or among the anchors whose validity (from, to) fits.
fn issuer_where(
    store: &TrustStore,
    certificate: &ClientCertificate,
    fits: impl Fn((Timestamp, Timestamp)) -> bool,
) -> String {
    let presented = certificate.chain().iter().skip(1).filter_map(|der| Leaf::read(der).ok());
    let presented = presented.map(|issuer| ("intermediate", (issuer.not_before(), issuer.not_after()), issuer.subject));
    let anchors = store.details().iter().map(|a| ("trust anchor", (a.not_before, a.not_after), a.subject.clone()));
    presented
        .chain(anchors)
        .find(|(_, validity, _)| fits(*validity))
        .map_or_else(|| "a CA certificate".into(), |(what, _, subject)| format!("{what} {}", subject.shown()))
}

fn revoked(store: &TrustStore, certificate: &ClientCertificate) -> String {
    for der in certificate.chain() {
        let Ok(outline) = EndEntityCert::try_from(der) else { continue };
        for list in store.lists().iter().filter(|list| list.list.issuer() == outline.issuer()) {
            if let Ok(Some(entry)) = list.list.find_serial(outline.serial()) {
                let subject = Leaf::read(der).map_or_else(|_| "a certificate".into(), |read| read.subject.shown());
                let (issuer, at) = (list.issuer.shown(), rfc3339(timestamp(entry.revocation_date)));
                return format!("{subject} was revoked by {issuer} at {at}");
            }
        }
    }
    "a certificate in the chain was revoked".into()
}

fn wrong_usage(certificate: &ClientCertificate) -> String {
    const CLIENT_AUTH: &str = "1.3.6.1.5.5.7.3.2";
    let usages = |leaf: &Leaf| -> Option<Vec<String>> {
        Some(leaf.extended_key_usage.as_ref()?.0.iter().take(8).map(|oid| usage_name(&oid.to_string())).collect())
    };
    let refused = certificate.chain().iter().filter_map(|der| Leaf::read(der).ok()).find_map(|leaf| {
        let usages = usages(&leaf)?;
        (!usages.iter().any(|usage| usage == "clientAuth")).then(|| (leaf.subject.shown(), usages.join(", ")))
    });
    match refused {
        Some((subject, usages)) => {
            format!("the extended key usage of {subject} is {usages}; it must include clientAuth ({CLIENT_AUTH})")
        }
        None => "the extended key usage of a certificate in the chain does not include clientAuth".into(),
    }
}

fn usage_name(oid: &str) -> String {
    match oid {
        "2.5.29.37.0" => "anyExtendedKeyUsage",
        "1.3.6.1.5.5.7.3.1" => "serverAuth",
        "1.3.6.1.5.5.7.3.2" => "clientAuth",
        "1.3.6.1.5.5.7.3.3" => "codeSigning",
        "1.3.6.1.5.5.7.3.4" => "emailProtection",
        other => other,
    }
    .to_owned()
}

/// Follows the presented chain by names and says where it ends.
fn walk(store: &TrustStore, certificate: &ClientCertificate) -> String {
    let (end, issuer) = end_of_chain(certificate);
    let anchors = anchors(store);
    if end == issuer {
        let hint = if certificate.chain().len() == 1 {
            "; the certificate is self-signed: for such ones there is self_signed_tls_client_auth"
        } else {
            ""
        };
        return format!(
            "certificate chain ends at {}, which is not among this domain's trust anchors ({anchors}){hint}",
            end.shown()
        );
    }
    format!(
        "certificate chain ends at {}, whose issuer {} was not presented and is not among this domain's trust anchors \
         ({anchors}); the client must send the intermediates with its certificate",
        end.shown(),
        issuer.shown()
    )
}

/// Subject and issuer of the last certificate that can be reached from the leaf by names.
fn end_of_chain(certificate: &ClientCertificate) -> (DistinguishedName, DistinguishedName) {
    let mut presented: Vec<Leaf> = certificate.chain().iter().skip(1).filter_map(|der| Leaf::read(der).ok()).collect();
    let (mut subject, mut issuer) = (certificate.leaf().subject.clone(), certificate.leaf().issuer.clone());
    while subject != issuer
        && let Some(at) = presented.iter().position(|next| next.subject == issuer)
    {
        let next = presented.swap_remove(at);
        (subject, issuer) = (next.subject, next.issuer);
    }
    (subject, issuer)
}

fn wrong_signature(store: &TrustStore, certificate: &ClientCertificate) -> String {
    let (end, issuer) = end_of_chain(certificate);
    let named = store.details().iter().map(|anchor| &anchor.subject).find(|name| **name == issuer || **name == end);
    match named {
        Some(anchor) => format!(
            "certificate chain leads to {0} by name, and a trust anchor of that name exists, but its key did not sign \
             this: another CA bears the name, or its key was renewed and {0} must be added again",
            anchor.shown()
        ),
        None => "a signature in the chain was not made with the key of its issuer".into(),
    }
}

fn anchors(store: &TrustStore) -> String {
    let mut names: Vec<String> = store.anchors().take(ANCHORS_SHOWN).collect();
    if store.details().len() > ANCHORS_SHOWN {
        names.push(format!("{} more", store.details().len() - ANCHORS_SHOWN));
    }
    names.join("; ")
}
