//! Secrets that live elsewhere: a setting holds a reference such as `env:NAME`, `file:/run/secrets/x` or
//! `vault:kv/app#secret`, and the value is read when it is needed.
//!
//! [`SecretRef`] is the grammar, [`Secrets`] follows references and writes to them. No value shows in `Debug` or in an
//! error.

mod env;
mod error;
mod file;
mod place;
mod reference;
mod secret;
mod secrets;
#[cfg(feature = "vault")]
pub mod vault;

pub use error::{SecretError, Trouble};
pub use file::{bounded, read_text, readable};
pub use reference::SecretRef;
pub use secret::{Secret, strip_newline};
pub use secrets::{Secrets, Written};

/// Longest secret that is read, in bytes. A longer one is a mistake in the reference.
pub const SECRET_MAX_BYTES: usize = 64 * 1024;
