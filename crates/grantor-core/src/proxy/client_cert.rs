//! `Client-Cert` and `Client-Cert-Chain` (RFC 9440): byte sequences of RFC 8941, such as `:MIIBqDCCAU6g…:`.

use super::{Chain, Malformed, base64, bounded, push};

/// `leaf` is the value of `Client-Cert`, `rest` the lines of `Client-Cert-Chain`.
pub fn parse<'h>(leaf: Option<&[u8]>, rest: impl IntoIterator<Item = &'h [u8]>) -> Result<Chain, Malformed> {
    let mut chain = Chain::new();
    if let Some(leaf) = leaf.map(bounded).transpose()?.filter(|leaf| !leaf.is_empty()) {
        chain.push(byte_sequence(leaf)?);
    }
    for line in rest {
        let line = bounded(line)?;
        // RFC 8941 §4.2.1: a list may be empty, its members not.
        for member in line.split(|byte| *byte == b',').filter(|_| !line.is_empty()) {
            if chain.is_empty() {
                return Err(Malformed("has no Client-Cert beside it (RFC 9440 section 2.3)"));
            }
            push(&mut chain, byte_sequence(member.trim_ascii())?)?;
        }
    }
    Ok(chain)
}

fn byte_sequence(text: &[u8]) -> Result<Vec<u8>, Malformed> {
    let inner = text.strip_prefix(b":").and_then(|rest| rest.strip_suffix(b":"));
    base64(inner.ok_or(Malformed("is not base64 between colons (RFC 9440 section 2.1)"))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc9440_s2_leaf_and_chain() {
        let read = |leaf: &'static str, rest: &[&'static str]| {
            parse(Some(leaf.as_bytes()), rest.iter().map(|line| line.as_bytes()))
        };
        assert_eq!(read(":MAA=:", &[]).unwrap(), [[0x30, 0]]);
        assert_eq!(
            read(" :MAA=: ", &[":MAE=:, :MAI=:", ":MAM=:"]).unwrap(),
            [[0x30, 0], [0x30, 1], [0x30, 2], [0x30, 3]]
        );
        assert_eq!(read(":MAA:", &["", " "]).unwrap(), [[0x30, 0]]);
        assert_eq!(read("", &[]).unwrap(), Chain::new());
        assert_eq!(parse(None, []).unwrap(), Chain::new());
        for bad in ["MAA=", ":MAA=", "MAA=:", ":", "::", ":MA A=:", ":MAA=:;a=1", ":MAA=:, :MAA=:", "\"MAA=\"", ":é:"]
        {
            assert!(read(bad, &[]).is_err(), "{bad}");
        }
        for bad in ["MAA=", ":MAA=:,", ",:MAA=:", ":MAA=:,,:MAA=:"] {
            assert!(read(":MAA=:", &[bad]).is_err(), "{bad}");
        }
    }

    #[test]
    fn rfc9440_s2_3_no_chain_without_a_leaf() {
        assert!(parse(None, [&b":MAA=:"[..]]).is_err());
        assert!(parse(Some(b""), [&b":MAA=:"[..]]).is_err());
    }

    #[test]
    fn chains_are_bounded() {
        let lines = |count| parse(Some(b":MAA=:"), std::iter::repeat_n(&b":MAA=:"[..], count));
        assert!(lines(9).is_ok() && lines(10).is_err());
        assert!(parse(Some(format!(":{}:", "A".repeat(70_000)).as_bytes()), []).is_err());
    }
}
