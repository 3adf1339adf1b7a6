//! Says of a refused path what an operator has to know.

use super::certificate::{Leaf, RSA_BITS_MIN};
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
        | Error::IssuerNotCrlSigner => problem("crl_untrusted", crl_untrusted(store, certificate)),
        Error::RequiredEkuNotFoundContext(_) | Error::EmptyEkuExtension => {
            problem("certificate_wrong_usage", wrong_usage(certificate))
        }
        Error::CaUsedAsEndEntity => problem(
            "certificate_wrong_usage",
            format!(
                "{} is a CA certificate; clients need a certificate of their own{}",
                certificate.subject(),
                self_signed_hint(certificate)
            ),
        ),
        Error::EndEntityUsedAsCa => problem("certificate_wrong_usage", not_a_ca(certificate)),
        Error::PathLenConstraintViolated | Error::MaximumPathDepthExceeded => {
            problem("certificate_path_length", too_long(store, certificate))
        }
        Error::NameConstraintViolation | Error::MalformedNameConstraint | Error::InvalidNetworkMaskConstraint => {
            problem("certificate_name_constraint", outside_constraints(store, certificate))
        }
        Error::UnsupportedSignatureAlgorithmContext(_) | Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => {
            problem("certificate_signature", unsupported_signature(certificate))
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
    let presented = intermediates(certificate);
    let presented = presented.map(|issuer| ("intermediate", (issuer.not_before(), issuer.not_after()), issuer.subject));
    let anchors = store.details().iter().map(|a| ("trust anchor", (a.not_before(), a.not_after()), a.subject.clone()));
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

/// The certificates that were presented after the leaf.
fn intermediates(certificate: &ClientCertificate) -> impl Iterator<Item = Leaf> {
    certificate.chain().iter().skip(1).filter_map(|der| Leaf::read(der).ok())
}

fn crl_untrusted(store: &TrustStore, certificate: &ClientCertificate) -> String {
    let issuers =
        [certificate.leaf().issuer.clone()].into_iter().chain(intermediates(certificate).map(|one| one.issuer));
    let listed = issuers.filter(|issuer| store.lists().iter().any(|list| list.issuer == *issuer));
    let mut names: Vec<String> = listed.map(|issuer| issuer.shown()).collect();
    names.dedup();
    format!(
        "the revocation list of {} is not signed with the key of that CA (another CA may bear the name), or the key usage of \
         the CA lacks cRLSign",
        names.join(" or of ")
    )
}

fn not_a_ca(certificate: &ClientCertificate) -> String {
    match intermediates(certificate).find(|one| !one.is_ca()) {
        Some(one) => format!(
            "{} issued a certificate in the chain but may not: it is no CA, or its key usage lacks keyCertSign",
            one.subject.shown()
        ),
        None => "a certificate in the chain issued another but is no CA".into(),
    }
}

fn too_long(store: &TrustStore, certificate: &ClientCertificate) -> String {
    let limit = |one: &Leaf| Some(format!("{} allows {}", one.subject.shown(), one.path_length()?));
    let limits: Vec<String> = intermediates(certificate).filter_map(|one| limit(&one)).take(4).collect();
    let anchors = store.details().iter().filter_map(limit).take(4);
    let limits = limits.into_iter().chain(anchors).collect::<Vec<_>>().join(", ");
    let limits = if limits.is_empty() { "none of them sets a limit".into() } else { limits };
    format!(
        "the chain of {} has more CAs than one of them allows below itself (pathLenConstraint: {limits}), or more than 6",
        certificate.subject()
    )
}

fn outside_constraints(store: &TrustStore, certificate: &ClientCertificate) -> String {
    let of = |one: &Leaf| Some(format!("{} {}", one.subject.shown(), one.name_constraints()?.shown()));
    let presented: Vec<String> = intermediates(certificate).filter_map(|one| of(&one)).take(2).collect();
    let constraints = presented.into_iter().chain(store.details().iter().filter_map(of).take(2));
    let names: Vec<String> = certificate.sans().iter().take(6).map(ToString::to_string).collect();
    let names = if names.is_empty() { "no alternative names".into() } else { names.join(", ") };
    format!(
        "a name in the chain of {}, which has {names}, is outside the name constraints of a CA: {}",
        certificate.subject(),
        constraints.collect::<Vec<_>>().join("; ")
    )
}

/// Signatures that are not made any more, by the names of RFC 3279 and RFC 5758.
fn broken_signature(signature: &str) -> Option<&'static str> {
    Some(match signature {
        "1.2.840.113549.1.1.4" => "md5WithRSAEncryption",
        "1.2.840.113549.1.1.5" => "sha1WithRSAEncryption",
        "1.2.840.10045.4.1" => "ecdsa-with-SHA1",
        _ => return None,
    })
}

fn unsupported_signature(certificate: &ClientCertificate) -> String {
    let chain = certificate.chain().iter().filter_map(|der| Leaf::read(der).ok());
    let broken = chain.filter_map(|one| Some((one.subject, broken_signature(&one.signature.to_string())?))).next();
    match broken {
        Some((subject, signature)) => format!(
            "{} is signed with {signature}, which is not accepted; its CA must sign with SHA-256 or better",
            subject.shown()
        ),
        None => {
            "a certificate in the chain is signed with an algorithm or a kind of key that is not accepted here".into()
        }
    }
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
        return format!(
            "certificate chain ends at {}, which is not among this domain's trust anchors ({anchors}){}",
            end.shown(),
            self_signed_hint(certificate)
        );
    }
    format!(
        "certificate chain ends at {}, whose issuer {} was not presented and is not among this domain's trust anchors \
         ({anchors}); the client must send the intermediates with its certificate",
        end.shown(),
        issuer.shown()
    )
}

fn self_signed_hint(certificate: &ClientCertificate) -> &'static str {
    let leaf = certificate.leaf();
    match certificate.chain().len() == 1 && leaf.subject == leaf.issuer {
        true => "; the certificate is self-signed: for such ones there is self_signed_tls_client_auth",
        false => "",
    }
}

/// Subject and issuer of the last certificate that can be reached from the leaf by names.
fn end_of_chain(certificate: &ClientCertificate) -> (DistinguishedName, DistinguishedName) {
    let mut presented: Vec<Leaf> = intermediates(certificate).collect();
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
    let weak = intermediates(certificate).find_map(|one| Some((one.weak_rsa_bits()?, one.subject)));
    if let Some((bits, subject)) = weak {
        return format!("the RSA key of {} has {bits} bits; at least {RSA_BITS_MIN} are needed", subject.shown());
    }
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
