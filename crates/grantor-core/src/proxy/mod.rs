//! What a proxy says about the client behind it: the certificate that it presented, in one of four forms, and its
//! address. Whether this proxy may be believed is for the HTTP front to know; nothing here is proof of anything.

pub mod address;
pub mod client_cert;
mod forwarded;
mod pem;
pub mod x_forwarded_client_cert;
pub mod x_forwarded_tls_client_cert;
pub mod x_ssl_client_cert;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// Most certificates in a header, and longest header that is read at all.
const CERTIFICATES_MAX: usize = 10;
const HEADER_MAX_BYTES: usize = 64 * 1024;

/// DER certificates, the client's own first. Empty: the client presented none.
pub type Chain = Vec<Vec<u8>>;

/// Why a header cannot be read: the end of a sentence that begins with its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed(pub &'static str);

impl std::fmt::Display for Malformed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Malformed {}

/// RFC 8941 §4.2.7: neither missing padding nor bits left over at the end are a reason to refuse.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

fn base64(text: &[u8]) -> Result<Vec<u8>, Malformed> {
    match BASE64.decode(text) {
        Ok(bytes) if bytes.is_empty() => Err(Malformed("holds an empty certificate")),
        Ok(bytes) => Ok(bytes),
        Err(_) => Err(Malformed("holds a certificate that is not valid base64")),
    }
}

/// Decodes `%XX`. A plus sign is itself: base64 holds some, and not every proxy escapes them.
fn percent_decode(text: &[u8]) -> Result<Vec<u8>, Malformed> {
    const BROKEN: Malformed = Malformed("has a % that is not followed by two hexadecimal digits");
    let digit = |byte: Option<u8>| char::from(byte.ok_or(BROKEN)?).to_digit(16).ok_or(BROKEN);
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.iter().copied();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let value = digit(bytes.next())? * 16 + digit(bytes.next())?;
            out.push(u8::try_from(value).map_err(|_| BROKEN)?);
        } else {
            out.push(byte);
        }
    }
    Ok(out)
}

/// The header, unless it is too long to be looked at.
fn bounded(value: &[u8]) -> Result<&[u8], Malformed> {
    if value.len() > HEADER_MAX_BYTES { Err(Malformed("is too long")) } else { Ok(value.trim_ascii()) }
}

fn push(chain: &mut Chain, certificate: Vec<u8>) -> Result<(), Malformed> {
    if chain.len() == CERTIFICATES_MAX {
        return Err(Malformed("holds more than ten certificates"));
    }
    chain.push(certificate);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_decoding_leaves_plus_alone() {
        assert_eq!(percent_decode(b"a+b%2B%2f%0A").unwrap(), b"a+b+/\n");
        for bad in ["%", "%2", "%2g", "%+1", "a%"] {
            assert!(percent_decode(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn rfc8941_s4_2_7_padding_may_be_missing() {
        assert_eq!(base64(b"AAE=").unwrap(), [0, 1]);
        assert_eq!(base64(b"AAE").unwrap(), [0, 1]);
        for bad in ["", "A", "AA E=", "AAE=AAE=", "_-8="] {
            assert!(base64(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
