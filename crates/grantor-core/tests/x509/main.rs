//! Client certificates: RFC 8705 §2.1, RFC 5280 §6, RFC 4514.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop here")]

mod names;
mod openssl;
mod paths;
mod pki;
mod rules;
