//! base64url as JOSE uses it: no padding, no white space, no stray bits at the end (RFC 7515 §2).

use super::JoseError;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

pub fn b64url_encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub fn b64url_encode_into(bytes: &[u8], out: &mut String) {
    URL_SAFE_NO_PAD.encode_string(bytes, out);
}

/// Only the one canonical form of each value is accepted, so that a rewritten token is not the token.
pub fn b64url_decode(text: &str) -> Result<Vec<u8>, JoseError> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| JoseError::new("it is not valid base64url"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_canonical_form_is_read() {
        assert_eq!(b64url_decode("_-8").unwrap(), [0xff, 0xef]);
        for other in ["_-8=", "_-9", "/+8", "_ -8", "_-8\n", "_"] {
            assert!(b64url_decode(other).is_err(), "{other:?}");
        }
    }
}
