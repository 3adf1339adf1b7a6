//! PEM (RFC 7468): several sections in a text, private keys refused.

use super::X509Error;
use rustls_pki_types::pem::{Error, PemObject, SectionKind};

const PRIVATE_KEY: &[u8] = b"PRIVATE KEY-----";

/// The certificates of a text, in order. Anything else in it is passed over, except private keys: one that came here has
/// been seen by someone who should not have it.
pub(super) fn certificates(text: &[u8]) -> Result<Vec<Vec<u8>>, X509Error> {
    sections(text, SectionKind::Certificate, "certificate", "CERTIFICATE")
}

pub(super) fn revocation_lists(text: &[u8]) -> Result<Vec<Vec<u8>>, X509Error> {
    sections(text, SectionKind::Crl, "revocation list", "X509 CRL")
}

pub(super) fn public_keys(text: &[u8]) -> Result<Vec<Vec<u8>>, X509Error> {
    sections(text, SectionKind::PublicKey, "public key", "PUBLIC KEY")
}

fn sections(text: &[u8], wanted: SectionKind, what: &str, label: &str) -> Result<Vec<Vec<u8>>, X509Error> {
    if text.windows(PRIVATE_KEY.len()).any(|window| window == PRIVATE_KEY) {
        return Err(X509Error::new(format!(
            "this holds a private key, which stays with its owner; give the {what} alone"
        )));
    }
    let mut found = Vec::new();
    for section in <(SectionKind, Vec<u8>)>::pem_slice_iter(text) {
        let (kind, der) = section.map_err(|error| broken(&error))?;
        if kind == wanted {
            found.push(der);
        }
    }
    if found.is_empty() {
        return Err(X509Error::new(format!("there is no {what} in it; PEM text has a line -----BEGIN {label}-----")));
    }
    Ok(found)
}

/// Whether the bytes are DER rather than PEM: both a certificate and a revocation list begin with a SEQUENCE.
pub(super) fn is_der(bytes: &[u8]) -> bool {
    bytes.first() == Some(&0x30)
}

fn broken(error: &Error) -> X509Error {
    X509Error::new(match error {
        Error::MissingSectionEnd { .. } => "a PEM section has no -----END …----- line",
        Error::IllegalSectionStart { .. } => "a -----BEGIN …----- line of the PEM text is malformed",
        Error::Base64Decode(_) => "a PEM section is not valid base64",
        _ => "the PEM text cannot be read",
    })
}
