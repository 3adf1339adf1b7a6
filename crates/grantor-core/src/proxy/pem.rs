//! PEM certificates as headers hold them: the line breaks may have become spaces, or be gone.

use super::{Chain, Malformed, base64, push};

const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";
const END: &[u8] = b"-----END CERTIFICATE-----";

/// Certificates, and white space between them.
pub(super) fn certificates(text: &[u8]) -> Result<Chain, Malformed> {
    let mut chain = Chain::new();
    let mut rest = text.trim_ascii();
    while !rest.is_empty() {
        let inner = rest.strip_prefix(BEGIN).ok_or(Malformed("holds something other than PEM certificates"))?;
        let end = inner.windows(END.len()).position(|window| window == END);
        let (body, after) = inner.split_at(end.ok_or(Malformed("holds a PEM certificate without an end"))?);
        let body: Vec<u8> = body.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
        push(&mut chain, base64(&body)?)?;
        rest = after[END.len()..].trim_ascii_start();
    }
    Ok(chain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_alone_are_read() {
        let one = "-----BEGIN CERTIFICATE-----\nMA\nA=\n-----END CERTIFICATE-----\n";
        let spaced = one.replace('\n', " ");
        assert_eq!(certificates(one.as_bytes()).unwrap(), [[0x30, 0]]);
        assert_eq!(certificates(format!(" {one}{spaced}\r\n").as_bytes()).unwrap(), [[0x30, 0], [0x30, 0]]);
        assert_eq!(certificates(b" ").unwrap(), Chain::new());
        for bad in [
            "MAA=",
            "x-----BEGIN CERTIFICATE-----MAA=-----END CERTIFICATE-----",
            "-----BEGIN CERTIFICATE-----MAA=-----END CERTIFICATE-----x",
            "-----BEGIN CERTIFICATE-----MAA=",
            "-----BEGIN CERTIFICATE----------END CERTIFICATE-----",
            "-----BEGIN CERTIFICATE-----M,A=-----END CERTIFICATE-----",
            "-----BEGIN PRIVATE KEY-----MAA=-----END PRIVATE KEY-----",
        ] {
            assert!(certificates(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
