//! Ways in which clients encode what they send.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// `application/x-www-form-urlencoded`, as RFC 6749 §2.3.1 asks for.
pub fn form(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// Every character percent-encoded.
pub fn upper_hex(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

pub fn lower_hex(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02x}")).collect()
}

/// Only what must be: `%`, `+` and `:`.
pub fn least(text: &str) -> String {
    text.replace('%', "%25").replace('+', "%2B").replace(':', "%3A")
}

pub fn base64(text: impl AsRef<[u8]>) -> String {
    STANDARD.encode(text)
}

/// An Authorization header over two halves that are encoded already.
pub fn basic(id: &str, secret: &str) -> String {
    format!("Basic {}", base64(format!("{id}:{secret}")))
}
