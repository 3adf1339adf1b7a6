//! Whom a domain trusts to issue client certificates, and whether a certificate leads there (RFC 5280 §6).

use super::certificate::{Leaf, RSA_BITS_MIN};
use super::diagnosis::{self, problem};
use super::revocation::{self, RevocationList};
use super::{ClientCertificate, X509Error, pem, rfc3339};
use crate::Timestamp;
use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};
use std::time::Duration;
use webpki::{
    ALL_VERIFICATION_ALGS, CertRevocationList, EndEntityCert, Error, ExpirationPolicy, KeyUsage, RevocationCheckDepth,
    RevocationOptions, RevocationOptionsBuilder, UnknownStatusPolicy, VerifiedPath, anchor_from_trusted_cert,
};

/// Most anchors and most revocation lists of a domain.
const ANCHORS_MAX: usize = 100;
const LISTS_MAX: usize = 100;

/// The trust anchors of a domain, and its revocation lists.
pub struct TrustStore {
    /// In the order of `details`.
    anchors: Vec<TrustAnchor<'static>>,
    details: Vec<Leaf>,
    /// The newest first: the first that fits is the one that counts.
    lists: Vec<RevocationList>,
}

/// Why a certificate is not trusted: a fixed slug, and the specifics for operators.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathProblem {
    pub reason: &'static str,
    pub detail: String,
}

impl TrustStore {
    /// `anchors_pem`: PEM texts with one CA certificate or several each. `crls`: PEM or DER each.
    pub fn from_pem(anchors_pem: &[&[u8]], crls: &[&[u8]]) -> Result<Self, X509Error> {
        let mut store = Self { anchors: Vec::new(), details: Vec::new(), lists: Vec::new() };
        for (at, source) in anchors_pem.iter().enumerate() {
            store.add_anchors(source).map_err(|error| X509Error::new(format!("trust anchor {at}: {error}")))?;
        }
        if store.anchors.is_empty() {
            return Err(X509Error::new("there is no trust anchor; give the certificate of at least one CA"));
        }
        for (at, source) in crls.iter().enumerate() {
            let lists =
                revocation::read(source).map_err(|error| X509Error::new(format!("revocation list {at}: {error}")))?;
            store.lists.extend(lists);
        }
        if store.anchors.len() > ANCHORS_MAX || store.lists.len() > LISTS_MAX {
            let sentence = format!("at most {ANCHORS_MAX} trust anchors and {LISTS_MAX} revocation lists");
            return Err(X509Error::new(sentence));
        }
        store.lists.sort_by_key(|list| std::cmp::Reverse(list.this_update));
        Ok(store)
    }

    fn add_anchors(&mut self, source: &[u8]) -> Result<(), X509Error> {
        let ders = if pem::is_der(source) { vec![source.to_vec()] } else { pem::certificates(source)? };
        for der in ders {
            let certificate = Leaf::read(&der)?;
            if !certificate.is_ca() {
                return Err(X509Error::new(format!(
                    "{} is not a CA certificate; give the certificate of the CA that issues the clients' certificates, \
                     or register a single certificate with self_signed_tls_client_auth",
                    certificate.subject.shown()
                )));
            }
            if let Some(bits) = certificate.weak_rsa_bits() {
                let subject = certificate.subject.shown();
                return Err(X509Error::new(format!(
                    "the RSA key of {subject} has {bits} bits; at least {RSA_BITS_MIN} are needed"
                )));
            }
            let der = CertificateDer::from(der);
            let anchor =
                anchor_from_trusted_cert(&der).map_err(|_| X509Error::new("the certificate is malformed"))?.to_owned();
            self.anchors.push(anchor);
            self.details.push(certificate);
        }
        Ok(())
    }

    /// Subjects of the anchors, for diagnostics.
    pub fn anchors(&self) -> impl Iterator<Item = String> {
        self.details.iter().map(|anchor| anchor.subject.shown())
    }

    pub(super) fn details(&self) -> &[Leaf] {
        &self.details
    }

    pub(super) fn lists(&self) -> &[RevocationList] {
        &self.lists
    }

    /// Whether the certificate leads to one of the anchors, now, for client authentication, and is not revoked.
    pub fn verify(&self, certificate: &ClientCertificate, now: Timestamp) -> Result<(), PathProblem> {
        check_leaf(certificate.leaf(), now)?;
        let lists = self.lists_for(certificate);
        let options = |depth, unknown| {
            let builder = RevocationOptionsBuilder::new(&lists).ok()?;
            let builder = builder.with_depth(depth).with_status_policy(unknown);
            Some(builder.with_expiration_policy(ExpirationPolicy::Enforce).build())
        };
        // Any certificate of the path may be revoked; of intermediates nothing need be known.
        self.build_path(certificate, now, options(RevocationCheckDepth::Chain, UnknownStatusPolicy::Allow))?;
        if !self.lists.is_empty() && !self.status_is_known(certificate) {
            self.build_path(certificate, now, options(RevocationCheckDepth::EndEntity, UnknownStatusPolicy::Deny))?;
        }
        Ok(())
    }

    /// The lists that may be asked about a chain. Where a CA has renewed its key and kept its name there is a list for
    /// each key, and the path validation would ask the first of that name. Where no list fits the key all of that name
    /// are asked, and refused, so that a key identifier never hides a revocation.
    fn lists_for(&self, certificate: &ClientCertificate) -> Vec<&CertRevocationList<'static>> {
        let mut wanted = vec![false; self.lists.len()];
        for der in certificate.chain() {
            let (Ok(outline), Ok(leaf)) = (EndEntityCert::try_from(der), Leaf::read(der)) else { continue };
            let of_issuer = |list: &RevocationList| list.list.issuer() == outline.issuer();
            let fits = |list: &RevocationList| of_issuer(list) && list.may_be_of_key(leaf.issuer_key_id.as_deref());
            let any_fits = self.lists.iter().any(fits);
            for (wanted, list) in wanted.iter_mut().zip(&self.lists) {
                *wanted |= if any_fits { fits(list) } else { of_issuer(list) };
            }
        }
        // With no list at all the path validation would not look for revocations; with others, it finds none that fits.
        let all = !wanted.contains(&true);
        self.lists.iter().zip(wanted).filter_map(|(list, wanted)| (wanted || all).then_some(&list.list)).collect()
    }

    /// Whether a list for all that the issuer issued is there: then the path has been checked against it already.
    fn status_is_known(&self, certificate: &ClientCertificate) -> bool {
        EndEntityCert::try_from(&certificate.chain()[0]).is_ok_and(|leaf| {
            self.lists
                .iter()
                .any(|list| list.list.issuer() == leaf.issuer() && list.list.issuing_distribution_point().is_none())
        })
    }

    fn build_path(
        &self,
        certificate: &ClientCertificate,
        now: Timestamp,
        revocation: Option<RevocationOptions<'_>>,
    ) -> Result<(), PathProblem> {
        let time = UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(now).unwrap_or(0)));
        let (leaf, intermediates) = certificate.chain().split_first().expect("a chain has a leaf");
        EndEntityCert::try_from(leaf)
            .and_then(|leaf| {
                leaf.verify_for_usage(
                    ALL_VERIFICATION_ALGS,
                    &self.anchors,
                    intermediates,
                    time,
                    KeyUsage::client_auth(),
                    revocation,
                    Some(&|path| self.check_issuers(path, time)),
                )
                .map(|_| ())
            })
            .map_err(|error| diagnosis::explain(self, certificate, &error))
    }

    /// What webpki leaves open: validity and path length of the anchor, and whether the keys of intermediates may sign
    /// certificates (RFC 5280 §6.1.4 n).
    fn check_issuers(&self, path: &VerifiedPath<'_>, time: UnixTime) -> Result<(), Error> {
        let anchor = self.anchors.iter().zip(&self.details).find(|(anchor, _)| std::ptr::eq(*anchor, path.anchor()));
        if let Some((_, details)) = anchor {
            let unix = |at: Timestamp| UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(at).unwrap_or(0)));
            let (not_before, not_after) = (unix(details.not_before()), unix(details.not_after()));
            if time > not_after {
                return Err(Error::CertExpired { time, not_after });
            }
            if time < not_before {
                return Err(Error::CertNotValidYet { time, not_before });
            }
            let below = path.intermediate_certificates().count();
            if details.path_length().is_some_and(|most| below > usize::from(most)) {
                return Err(Error::PathLenConstraintViolated);
            }
        }
        for issuer in path.intermediate_certificates() {
            if !Leaf::read(&issuer.der()).is_ok_and(|issuer| issuer.may_sign_certificates()) {
                return Err(Error::EndEntityUsedAsCa);
            }
        }
        Ok(())
    }
}

/// What can be said of the presented certificate by itself, and more exactly than the path validation would.
fn check_leaf(leaf: &Leaf, now: Timestamp) -> Result<(), PathProblem> {
    if now > leaf.not_after() {
        return Err(problem("certificate_expired", format!("certificate expired at {}", rfc3339(leaf.not_after()))));
    }
    if now < leaf.not_before() {
        let detail = format!("certificate is not valid before {}", rfc3339(leaf.not_before()));
        return Err(problem("certificate_not_yet_valid", detail));
    }
    if let Some(bits) = leaf.weak_rsa_bits() {
        let detail = format!("the RSA key of the certificate has {bits} bits; at least {RSA_BITS_MIN} are needed");
        return Err(problem("certificate_weak_key", detail));
    }
    // RFC 5280 §4.2.1.3: the client signs the handshake. That CA certificates are none for clients the path validation says.
    if !leaf.is_ca() && leaf.key_usage.is_some_and(|usage| !usage.digital_signature()) {
        let detail = "certificate has a key usage without digitalSignature, which client authentication needs";
        return Err(problem("certificate_wrong_usage", detail.into()));
    }
    Ok(())
}

impl std::fmt::Debug for TrustStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TrustStore")
            .field("anchors", &self.anchors().collect::<Vec<_>>())
            .field("lists", &self.lists.len())
            .finish()
    }
}
