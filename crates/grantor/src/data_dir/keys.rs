//! What stands in the key files.

use crate::random;
use crate::secrets::{Secret, strip_newline};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use grantor_core::secret::Pepper;
use std::fmt;
use zeroize::Zeroizing;

/// Scanners for leaked secrets find the key by this.
const ADMIN_KEY_PREFIX: &str = "gradm";
/// 43 base62 characters hold 256 bits.
const ADMIN_KEY_BODY: usize = 43;
const PEPPER_ID_MAX: usize = 32;

/// Seals private keys at rest.
#[derive(Clone, PartialEq, Eq)]
pub struct MasterKey(pub Zeroizing<[u8; 32]>);

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(…)")
    }
}

pub(super) fn new_master_key() -> Zeroizing<String> {
    let mut line = encode(&Zeroizing::new(random::bytes()));
    line.push('\n');
    line
}

pub(super) fn parse_master_key(text: &str) -> Result<MasterKey, String> {
    decode(strip_newline(text))
        .map(MasterKey)
        .ok_or_else(|| "a master key is 32 random bytes in base64; make one with: openssl rand -base64 32".into())
}

pub(super) fn new_pepper() -> Zeroizing<String> {
    let key = encode(&Zeroizing::new(random::bytes()));
    Zeroizing::new(format!("{}:{}\n", *random::base62(8), *key))
}

pub(super) fn parse_peppers(text: &str) -> Result<Vec<Pepper>, String> {
    let mut peppers: Vec<Pepper> = Vec::new();
    for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.is_empty()) {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let pepper = line
            .split_once(':')
            .filter(|(id, _)| (1..=PEPPER_ID_MAX).contains(&id.len()) && id.bytes().all(plain))
            .and_then(|(id, key)| Some(Pepper { id: id.to_owned(), key: decode(key)? }))
            .ok_or_else(|| {
                format!("line {number} should be an id, a colon, and 32 random bytes in base64; restore the file from a backup")
            })?;
        if peppers.iter().any(|other| other.id == pepper.id) {
            return Err(format!("line {number} repeats the id {}; give each pepper its own", pepper.id));
        }
        peppers.push(pepper);
    }
    if peppers.is_empty() {
        return Err("it holds no pepper; restore it from a backup".into());
    }
    Ok(peppers)
}

pub(super) fn new_admin_key() -> Zeroizing<String> {
    Zeroizing::new(format!("{ADMIN_KEY_PREFIX}{}\n", *random::base62(ADMIN_KEY_BODY)))
}

pub(super) fn parse_admin_key(text: &str) -> Result<Secret, String> {
    let text = strip_newline(text);
    let body = text.strip_prefix(ADMIN_KEY_PREFIX).unwrap_or_default();
    if body.len() != ADMIN_KEY_BODY || !body.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(
            "this is no administrator's key; remove the file and restart the server, which makes a new one".into()
        );
    }
    Ok(Secret::new(text.to_owned()))
}

fn encode(key: &[u8; 32]) -> Zeroizing<String> {
    Zeroizing::new(URL_SAFE_NO_PAD.encode(key))
}

/// 32 bytes from base64url, or from the base64 that other tools write.
fn decode(text: &str) -> Option<Zeroizing<[u8; 32]>> {
    let url_safe = Zeroizing::new(text.trim_end_matches('=').replace('+', "-").replace('/', "_"));
    let mut key = Zeroizing::new([0; 32]);
    let length = URL_SAFE_NO_PAD.decode_slice(url_safe.as_bytes(), key.as_mut_slice()).ok()?;
    (length == key.len()).then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_can_be_read() {
        let key = parse_master_key(&new_master_key()).unwrap();
        assert_ne!(key, parse_master_key(&new_master_key()).unwrap());
        assert_eq!(new_master_key().len(), 44);
        let [pepper] = &parse_peppers(&new_pepper()).unwrap()[..] else { panic!("one pepper") };
        assert_eq!(pepper.id.len(), 8);
        assert_eq!(parse_admin_key(&new_admin_key()).unwrap().expose().len(), 48);
    }

    #[test]
    fn the_base64_of_other_tools_is_read() {
        let url_safe = "-_".repeat(21) + "8";
        let standard = "+/".repeat(21) + "8=";
        assert_eq!(parse_master_key(&url_safe).unwrap(), parse_master_key(&standard).unwrap());
    }

    #[test]
    fn keys_of_the_wrong_length_or_alphabet_are_refused() {
        for wrong in ["", "AAAA", &"A".repeat(42), &"A".repeat(44), &"A".repeat(86), &"!".repeat(43), &" A".repeat(21)]
        {
            assert!(parse_master_key(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn peppers_keep_their_order_and_have_ids_of_their_own() {
        let a = "A".repeat(43);
        let both = parse_peppers(&format!("old:{a}\n\nnew:{a}\n")).unwrap();
        assert_eq!(both.iter().map(|pepper| &pepper.id[..]).collect::<Vec<_>>(), ["old", "new"]);
        for wrong in
            [format!("x:{a}\nx:{a}"), a.clone(), format!(":{a}"), format!("a b:{a}"), "x:AA".into(), String::new()]
        {
            let message = parse_peppers(&wrong).unwrap_err();
            assert!(!message.contains(&a[..]), "{message}");
        }
    }

    #[test]
    fn nothing_shows_in_debug() {
        let a = "A".repeat(43);
        let shown = format!("{:?} {:?}", parse_master_key(&a).unwrap(), parse_peppers(&format!("x:{a}")).unwrap());
        assert_eq!(shown, "MasterKey(…) [Pepper { id: \"x\", .. }]");
    }
}
