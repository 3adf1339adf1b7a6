//! `X-SSL-Client-Cert`: URL-encoded PEM, as nginx writes `$ssl_client_escaped_cert`, or base64 of DER, as HAProxy
//! writes `%[ssl_c_der,base64]`. HAProxy's `ssl_c_chain_der` is the certificates behind that one, joined; it may follow
//! after a comma.

use super::{Chain, Malformed, base64, bounded, pem, percent_decode, push};

pub fn parse(value: &[u8]) -> Result<Chain, Malformed> {
    let value = bounded(value)?;
    if value.starts_with(b"-----BEGIN") {
        return pem::certificates(&percent_decode(value)?);
    }
    let mut chain = Chain::new();
    for (position, part) in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).enumerate() {
        if part.is_empty() {
            continue;
        }
        if position > 0 && chain.is_empty() {
            return Err(Malformed("holds a chain, but not the client's own certificate"));
        }
        let joined = base64(part)?;
        let mut rest = &joined[..];
        while !rest.is_empty() {
            let certificate = first_der(rest)?;
            push(&mut chain, certificate.to_vec())?;
            rest = &rest[certificate.len()..];
        }
    }
    Ok(chain)
}

/// The first of several joined DER values, each a SEQUENCE as certificates are.
fn first_der(bytes: &[u8]) -> Result<&[u8], Malformed> {
    const BROKEN: Malformed = Malformed("holds base64 that is not of DER certificates");
    let (header, length) = match *bytes {
        [0x30, short @ 0..=0x7f, ..] => (2, usize::from(short)),
        [0x30, 0x81, a, ..] => (3, usize::from(a)),
        [0x30, 0x82, a, b, ..] => (4, usize::from(a) << 8 | usize::from(b)),
        _ => return Err(BROKEN),
    };
    bytes.get(..header + length).ok_or(BROKEN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn url_encoded_pem() {
        let escaped = "-----BEGIN%20CERTIFICATE-----%0AMAA%3D%0A-----END%20CERTIFICATE-----%0A";
        assert_eq!(parse(escaped.as_bytes()).unwrap(), [[0x30, 0]]);
        let plain = "-----BEGIN CERTIFICATE----- MAA= -----END CERTIFICATE-----";
        assert_eq!(parse(plain.as_bytes()).unwrap(), [[0x30, 0]]);
        for bad in ["-----BEGIN%20CERTIFICATE-----", "-----BEGIN%2", "%2D----BEGIN%20CERTIFICATE-----", "-----BEGIN"] {
            assert!(parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn base64_of_der_and_of_a_joined_chain() {
        assert_eq!(parse(b"MAA=").unwrap(), [[0x30, 0]]);
        assert_eq!(parse(b"MAA=,").unwrap(), [[0x30, 0]]);
        // 30 00, then 30 01 05 and 30 00 joined.
        assert_eq!(parse(b"MAA=,MAEFMAA=").unwrap(), [vec![0x30, 0], vec![0x30, 1, 5], vec![0x30, 0]]);
        for nothing in ["", " ", ","] {
            assert_eq!(parse(nothing.as_bytes()).unwrap(), Chain::new(), "{nothing:?}");
        }
        // Cut off, no SEQUENCE, a length in an indefinite or too long form, a chain alone.
        for bad in ["MAE=", "MQA=", "MIA=", "MIMAAAA=", "MAAx", "1", ",MAA=", "MAA=;MAA="] {
            assert!(parse(bad.as_bytes()).is_err(), "{bad}");
        }
        assert!(parse("MAAwADAA".repeat(4).as_bytes()).is_err(), "twelve certificates");
    }
}
