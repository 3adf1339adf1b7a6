//! `X-Forwarded-Tls-Client-Cert` (Traefik): PEM without its delimiters and line breaks, the client's own certificate
//! first, with commas between. Traefik 2 URL-encodes it, Traefik 3 does not.

use super::{Chain, Malformed, base64, bounded, percent_decode, push};

pub fn parse(value: &[u8]) -> Result<Chain, Malformed> {
    let value = percent_decode(bounded(value)?)?;
    let value = value.trim_ascii();
    let mut chain = Chain::new();
    for part in value.split(|byte| *byte == b',').filter(|_| !value.is_empty()) {
        push(&mut chain, base64(part.trim_ascii())?)?;
    }
    Ok(chain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traefik_two_and_three() {
        assert_eq!(parse(b"MAA=").unwrap(), [[0x30, 0]]);
        assert_eq!(parse(b"MAA=,MAE=").unwrap(), [[0x30, 0], [0x30, 1]]);
        assert_eq!(parse(b"MAA%3D%2CMAE%3D").unwrap(), [[0x30, 0], [0x30, 1]]);
        assert_eq!(parse(b"+%2B%2F/").unwrap(), [[0xfb, 0xef, 0xff]]);
        assert_eq!(parse(b"").unwrap(), Chain::new());
        for bad in [",", "MAA=,", ",MAA=", "MAA%", "-----BEGIN CERTIFICATE-----MAA=-----END CERTIFICATE-----", "é"] {
            assert!(parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
