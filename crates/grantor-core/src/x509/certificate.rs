//! A client certificate with its chain, as it was presented.

use super::constraints::NameConstraints;
use super::name::DistinguishedName;
use super::public_key::{RSA, rsa};
use super::{San, X509Error, pem, public_key, seconds};
use crate::Timestamp;
use crate::jose::{b64url_encode, sha256};
use crate::jwk::Jwk;
use rustls_pki_types::CertificateDer;
use std::fmt;
use webpki::EndEntityCert;
use x509_cert::Certificate;
use x509_cert::der::asn1::{AnyRef, ObjectIdentifier};
use x509_cert::der::oid::AssociatedOid;
use x509_cert::der::{Class, Decode, SliceReader, Tag, TagNumber, Tagged};
use x509_cert::ext::pkix::{
    self, AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, ID_CE_SUBJECT_ALT_NAME, KeyUsage,
};
use x509_cert::spki::SubjectPublicKeyInfoOwned;

/// Most certificates of a chain, and most bytes of all of them.
const CHAIN_MAX: usize = 10;
const CHAIN_BYTES_MAX: usize = 64 * 1024;
/// Longest subject or issuer, in bytes of DER: the parser's time is quadratic in it.
const NAME_BYTES_MAX: usize = 2048;

pub(super) const RSA_BITS_MIN: usize = 2048;

/// A client certificate chain as it was presented, the leaf first. That its holder has the key is for the TLS layer, or
/// the trusted proxy, to know. Whatever is read of it is read of the leaf alone.
#[derive(Clone)]
pub struct ClientCertificate {
    chain: Vec<CertificateDer<'static>>,
    x5t_s256: String,
    leaf: Leaf,
}

/// What is read of a single certificate.
#[derive(Clone)]
pub(super) struct Leaf {
    pub(super) subject: DistinguishedName,
    pub(super) issuer: DistinguishedName,
    not_before: Timestamp,
    not_after: Timestamp,
    sans: Vec<San>,
    pub(super) key_usage: Option<KeyUsage>,
    pub(super) extended_key_usage: Option<ExtendedKeyUsage>,
    basic_constraints: Option<BasicConstraints>,
    /// Which of its issuer's keys signed it (RFC 5280 §4.2.1.1).
    pub(super) issuer_key_id: Option<Vec<u8>>,
    /// How its issuer signed it.
    pub(super) signature: ObjectIdentifier,
    name_constraints: Option<Vec<u8>>,
    key: SubjectPublicKeyInfoOwned,
}

impl ClientCertificate {
    /// DER certificates, the leaf first.
    pub fn from_der(chain: Vec<Vec<u8>>) -> Result<Self, X509Error> {
        let leaf = match chain.first() {
            None => return Err(X509Error::new("there is no certificate in the chain")),
            Some(_) if chain.len() > CHAIN_MAX => {
                return Err(X509Error::new(format!("the chain has more than {CHAIN_MAX} certificates")));
            }
            Some(_) if chain.iter().map(Vec::len).sum::<usize>() > CHAIN_BYTES_MAX => {
                return Err(X509Error::new(format!("the chain has more than {CHAIN_BYTES_MAX} bytes")));
            }
            Some(leaf) => leaf,
        };
        let (x5t_s256, leaf) = (b64url_encode(&sha256(leaf)), Leaf::read(leaf)?);
        Ok(Self { chain: chain.into_iter().map(CertificateDer::from).collect(), x5t_s256, leaf })
    }

    /// PEM text with one certificate or a chain, the leaf first.
    pub fn from_pem(pem: &[u8]) -> Result<Self, X509Error> {
        if pem.len() > 2 * CHAIN_BYTES_MAX {
            return Err(X509Error::new(format!("the chain has more than {CHAIN_BYTES_MAX} bytes")));
        }
        Self::from_der(pem::certificates(pem)?)
    }

    pub fn leaf_der(&self) -> &[u8] {
        &self.chain[0]
    }

    /// The whole chain, the leaf first.
    pub fn chain_der(&self) -> impl Iterator<Item = &[u8]> {
        self.chain.iter().map(AsRef::as_ref)
    }

    pub(super) fn chain(&self) -> &[CertificateDer<'static>] {
        &self.chain
    }

    pub(super) const fn leaf(&self) -> &Leaf {
        &self.leaf
    }

    /// base64url of the SHA-256 of the certificate's DER, the `x5t#S256` of RFC 8705 §3.1.
    pub fn x5t_s256(&self) -> &str {
        &self.x5t_s256
    }

    /// RFC 4514 text, bounded and without control characters.
    pub fn subject(&self) -> String {
        self.leaf.subject.shown()
    }

    pub fn issuer(&self) -> String {
        self.leaf.issuer.shown()
    }

    pub const fn not_before(&self) -> Timestamp {
        self.leaf.not_before
    }

    pub const fn not_after(&self) -> Timestamp {
        self.leaf.not_after
    }

    pub fn sans(&self) -> &[San] {
        &self.leaf.sans
    }

    /// Its key, if it is of a kind that registrations may hold as a JWK.
    pub fn public_jwk(&self) -> Option<Jwk> {
        public_key::jwk(&self.leaf.key)
    }
}

impl Leaf {
    pub(super) fn read(der: &[u8]) -> Result<Self, X509Error> {
        let malformed = || X509Error::new("the certificate is malformed");
        let der = CertificateDer::from(der);
        // A second parser goes first, cheap and bounded: it is the one that the path validation uses.
        let outline = EndEntityCert::try_from(&der).map_err(|error| match error {
            webpki::Error::UnsupportedCertVersion => {
                X509Error::new("the certificate is not of version 3; issue it with extensions")
            }
            webpki::Error::UnsupportedCriticalExtension => {
                X509Error::new("the certificate has a critical extension that is not known here")
            }
            _ => malformed(),
        })?;
        if outline.subject().len().max(outline.issuer().len()) > NAME_BYTES_MAX {
            return Err(X509Error::new(format!("a name in the certificate has more than {NAME_BYTES_MAX} bytes")));
        }
        let certificate = Certificate::from_der(&der).map_err(|_| malformed())?;
        let tbs = certificate.tbs_certificate();
        let name = |name| {
            DistinguishedName::from_x509(name).ok_or_else(|| {
                X509Error::new("a name in the certificate has a type or a string that is not well-formed")
            })
        };
        let extension = |kind| {
            let found = tbs.extensions().into_iter().flatten().find(|extension| extension.extn_id == kind);
            found.map(|extension| extension.extn_value.as_bytes())
        };
        Ok(Self {
            subject: name(tbs.subject())?,
            issuer: name(tbs.issuer())?,
            not_before: seconds(tbs.validity().not_before.to_unix_duration()),
            not_after: seconds(tbs.validity().not_after.to_unix_duration()),
            sans: extension(ID_CE_SUBJECT_ALT_NAME).map_or(Ok(Vec::new()), San::read_all)?,
            key_usage: tbs.get_extension().map_err(|_| malformed())?.map(|(_, usage)| usage),
            extended_key_usage: tbs.get_extension().map_err(|_| malformed())?.map(|(_, usage)| usage),
            basic_constraints: tbs.get_extension().map_err(|_| malformed())?.map(|(_, constraints)| constraints),
            issuer_key_id: extension(AuthorityKeyIdentifier::OID).and_then(key_id),
            signature: certificate.signature_algorithm().oid,
            name_constraints: extension(pkix::NameConstraints::OID).map(<[u8]>::to_vec),
            key: tbs.subject_public_key_info().clone(),
        })
    }

    pub(super) const fn not_before(&self) -> Timestamp {
        self.not_before
    }

    pub(super) const fn not_after(&self) -> Timestamp {
        self.not_after
    }

    /// Bits of an RSA key too short to be trusted (NIST SP 800-131A §3).
    pub(super) fn weak_rsa_bits(&self) -> Option<usize> {
        let key = self.key.subject_public_key.as_bytes().filter(|_| self.key.algorithm.oid == RSA)?;
        let modulus = rsa(key)?.0;
        let bits = modulus.len() * 8 - modulus.first()?.leading_zeros() as usize;
        (bits < RSA_BITS_MIN).then_some(bits)
    }

    pub(super) fn path_length(&self) -> Option<u8> {
        self.basic_constraints.as_ref()?.path_len_constraint
    }

    pub(super) fn name_constraints(&self) -> Option<NameConstraints> {
        self.name_constraints.as_deref().map(NameConstraints::read)
    }

    pub(super) fn is_ca(&self) -> bool {
        self.basic_constraints.as_ref().is_some_and(|constraints| constraints.ca) && self.may_sign_certificates()
    }

    /// RFC 5280 §4.2.1.3: no key usage at all means no limit.
    pub(super) fn may_sign_certificates(&self) -> bool {
        self.key_usage.is_none_or(|usage| usage.key_cert_sign())
    }
}

/// The keyIdentifier of an AuthorityKeyIdentifier, without reading the rest (RFC 5280 §4.2.1.1).
pub(super) fn key_id(extension: &[u8]) -> Option<Vec<u8>> {
    let all = AnyRef::from_der(extension).ok()?;
    all.tag().assert_eq(Tag::Sequence).ok()?;
    let first = AnyRef::decode(&mut SliceReader::new(all.value()).ok()?).ok()?;
    let is_key_id = first.tag().class() == Class::ContextSpecific && first.tag().number() == TagNumber(0);
    is_key_id.then(|| first.value().to_vec())
}

impl fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientCertificate").field("subject", &self.subject()).finish_non_exhaustive()
    }
}
