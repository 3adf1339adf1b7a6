//! Client secrets: how they are made, stored and compared (RFC 6749 §2.3.1, §10.10).
//!
//! A secret made here carries 256 random bits, so one keyed hash is enough. A secret chosen by a person or
//! brought from another server may be weak: it stays behind a slow hash ([`phc`]).

mod format;
mod pepper;
pub mod phc;

pub use format::{SecretFormat, examine, generate};
pub use pepper::{HashedSecret, Hashes, Pepper, Peppers};

#[cfg(test)]
pub(crate) use pepper::KEYED_HASHES;

/// Longest secret accepted, in characters. Nothing is cut before hashing.
pub const SECRET_MAX: usize = 1024;

/// Whether `text` is VSCHAR throughout (%x20-7E, RFC 6749 appendix A) and 1 to `max` characters long.
pub fn is_vschar(text: &str, max: usize) -> bool {
    !text.is_empty() && text.len() <= max && text.bytes().all(|b| matches!(b, 0x20..=0x7e))
}
