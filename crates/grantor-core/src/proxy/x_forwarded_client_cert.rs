//! `X-Forwarded-Client-Cert` (Envoy): `Key=Value` pairs between semicolons, for each proxy on the way one element
//! between commas. Only a header of one element says who its writer is.

use super::{Chain, Malformed, bounded, pem, percent_decode};
use crate::jose::sha256;

pub fn parse(value: &[u8]) -> Result<Chain, Malformed> {
    let value = bounded(value)?;
    let (mut own, mut whole, mut hash) = (None, None, None);
    let mut rest = value;
    while !rest.is_empty() {
        let (key, after) = split_at(rest, b'=').ok_or(Malformed("has a key without a value"))?;
        let (value, after) = read_value(after)?;
        let slot = match key.trim_ascii() {
            key if key.eq_ignore_ascii_case(b"Cert") => Some(&mut own),
            key if key.eq_ignore_ascii_case(b"Chain") => Some(&mut whole),
            key if key.eq_ignore_ascii_case(b"Hash") => Some(&mut hash),
            _ => None,
        };
        if slot.is_some_and(|slot| slot.replace(value).is_some()) {
            return Err(Malformed("repeats a key"));
        }
        rest = after;
    }
    let chain = match (own, whole) {
        (Some(own), None) => certificates(&own)?,
        (None, Some(whole)) => certificates(&whole)?,
        (Some(own), Some(whole)) => {
            let (own, whole) = (certificates(&own)?, certificates(&whole)?);
            if own.first() != whole.first() {
                return Err(Malformed("has a Chain that does not begin with its Cert"));
            }
            whole
        }
        (None, None) if value.is_empty() => return Ok(Chain::new()),
        (None, None) => {
            return Err(Malformed(
                "has neither Cert nor Chain; set_current_client_cert_details must ask for cert or chain",
            ));
        }
    };
    let leaf = chain.first().ok_or(Malformed("has an empty certificate"))?;
    match hash {
        Some(hash) if !is_hash_of(&hash, leaf) => Err(Malformed("has a Hash of another certificate")),
        _ => Ok(chain),
    }
}

fn certificates(value: &[u8]) -> Result<Chain, Malformed> {
    pem::certificates(&percent_decode(value)?)
}

fn split_at(text: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    let at = text.iter().position(|byte| *byte == separator)?;
    Some((&text[..at], &text[at + 1..]))
}

/// A value, quoted or not, and what comes behind the semicolon after it.
fn read_value(text: &[u8]) -> Result<(Vec<u8>, &[u8]), Malformed> {
    let Some(quoted) = text.strip_prefix(b"\"") else {
        let end = text.iter().position(|byte| matches!(byte, b';' | b',')).unwrap_or(text.len());
        return Ok((text[..end].to_vec(), after_value(&text[end..])?));
    };
    let mut value = Vec::new();
    let mut bytes = quoted.iter().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'"' => return Ok((value, after_value(&quoted[at + 1..])?)),
            b'\\' => value.extend(bytes.next().map(|(_, byte)| *byte)),
            byte => value.push(*byte),
        }
    }
    Err(Malformed("has a quoted value without an end"))
}

fn after_value(text: &[u8]) -> Result<&[u8], Malformed> {
    match text {
        [] => Ok(text),
        [b';', rest @ ..] => Ok(rest),
        [b',', ..] => Err(Malformed(
            "has more than one element, so it is not this proxy's own; set forward_client_cert_details to SANITIZE_SET",
        )),
        _ => Err(Malformed("has something behind a quoted value")),
    }
}

fn is_hash_of(hex: &[u8], certificate: &[u8]) -> bool {
    let digest: String = sha256(certificate).iter().map(|byte| format!("{byte:02x}")).collect();
    hex.eq_ignore_ascii_case(digest.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CERT: &str = "-----BEGIN%20CERTIFICATE-----%0AMAA%3D%0A-----END%20CERTIFICATE-----%0A";
    const NEXT: &str = "-----BEGIN%20CERTIFICATE-----%0AMAE%3D%0A-----END%20CERTIFICATE-----%0A";

    fn hash() -> String {
        sha256(&[0x30, 0]).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn read(value: &str) -> Result<Chain, Malformed> {
        parse(value.as_bytes())
    }

    #[test]
    fn an_element_of_envoy() {
        let leaf = vec![0x30, 0];
        let hash = hash();
        assert_eq!(read(&format!("Cert=\"{CERT}\"")).unwrap(), std::slice::from_ref(&leaf));
        let whole = format!(
            "By=spiffe://a/b;By=spiffe://a/c;Hash={hash};Cert=\"{CERT}\";Chain=\"{CERT}{NEXT}\";\
             Subject=\"CN=a \\\"b\\\",O=c;d\";URI=spiffe://a/d;DNS=a.example;DNS=b.example"
        );
        assert_eq!(read(&whole).unwrap(), [leaf.clone(), vec![0x30, 1]]);
        assert_eq!(read(&format!("hash={};cert={CERT}", hash.to_uppercase())).unwrap(), [leaf]);
        assert_eq!(read("").unwrap(), Chain::new());
    }

    #[test]
    fn what_is_not_the_proxys_own_word_is_refused() {
        for (bad, says) in [
            (format!("Cert=\"{CERT}\",Cert=\"{NEXT}\""), "SANITIZE_SET"),
            (format!("Cert=\"{CERT}\","), "SANITIZE_SET"),
            (format!("By=a,Cert=\"{CERT}\""), "SANITIZE_SET"),
            (format!("Cert=\"{CERT}\";Cert=\"{NEXT}\""), "repeats"),
            (format!("Cert=\"{CERT}\";Chain=\"{NEXT}\""), "begin with"),
            (format!("Hash={};Cert=\"{CERT}\"", "0".repeat(64)), "another certificate"),
            (format!("Hash={}", hash()), "neither"),
            ("Cert=\"\"".into(), "empty"),
            (format!("Cert=\"{CERT}"), "without an end"),
            (format!("Cert=\"{CERT}\\"), "without an end"),
            (format!("Cert=\"{CERT}\"x"), "behind"),
            ("Cert".into(), "without a value"),
            ("Cert=MAA=".into(), "other than PEM"),
        ] {
            let error = read(&bad).unwrap_err();
            assert!(error.0.contains(says), "{bad}: {error}");
        }
    }
}
