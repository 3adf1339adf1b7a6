//! Certificate revocation lists (RFC 5280 §5).

use super::certificate::key_id;
use super::name::DistinguishedName;
use super::{X509Error, pem, seconds};
use crate::Timestamp;
use webpki::{BorrowedCertRevocationList, CertRevocationList, Error};
use x509_cert::der::asn1::AnyRef;
use x509_cert::der::oid::AssociatedOid;
use x509_cert::der::{Class, Decode, Header, SliceReader, Tag, Tagged};
use x509_cert::ext::pkix::AuthorityKeyIdentifier;
use x509_cert::ext::{Extension, Extensions};
use x509_cert::name::Name;
use x509_cert::time::Time;

/// Most bytes of one list.
const BYTES_MAX: usize = 16 * 1024 * 1024;
const NAME_BYTES_MAX: usize = 2048;

/// One list, checked for form. Its signature is checked with each path, since its issuer may be known by then only.
pub(super) struct RevocationList {
    pub(super) list: CertRevocationList<'static>,
    pub(super) issuer: DistinguishedName,
    pub(super) this_update: Timestamp,
    pub(super) next_update: Timestamp,
    /// Which of its issuer's keys signed it (RFC 5280 §5.2.1).
    issuer_key_id: Option<Vec<u8>>,
}

impl RevocationList {
    /// Whether it may be signed with that key of its issuer: yes, unless both are named and differ.
    pub(super) fn may_be_of_key(&self, key_id: Option<&[u8]>) -> bool {
        self.issuer_key_id.is_none() || key_id.is_none() || self.issuer_key_id.as_deref() == key_id
    }
}

/// The lists of one source, PEM or DER.
pub(super) fn read(source: &[u8]) -> Result<Vec<RevocationList>, X509Error> {
    if source.len() > 2 * BYTES_MAX {
        return Err(too_long());
    }
    let ders = if pem::is_der(source) { vec![source.to_vec()] } else { pem::revocation_lists(source)? };
    ders.iter().map(|der| read_one(der)).collect()
}

fn too_long() -> X509Error {
    X509Error::new(format!("the list has more than {} MiB", BYTES_MAX >> 20))
}

fn read_one(der: &[u8]) -> Result<RevocationList, X509Error> {
    if der.len() > BYTES_MAX {
        return Err(too_long());
    }
    let malformed = || X509Error::new("it is not a certificate revocation list");
    let outline = outline(der).ok_or_else(malformed)?;
    let next_update = outline.next_update.ok_or_else(|| {
        X509Error::new("it does not say when the next list comes (nextUpdate, RFC 5280 section 5.1.2.5)")
    })?;
    let list =
        BorrowedCertRevocationList::from_der(der).and_then(|list| list.to_owned()).map_err(|error| match error {
            Error::UnsupportedDeltaCrl => X509Error::new("it is a delta list; give complete lists"),
            Error::UnsupportedIndirectCrl => {
                X509Error::new("it is an indirect list; give lists issued by the CA itself")
            }
            Error::UnsupportedCrlVersion => X509Error::new("it is not of version 2; issue it with a CRL number"),
            Error::UnsupportedRevocationReasonsPartitioning => {
                X509Error::new("it holds some reasons for revocation only; give complete lists")
            }
            Error::UnsupportedCrlIssuingDistributionPoint => {
                X509Error::new("its issuing distribution point is of a form that is not known here")
            }
            Error::UnsupportedCriticalExtension => X509Error::new("it has a critical extension that is not known here"),
            _ => malformed(),
        })?;
    let Outline { issuer, this_update, issuer_key_id, .. } = outline;
    Ok(RevocationList { list: list.into(), issuer, this_update, next_update, issuer_key_id })
}

struct Outline {
    issuer: DistinguishedName,
    this_update: Timestamp,
    next_update: Option<Timestamp>,
    issuer_key_id: Option<Vec<u8>>,
}

/// What stands around the entries, without reading them.
fn outline(der: &[u8]) -> Option<Outline> {
    let mut reader = SliceReader::new(der).ok()?;
    for _ in ["CertificateList", "TBSCertList"] {
        Header::decode(&mut reader).ok()?.tag().assert_eq(Tag::Sequence).ok()?;
    }
    if Tag::peek(&reader).ok()? == Tag::Integer {
        AnyRef::decode(&mut reader).ok()?;
    }
    let _algorithm = AnyRef::decode(&mut reader).ok()?;
    // Its size is looked at first, because the parser's time is quadratic in it.
    if u32::from(Header::peek(&reader).ok()?.length()) > u32::try_from(NAME_BYTES_MAX).ok()? {
        return None;
    }
    let issuer = DistinguishedName::from_x509(&Name::decode(&mut reader).ok()?)?;
    let this_update = seconds(Time::decode(&mut reader).ok()?.to_unix_duration());
    let next = matches!(Tag::peek(&reader), Ok(Tag::UtcTime | Tag::GeneralizedTime));
    let next_update = if next { Some(seconds(Time::decode(&mut reader).ok()?.to_unix_duration())) } else { None };
    if matches!(Tag::peek(&reader), Ok(Tag::Sequence)) {
        AnyRef::decode(&mut reader).ok()?;
    }
    // crlExtensions, [0] EXPLICIT; after it comes the signature.
    let extensions = AnyRef::decode(&mut reader).ok().filter(|any| any.tag().class() == Class::ContextSpecific);
    let extensions = extensions.and_then(|any| Extensions::from_der(any.value()).ok()).unwrap_or_default();
    let key_id_of = |extension: &Extension| key_id(extension.extn_value.as_bytes());
    let issuer_key_id = extensions.iter().find(|one| one.extn_id == AuthorityKeyIdentifier::OID).and_then(key_id_of);
    Some(Outline { issuer, this_update, next_update, issuer_key_id })
}
